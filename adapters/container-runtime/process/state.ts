/** What is remembered of a deployment on disk, so that any worker, started at any time, finds it again. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { OwnerFault } from '../types';
import { readIfExists, writeAtomically } from './files';
import { isAlive, type ProcessIdentity } from './procfs';

const stateSchema = z.object({
  version: z.literal(1),
  deploymentId: z.string(),
  submissionId: z.string(),
  revision: z.string(),
  imageRef: z.string(),
  instanceId: z.string(),
  port: z.number().int(),
  healthPath: z.string(),
  startedAt: z.iso.datetime(),
  restarts: z.number().int(),
  cpuMillis: z.number().int(),
  memoryBytes: z.number(),
  /** The agent's own user and group id; null when it runs as the service's user. */
  uid: z.number().int().nullable(),
  cgroupDirectories: z.array(z.string()),
  limits: z.array(z.string()),
  /** True once a stop was asked for: the end is wanted, not a crash. */
  stopped: z.boolean(),
});
export type DeploymentState = z.output<typeof stateSchema>;

/** The files of one deployment. */
export class DeploymentFiles {
  readonly directory: string;
  constructor(
    readonly root: string,
    readonly deploymentId: string,
  ) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(deploymentId)) {
      throw new OwnerFault(
        'bad_deployment_id',
        `deployment id ${JSON.stringify(deploymentId)} cannot name a directory`,
      );
    }
    this.directory = join(root, 'deployments', deploymentId);
  }
  get state(): string {
    return join(this.directory, 'state.json');
  }
  get lock(): string {
    return join(this.root, 'locks', `${this.deploymentId}.lock`);
  }
  get log(): string {
    return join(this.directory, 'agent.log');
  }
  /** Written by the shim: ids, exit codes. Only the service reads and writes here. */
  get run(): string {
    return join(this.directory, 'run');
  }
  /** The agent's own copy of its image. */
  get app(): string {
    return join(this.directory, 'app');
  }
  /** HOME, with `tmp` as TMPDIR. */
  get home(): string {
    return join(this.directory, 'home');
  }
  /** Interpreters under their usual names, and the launcher. */
  get bin(): string {
    return join(this.directory, 'bin');
  }
  pidFile(instanceId: string): string {
    return join(this.run, `${instanceId}.pid`);
  }
  exitFile(instanceId: string): string {
    return join(this.run, `${instanceId}.exit`);
  }
  readyFile(instanceId: string): string {
    return join(this.run, `${instanceId}.ready`);
  }
  /** There when the instance reached its memory limit; its control group may be gone. */
  outOfMemoryFile(instanceId: string): string {
    return join(this.run, `${instanceId}.oom`);
  }
}

/** Null when the deployment is unknown. @throws OwnerFault when the file is damaged */
export async function readState(files: DeploymentFiles): Promise<DeploymentState | null> {
  const text = await readIfExists(files.state);
  if (text === null) return null;
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new OwnerFault(
      'state_damaged',
      `${files.state} cannot be read: remove it and place the deployment again`,
      {
        cause: error,
      },
    );
  }
}

/** @throws file system errors */
export async function writeState(files: DeploymentFiles, state: DeploymentState): Promise<void> {
  await writeAtomically(files.state, `${JSON.stringify(state, null, 2)}\n`);
}

/** Every deployment that has a directory. */
export async function knownDeployments(root: string): Promise<string[]> {
  return (await readdir(join(root, 'deployments')).catch(() => [])).sort();
}

/** The instance's supervising process as it wrote itself down; null before it did. */
export async function supervisorOf(
  files: DeploymentFiles,
  instanceId: string,
): Promise<ProcessIdentity | null> {
  const text = await readIfExists(files.pidFile(instanceId));
  const [pid, startTicks] = (text ?? '').trim().split(' ');
  return pid && startTicks ? { pid: Number(pid), startTicks } : null;
}

/** True while the instance's supervisor, and with it the agent, runs. */
export async function isRunning(files: DeploymentFiles, instanceId: string): Promise<boolean> {
  const supervisor = await supervisorOf(files, instanceId);
  return supervisor !== null && isAlive(supervisor);
}

const SIGNAL_NAMES: Record<number, string> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  14: 'SIGALRM',
  15: 'SIGTERM',
  24: 'SIGXCPU',
  25: 'SIGXFSZ',
  31: 'SIGSYS',
};

/** How an instance ended; empty when nobody saw it (its supervisor was killed, the machine lost power). */
export async function exitOf(
  files: DeploymentFiles,
  instanceId: string,
): Promise<{ exitCode?: number; signal?: string }> {
  const text = await readIfExists(files.exitFile(instanceId));
  if (text === null) return {};
  const exitCode = Number(text.trim());
  // A shell reports the end by signal n as 128 + n.
  const signal = exitCode > 128 ? SIGNAL_NAMES[exitCode - 128] : undefined;
  return signal === undefined ? { exitCode } : { exitCode, signal };
}
