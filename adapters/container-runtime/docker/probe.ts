import { get } from 'node:http';

const TIMEOUT_MS = 2000;

/**
 * Asks an agent's health path once.
 * @param endpointUrl base address without a trailing slash
 * @returns null when it answered 200..399, else what happened instead
 */
export function probeEndpoint(endpointUrl: string, path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const request = get(
      `${endpointUrl}${path}`,
      { agent: false, timeout: TIMEOUT_MS, headers: { connection: 'close' } },
      (response) => {
        const status = response.statusCode ?? 0;
        response.destroy();
        resolve(status >= 200 && status < 400 ? null : `HTTP ${status}`);
      },
    );
    request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    request.on('error', (error: NodeJS.ErrnoException) => {
      // The relay closes a connection that nobody takes at the other end.
      const refused = ['ECONNREFUSED', 'ECONNRESET'].includes(error.code ?? '');
      resolve(refused ? 'connection refused' : error.message);
    });
  });
}
