import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Docker from 'dockerode';
import { MinerFault, OwnerFault } from '../types';
import type { EngineAddress } from './config';

/** @throws OwnerFault when the client certificates cannot be read */
export function connectEngine(address: EngineAddress): Docker {
  if ('socketPath' in address) return new Docker({ socketPath: address.socketPath });
  const { protocol, host, port, certificates } = address;
  if (certificates === undefined) return new Docker({ protocol, host, port });
  try {
    const read = (name: string): Buffer => readFileSync(join(certificates, name));
    return new Docker({
      protocol,
      host,
      port,
      ca: read('ca.pem'),
      cert: read('cert.pem'),
      key: read('key.pem'),
    });
  } catch (error) {
    throw new OwnerFault(
      'engine_certificates',
      `the engine's client certificates in DOCKER_CERT_PATH cannot be read: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

/** The engine's HTTP status, or undefined when the error is not an answer of it. */
export function statusCode(error: unknown): number | undefined {
  return (error as { statusCode?: number } | null)?.statusCode;
}

export const isNotFound = (error: unknown): boolean => statusCode(error) === 404;

/** A name is taken, or the object is in the middle of being removed. */
export const isConflict = (error: unknown): boolean => statusCode(error) === 409;

/** Two networks have one name: another worker made the second just now, and will find that it is one too many. */
export const isAmbiguous = (error: unknown): boolean =>
  statusCode(error) === 400 && /is ambiguous/.test(engineMessage(error));

/** What the engine said, without the client library's prefix. */
export function engineMessage(error: unknown): string {
  const { json, message } = error as { json?: { message?: unknown }; message?: string };
  if (typeof json?.message === 'string') return json.message;
  return message ?? String(error);
}

const CONNECTION_ERRORS = [
  'ECONNREFUSED',
  'ENOENT',
  'EACCES',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'ETIMEDOUT',
];

/**
 * Runs work against the engine; whatever it refuses is the owner's fault. Faults and aborts pass as they are.
 * @param action completes "could not ..."
 */
export async function owned<T>(
  action: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof MinerFault || error instanceof OwnerFault) throw error;
    if (signal?.aborted) throw signal.reason;
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === 'connect' || (code !== undefined && CONNECTION_ERRORS.includes(code))) {
      throw new OwnerFault(
        'engine_unreachable',
        `could not ${action}: the container engine does not answer (${code}); is it running, and does DOCKER_HOST name it?`,
        { cause: error },
      );
    }
    throw new OwnerFault('runtime_error', `could not ${action}: ${engineMessage(error)}`, { cause: error });
  }
}

/** The value, or null where the engine does not know the object. */
export async function orNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

/** Ignores that the object is gone, is going, or is in the state already (304). */
export async function gone(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    const removing = isConflict(error) && /already in progress/.test(engineMessage(error));
    if (!isNotFound(error) && statusCode(error) !== 304 && !removing) throw error;
  }
}
