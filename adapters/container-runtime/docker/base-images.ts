/** Base images: present, pulled, or a fault of whoever can mend it. */
import type Docker from 'dockerode';
import { MinerFault, OwnerFault } from '../types';
import type { BuildLog } from '../image-build';
import { engineMessage, orNull, statusCode } from './engine';

/** What registries and engines say of an image that is not there, or not for everybody. */
const ABSENT =
  /manifest (for .* )?(unknown|not found)|not found|does not exist|access denied|pull access|unauthorized|denied:|invalid reference|no matching manifest/i;
/** What is said when the registry was never asked, or is not well. */
const UNREACHABLE =
  /dial tcp|no such host|i\/o timeout|timeout exceeded|connection (refused|reset)|TLS handshake|network is unreachable|x509|server misbehaving|toomanyrequests|too many requests|rate limit|EOF|context deadline|internal server error|bad gateway|service unavailable|received unexpected HTTP status: 5/i;

/**
 * Makes sure that an image is on the engine.
 * @throws MinerFault `base_image_missing` when the registry says that there is none; OwnerFault
 *   `registry_unreachable` when the registry does not say anything; the signal's reason when it was aborted
 */
export async function ensureBaseImage(
  docker: Docker,
  name: string,
  log: BuildLog,
  signal: AbortSignal,
): Promise<void> {
  if ((await orNull(docker.getImage(name).inspect())) !== null) return;
  log.write(`pulling base image ${name}`);
  try {
    const stream = await docker.pull(withTag(name), { abortSignal: signal });
    await drain(stream, signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw baseImageFault(name, error, log);
  }
}

/** Tells apart why a base image could not be had. Anything unclear is the owner's: a retry harms nobody. */
export function baseImageFault(name: string, error: unknown, log: BuildLog): MinerFault | OwnerFault {
  const message = engineMessage(error);
  log.write(message);
  const badName = statusCode(error) === 400;
  if (!UNREACHABLE.test(message) && (badName || ABSENT.test(message))) {
    return new MinerFault(
      'base_image_missing',
      `base image ${name} is neither on the engine nor in its registry: ${message}`,
    );
  }
  return new OwnerFault(
    'registry_unreachable',
    `base image ${name} is not on the engine and its registry could not be asked: ${message}`,
    { cause: error },
  );
}

/** Without a tag the engine's API would pull every one. */
function withTag(name: string): string {
  return name.includes('@') || /:[^/]+$/.test(name) ? name : `${name}:latest`;
}

/** Reads a pull's progress to its end. @throws Error with what the engine reported */
async function drain(stream: NodeJS.ReadableStream, signal: AbortSignal): Promise<void> {
  const abort = (): void => void (stream as NodeJS.ReadableStream & { destroy(): void }).destroy();
  signal.addEventListener('abort', abort, { once: true });
  try {
    for await (const event of jsonLines(stream)) {
      if (typeof event.error === 'string') throw new Error(event.error);
    }
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** The JSON objects of a progress stream, one a line. */
export async function* jsonLines(stream: NodeJS.ReadableStream): AsyncGenerator<Record<string, unknown>> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of stream as AsyncIterable<Buffer | string>) {
    rest += typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.trim() !== '') yield JSON.parse(line) as Record<string, unknown>;
    }
  }
  if (rest.trim() !== '') yield JSON.parse(rest) as Record<string, unknown>;
}
