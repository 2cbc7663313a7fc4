/** Starting, finding and ending the processes of one instance. */
import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { open, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { OwnerFault } from '../types';
import { groupMembers, outOfMemory, removeGroups } from './cgroups';
import { pathExists } from './files';
import { SYSTEM_PATH } from './isolation';
import { tailLines } from './logs';
import { allProcesses, isAlive, type ProcessEntry, processAt, signalQuietly } from './procfs';
import { type DeploymentFiles, type DeploymentState, isRunning, supervisorOf } from './state';

const START_WAIT_MS = 10_000;
const POLL_MS = 50;
const KILL_WAIT_MS = 10_000;

/**
 * Starts the shim of an instance whose state has been written, detached from this process.
 * @param command the agent's words with everything that goes before them
 * @throws OwnerFault when the shim does not come up
 */
export async function launch(
  files: DeploymentFiles,
  state: DeploymentState,
  shimScript: string,
  command: readonly string[],
): Promise<void> {
  const log = await open(files.log, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, 0o600);
  try {
    await log.writeFile(`${instanceMark(state)}\n`);
    const groups = state.cgroupDirectories.join(':');
    const shim = spawn(
      '/bin/sh',
      [shimScript, files.run, files.state, state.instanceId, groups, ...command],
      // Nothing of this process's environment: it holds the owner's secrets.
      { detached: true, cwd: '/', env: { PATH: SYSTEM_PATH }, stdio: ['ignore', log.fd, log.fd] },
    );
    const failed = new Promise<never>((_, reject) => {
      shim.once('error', (error) =>
        reject(new OwnerFault('spawn_failed', `cannot start a process: ${error.message}`)),
      );
    });
    shim.unref();
    await Promise.race([failed, up(files, state)]);
  } finally {
    await log.close();
  }
}

/** The line that separates the output of one instance from that of the one before. */
function instanceMark(state: DeploymentState): string {
  return `--- instance ${state.instanceId} starts at ${state.startedAt} ---`;
}

/** The newest lines that this very instance wrote. */
export async function instanceLines(
  files: DeploymentFiles,
  state: DeploymentState,
  count: number,
): Promise<string[]> {
  const lines = await tailLines(files.log, Number.MAX_SAFE_INTEGER);
  const mark = lines.lastIndexOf(instanceMark(state));
  return lines.slice(mark + 1).slice(-count);
}

async function up(files: DeploymentFiles, state: DeploymentState): Promise<void> {
  const deadline = Date.now() + START_WAIT_MS;
  while ((await supervisorOf(files, state.instanceId)) === null) {
    if (Date.now() > deadline) {
      throw new OwnerFault(
        'start_failed',
        `the supervisor of ${state.deploymentId} did not start; see its log`,
      );
    }
    await sleep(POLL_MS);
  }
}

/**
 * Every process of an instance, escaped ones included: those of the supervisor's session, of the instance's control
 * groups, and of its user id.
 */
export async function members(files: DeploymentFiles, state: DeploymentState): Promise<ProcessEntry[]> {
  const supervisor = await supervisorOf(files, state.instanceId);
  const inGroups = new Set(groupMembers(state.cgroupDirectories));
  // The kernel gives no process a session's id while the session has members; a different process under the
  // supervisor's id therefore means that the session is over.
  const holder = supervisor === null ? null : processAt(supervisor.pid);
  const session =
    supervisor !== null && (holder === null || holder.startTicks === supervisor.startTicks)
      ? supervisor.pid
      : null;
  return allProcesses().filter(
    (entry) =>
      (session !== null && (entry.session === session || entry.group === session)) ||
      inGroups.has(entry.pid) ||
      (state.uid !== null && entry.uid === state.uid),
  );
}

/**
 * Ends an instance: SIGTERM to all its processes, SIGKILL to those left after the grace.
 * @throws OwnerFault when a process does not end even so
 */
export async function terminate(
  files: DeploymentFiles,
  state: DeploymentState,
  graceSeconds: number,
): Promise<void> {
  if (graceSeconds > 0) {
    for (const entry of await members(files, state)) signalQuietly(entry.pid, 'SIGTERM');
    const deadline = Date.now() + graceSeconds * 1000;
    while (Date.now() < deadline && (await members(files, state)).length > 0) await sleep(POLL_MS);
  }
  const deadline = Date.now() + KILL_WAIT_MS;
  for (;;) {
    const left = await members(files, state);
    if (left.length === 0) break;
    if (Date.now() > deadline) {
      throw new OwnerFault(
        'stop_failed',
        `process ${left[0]?.pid} of deployment ${state.deploymentId} does not end`,
      );
    }
    const supervisor = await supervisorOf(files, state.instanceId);
    // The supervisor goes last, so that it can write down how the agent ended.
    const agents = left.filter((entry) => entry.pid !== supervisor?.pid);
    for (const entry of agents.length > 0 ? agents : await patient(files, state, left))
      signalQuietly(entry.pid, 'SIGKILL');
    await sleep(POLL_MS);
  }
  if (await reachedMemoryLimit(files, state)) await writeFile(files.outOfMemoryFile(state.instanceId), '');
  await removeGroups(state.cgroupDirectories);
}

/** True when the kernel killed a process of the instance for want of memory. */
export async function reachedMemoryLimit(files: DeploymentFiles, state: DeploymentState): Promise<boolean> {
  return outOfMemory(state.cgroupDirectories) || (await pathExists(files.outOfMemoryFile(state.instanceId)));
}

/** Gives a supervisor whose agent has ended a moment to finish by itself. */
async function patient(
  files: DeploymentFiles,
  state: DeploymentState,
  left: ProcessEntry[],
): Promise<ProcessEntry[]> {
  for (let attempt = 0; attempt < 10 && (await isRunning(files, state.instanceId)); attempt += 1)
    await sleep(POLL_MS);
  return left.filter((entry) => isAlive(entry));
}

/** Removes what an instance left in the run directory. */
export async function forgetInstance(files: DeploymentFiles, instanceId: string): Promise<void> {
  for (const path of [
    files.pidFile(instanceId),
    files.exitFile(instanceId),
    files.readyFile(instanceId),
    files.outOfMemoryFile(instanceId),
  ]) {
    await rm(path, { force: true });
  }
}
