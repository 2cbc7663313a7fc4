import { createServer, connect } from 'node:net';

/** Says whether a TCP port of 127.0.0.1 can be listened on. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** A TCP port of 127.0.0.1 that nobody listens on, chosen by the operating system. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address
          ? resolve(address.port)
          : reject(new Error('no port was given')),
      );
    });
  });
}

/**
 * Chooses the first free port of `preferred`, or any free one.
 * @param preferred ports in the order of preference
 */
export async function choosePort(preferred: readonly number[]): Promise<number> {
  for (const port of preferred) if (await isPortFree(port)) return port;
  return freePort();
}

/**
 * Connects to a TCP address and closes again.
 * @param timeoutMs time to connect within, in milliseconds
 * @throws Error when nobody answers there
 */
export function probeTcp(host: string, port: number, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const end = (error?: Error) => {
      socket.destroy();
      if (error) reject(error);
      else resolve();
    };
    socket.setTimeout(timeoutMs, () =>
      end(new Error(`no answer from ${host}:${port} within ${timeoutMs} ms`)),
    );
    socket.once('error', end);
    socket.once('connect', () => end());
  });
}
