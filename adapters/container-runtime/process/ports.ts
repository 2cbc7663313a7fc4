import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { OwnerFault } from '../types';

/**
 * A loopback port that nothing listens on.
 * @param taken ports that are spoken for though nothing may listen on them yet
 * @throws OwnerFault `no_free_port`
 */
export async function findPort(
  range: { from: number; to: number },
  taken: ReadonlySet<number>,
): Promise<number> {
  const size = range.to - range.from + 1;
  const start = randomInt(size);
  for (let step = 0; step < size; step += 1) {
    const port = range.from + ((start + step) % size);
    if (!taken.has(port) && (await isFree(port))) return port;
  }
  throw new OwnerFault('no_free_port', `no free port between ${range.from} and ${range.to}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
