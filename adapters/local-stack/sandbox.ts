import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connectEngine } from '../container-runtime/docker/engine';
import { engineAddress } from '../container-runtime/docker/config';
import { findProgram, runProgram } from './programs';

type Env = Readonly<Record<string, string | undefined>>;

const INSTALL_SECONDS = 300;
const ENGINE_MS = 3000;
const LOCK = ['-o', 'DPkg::Lock::Timeout=120'];

/** Whether the sandbox can be run here, and the variables that it has to be run with. */
export interface SandboxPlan {
  possible: boolean;
  env: Record<string, string>;
}

/**
 * Sees to it that something on this machine can isolate untrusted code: bubblewrap, which is installed where apt-get can
 * be used, else a container engine. Without either the sandbox is left out, and why is told.
 */
export async function prepareSandbox(options: {
  env: Env;
  onProgress?: (message: string) => void;
}): Promise<SandboxPlan> {
  const { env, onProgress = () => undefined } = options;
  if (sandboxPossible(env)) return { possible: true, env: {} };
  const reasons: string[] = [];
  if (!env.EIREL_SANDBOX_BWRAP && !findProgram('bwrap', env as NodeJS.ProcessEnv)) {
    try {
      await installBubblewrap(env, onProgress);
      if (sandboxPossible(env)) return { possible: true, env: {} };
      reasons.push('bubblewrap was installed and may not make namespaces here');
    } catch (error) {
      reasons.push(`bubblewrap is missing (${(error as Error).message})`);
    }
  } else reasons.push('bubblewrap does not work here, or there is no /usr/bin/python3');
  const problem = await engineProblem(env);
  if (problem === null) {
    onProgress('sandbox: no bubblewrap, a container engine takes its place');
    return { possible: true, env: { EIREL_SANDBOX_BACKEND: 'container' } };
  }
  onProgress(
    `the sandbox is left out: ${reasons.join('; ')}; ${problem}. Install bubblewrap (apt-get, dnf or apk) or start Docker ` +
      'to have it.',
  );
  return { possible: false, env: {} };
}

/**
 * Whether the sandbox can be run with this environment: it refuses to where nothing isolates it. Bubblewrap has to be
 * there and be allowed to make namespaces, and Python where every user can read it; or containers are asked for.
 */
export function sandboxPossible(env: Env): boolean {
  if (env.EIREL_SANDBOX_BACKEND === 'container') return true;
  const bwrap = env.EIREL_SANDBOX_BWRAP || findProgram('bwrap', env as NodeJS.ProcessEnv);
  if (!bwrap || !(env.EIREL_SANDBOX_PYTHON || existsSync('/usr/bin/python3'))) return false;
  const probe = ['--unshare-all', '--die-with-parent', '--ro-bind', '/', '/', '--proc', '/proc', 'true'];
  return spawnSync(bwrap, probe, { stdio: 'ignore', timeout: 10_000 }).status === 0;
}

async function installBubblewrap(env: Env, onProgress: (message: string) => void): Promise<void> {
  const apt = findProgram('apt-get', env as NodeJS.ProcessEnv);
  if (!apt) throw new Error('there is no apt-get to install it with');
  if (process.getuid?.() !== 0) throw new Error('only root can install it; apt-get install bubblewrap');
  onProgress('bubblewrap: installing it with apt-get');
  const run = { env: { ...env, DEBIAN_FRONTEND: 'noninteractive' }, timeoutSeconds: INSTALL_SECONDS };
  const install = () =>
    runProgram(apt, [...LOCK, 'install', '-y', '-q', '--no-install-recommends', 'bubblewrap'], run);
  try {
    await install();
  } catch {
    // The lists of packages of a fresh image are empty.
    await runProgram(apt, [...LOCK, 'update', '-q'], run);
    await install();
  }
}

async function engineProblem(env: Env): Promise<string | null> {
  try {
    const docker = connectEngine(
      engineAddress(env.EIREL_DOCKER_HOST || env.DOCKER_HOST || undefined, env.DOCKER_CERT_PATH),
    );
    await Promise.race([
      docker.ping(),
      new Promise((_, reject) => setTimeout(() => reject(new Error('no answer')), ENGINE_MS).unref()),
    ]);
    return null;
  } catch {
    return 'no container engine answers';
  }
}
