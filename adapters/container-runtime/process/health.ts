import { get } from 'node:http';

const TIMEOUT_MS = 2000;

/**
 * Asks an agent's health path once.
 * @returns null when it answered 200..399, else what happened instead
 */
export function probeHealth(port: number, path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const request = get(
      { host: '127.0.0.1', port, path, agent: false, timeout: TIMEOUT_MS, headers: { connection: 'close' } },
      (response) => {
        const status = response.statusCode ?? 0;
        response.destroy();
        resolve(status >= 200 && status < 400 ? null : `HTTP ${status}`);
      },
    );
    request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    request.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' ? 'connection refused' : error.message),
    );
  });
}
