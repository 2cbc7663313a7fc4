import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf } from '../../adapters/logging';
import type { Service } from './service';

export interface ServeOptions {
  host: string;
  /** 0 takes any free port. */
  port: number;
  /** How long requests under way may take to finish after a stop is asked for, in seconds. */
  drainSeconds: number;
  /** Lets go of what the service holds (database, Redis) once its last request has ended. */
  onClose?: () => Promise<void>;
  /** Stop on SIGTERM and SIGINT and end the process; on unless told otherwise. */
  handleSignals?: boolean;
}

/** A service that listens. */
export interface RunningService {
  url: string;
  port: number;
  /** Stops listening, lets requests under way end within the drain time, cuts the rest off, then releases. */
  close(): Promise<void>;
}

/**
 * Listens, and resolves once connections are accepted.
 * @throws Error that names host and port when they cannot be listened on
 */
export async function serve(service: Service, options: ServeOptions): Promise<RunningService> {
  const { logger, name } = service;
  const server = createServer(service.app);
  server.keepAliveTimeout = 75_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(`${name} cannot listen on ${options.host}:${options.port}: ${messageOf(error)}`)),
    );
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  const url = `http://${host}:${port}`;
  logger.info(`${name} listens on ${url}`);

  let closing: Promise<void> | undefined;
  const close = () => (closing ??= drain());

  async function drain(): Promise<void> {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
    service.startDraining();
    const ended = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    const cut = setTimeout(() => {
      logger.warn('requests under way were cut off', { after_seconds: options.drainSeconds });
      server.closeAllConnections();
    }, options.drainSeconds * 1000);
    // A connection that was busy when closing began turns idle when its answer is out, and would stay open.
    const sweep = setInterval(() => server.closeIdleConnections(), 50);
    await ended;
    clearTimeout(cut);
    clearInterval(sweep);
    await options.onClose?.();
    logger.info(`${name} has stopped`);
  }

  function onSignal(signal: NodeJS.Signals): void {
    logger.info(`${name} stops on ${signal}`);
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error('the stop failed', { error });
        process.exit(1);
      },
    );
  }

  if (options.handleSignals ?? true) process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  return { url, port, close };
}
