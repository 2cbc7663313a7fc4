import { chmodSync, lchownSync, lstatSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bareEnvironment, findProgram, runProgram } from './programs';

/** How PostgreSQL's programs are to be started so that they are content with their user. */
export interface PostgresLauncher {
  /** in a sentence, for logs */
  description: string;
  /** turns a program and its arguments into what to start */
  wrap(
    command: string,
    args: readonly string[],
  ): { command: string; args: string[]; uid?: number; gid?: number };
  /** makes a file or a directory, with what is in it, usable by that user */
  give(path: string): void;
}

const asItIs: PostgresLauncher = {
  description: 'as the user of this process',
  wrap: (command, args) => ({ command, args: [...args] }),
  give: () => undefined,
};

interface Account {
  name: string;
  uid: number;
  gid: number;
}

function accounts(): Account[] {
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= 4)
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter((account) => account.uid > 0);
}

/**
 * A user namespace in which root looks like an ordinary user: nothing is created on the machine, and files stay
 * root's. PostgreSQL looks its user up by number, so the number must be one that has a name.
 */
async function inNamespace(): Promise<PostgresLauncher> {
  const unshare = findProgram('unshare');
  if (!unshare) throw new Error('there is no unshare program');
  const known = accounts();
  const account = known.find(({ name }) => name === 'nobody') ?? known[0];
  if (!account) throw new Error('/etc/passwd names nobody but root');
  const flags = ['--user', `--map-user=${account.uid}`, `--map-group=${account.gid}`, '--'];
  const id = (
    await runProgram(unshare, [...flags, 'id', '-u'], { env: bareEnvironment(), timeoutSeconds: 10 })
  ).trim();
  if (id !== String(account.uid)) throw new Error(`unshare gave user ${id} instead of ${account.uid}`);
  return {
    description: 'in a user namespace',
    wrap: (command, args) => ({ command: unshare, args: [...flags, command, ...args] }),
    // Files of the account `postgres`, from a start without namespaces, would be out of reach in one.
    give: (path) => giveAll(path, { name: 'root', uid: 0, gid: 0 }),
  };
}

function giveAll(path: string, account: Account): void {
  const entry = lstatSync(path);
  // A directory that is given already was given whole, since its own turn comes last.
  if (entry.uid === account.uid) return;
  if (entry.isDirectory()) for (const name of readdirSync(path)) giveAll(join(path, name), account);
  lchownSync(path, account.uid, account.gid);
}

/** The account `postgres`, made if it does not exist, as PostgreSQL's own packages do. */
async function inAccount(): Promise<PostgresLauncher> {
  const find = () => accounts().find(({ name }) => name === 'postgres');
  let account = find();
  if (!account) {
    const useradd = findProgram('useradd');
    if (!useradd) throw new Error('there is no account named postgres and no useradd program to make it');
    await runProgram(useradd, [
      '--system',
      '--user-group',
      '--no-create-home',
      '--shell',
      '/usr/sbin/nologin',
      'postgres',
    ]);
    account = find();
  }
  if (!account) throw new Error('the account postgres was made but is not in /etc/passwd');
  const { uid, gid } = account;
  return {
    description: 'as the account postgres',
    wrap: (command, args) => ({ command, args: [...args], uid, gid }),
    give: (path) => {
      giveAll(path, { name: 'postgres', uid, gid });
      // The account must be able to pass through the directory above, though not to list it.
      chmodSync(dirname(path), 0o711);
    },
  };
}

/**
 * PostgreSQL refuses to run as root. For any other user it is started as it is; for root in a user namespace, or
 * where the machine does not allow that, as the account `postgres`.
 * @param isRoot whether this process runs as root
 * @param ways for tests: which of the two to try for root
 * @throws Error that says why neither is possible
 */
export async function postgresLauncher(
  isRoot = process.getuid?.() === 0,
  ways: readonly ('namespace' | 'account')[] = ['namespace', 'account'],
): Promise<PostgresLauncher> {
  if (!isRoot) return asItIs;
  const reasons: string[] = [];
  for (const way of ways) {
    try {
      return way === 'namespace' ? await inNamespace() : await inAccount();
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  throw new Error(`PostgreSQL does not run as root, and no other user could be used: ${reasons.join('; ')}`);
}
