import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { bareEnvironment } from './programs';
import type { ProcessSpec } from './supervised-process';

/** A Redis server that is to run. */
export interface RedisPlan {
  /** path of redis-server */
  program: string;
  /** holds the append-only file */
  dataDir: string;
  port: number;
  password: string;
  /** numbered databases (16) */
  databases?: number;
  logFile?: string;
}

const PING_MS = 2000;

/** The address of the planned server's first database. */
export function redisUrl(plan: Pick<RedisPlan, 'port' | 'password'>): string {
  return `redis://:${encodeURIComponent(plan.password)}@127.0.0.1:${plan.port}/0`;
}

/**
 * Asks a Redis server whether it serves commands.
 * @throws Error when it does not answer PONG, for example while it loads its data
 */
export function pingRedis(target: {
  host: string;
  port: number;
  username?: string;
  password?: string;
}): Promise<void> {
  return new Promise((resolvePing, reject) => {
    const socket = connect({ host: target.host, port: target.port });
    let answer = '';
    const end = (error?: Error) => {
      socket.destroy();
      if (error) reject(error);
      else resolvePing();
    };
    const words = (...parts: string[]) =>
      `*${parts.length}\r\n${parts.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join('')}`;
    socket.setTimeout(PING_MS, () => end(new Error(`no answer from ${target.host}:${target.port} to PING`)));
    socket.once('error', end);
    socket.once('close', () => end(new Error(`${target.host}:${target.port} closed the connection`)));
    socket.once('connect', () => {
      const { username, password } = target;
      const login = password ? words('AUTH', ...(username ? [username] : []), password) : '';
      socket.write(login + words('PING'));
    });
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      const refusal = /^-(.*)\r\n/m.exec(answer);
      if (refusal) end(new Error(`it answers: ${refusal[1]}`));
      else if (answer.includes('+PONG\r\n')) end();
    });
  });
}

/** Says how to keep a Redis server running. Its configuration is a file, so that its password is in no process list. */
export function redisProcess(plan: RedisPlan): ProcessSpec {
  const dataDir = resolve(plan.dataDir);
  const config = join(dataDir, 'redis.conf');
  return {
    name: 'redis',
    command: plan.program,
    args: [config],
    env: bareEnvironment(),
    inheritEnv: false,
    logFile: plan.logFile,
    prepare: async () => {
      mkdirSync(dataDir, { recursive: true });
      const lines = [
        'bind 127.0.0.1',
        `port ${plan.port}`,
        `dir ${JSON.stringify(dataDir)}`,
        'appendonly yes',
        'save ""',
        `databases ${plan.databases ?? 16}`,
        `requirepass ${plan.password}`,
      ];
      writeFileSync(config, `${lines.join('\n')}\n`, { mode: 0o600 });
    },
    ready: {
      kind: 'check',
      check: () => pingRedis({ host: '127.0.0.1', port: plan.port, password: plan.password }),
    },
  };
}
