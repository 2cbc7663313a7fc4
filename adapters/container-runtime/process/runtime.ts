/**
 * The `process` backend: each agent is a process of this machine, detached from the worker that started it, found
 * again through its state on disk, and kept apart from the service and from other agents as far as the host allows.
 */
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../logging';
import { earlyEndFault } from '../early-end';
import {
  type BuildSpec,
  type BuiltImage,
  type ContainerRuntime,
  FAULT_LOG_LINES,
  MinerFault,
  type NodeCapacity,
  OwnerFault,
  type PlacementSpec,
  type RuntimePlacement,
  type RuntimeStatus,
} from '../types';
import type { ProcessRuntimeConfig } from './config';
import { pathExists } from './files';
import { probeHealth } from './health';
import { buildProcessImage } from './image';
import { forgetInstance, instanceLines, reachedMemoryLimit, terminate } from './instance';
import { withLock } from './lock';
import { capLog, tailLines } from './logs';
import { AgentStarter } from './starter';
import {
  DeploymentFiles,
  type DeploymentState,
  exitOf,
  isRunning,
  knownDeployments,
  readState,
  writeState,
} from './state';
import { releaseUid } from './uids';

const LOCK_WAIT_SECONDS = 60;
const POLL_MS = 100;
const HEARTBEAT_MS = 2000;
/** Grace for an instance that is replaced by another revision, in seconds. */
const REPLACE_GRACE_SECONDS = 5;
/** How often a start is repeated because another program took the port first. */
const PORT_ATTEMPTS = 3;
const PORT_TAKEN = /EADDRINUSE|address already in use/i;

export class ProcessRuntime implements ContainerRuntime {
  readonly backend = 'process';
  private readonly starter: AgentStarter;

  constructor(
    private readonly config: ProcessRuntimeConfig,
    private readonly logger: Logger,
  ) {
    this.starter = new AgentStarter(config, logger);
  }

  async buildImage(spec: BuildSpec): Promise<BuiltImage> {
    return owned('build the image', spec.signal, async () => {
      await this.prepareRoot();
      return buildProcessImage(this.config.root, spec, this.config.archiveLimits);
    });
  }

  async place(spec: PlacementSpec): Promise<RuntimePlacement> {
    return owned('place the deployment', spec.signal, async () => {
      const files = this.files(spec.deploymentId);
      await this.prepareRoot();
      for (let attempt = 1; ; attempt += 1) {
        const { state, adopted } = await this.locked(files, () => this.startOrAdopt(files, spec));
        try {
          await this.untilReady(files, state, spec);
          return this.placement(state, adopted);
        } catch (error) {
          const portTaken =
            error instanceof MinerFault &&
            error.code === 'exited_early' &&
            error.logLines.some((line) => PORT_TAKEN.test(line));
          if (!portTaken || attempt >= PORT_ATTEMPTS) throw error;
          this.logger.warn('an agent found its port taken and is started on another', {
            deploymentId: spec.deploymentId,
            port: state.port,
          });
        }
      }
    });
  }

  async status(deploymentId: string): Promise<RuntimeStatus> {
    return owned('read the status', undefined, () => this.statusOf(this.files(deploymentId)));
  }

  async logs(deploymentId: string, options: { tailLines: number }): Promise<string[]> {
    return owned('read the log', undefined, () => tailLines(this.files(deploymentId).log, options.tailLines));
  }

  async stop(deploymentId: string, options: { graceSeconds: number }): Promise<void> {
    await owned('stop the deployment', undefined, async () => {
      const files = this.files(deploymentId);
      if (!(await pathExists(files.state))) return;
      await this.locked(files, async () => {
        const state = await readState(files);
        if (state === null) return;
        // Written first: if this worker dies in between, the end is known to have been wanted.
        if (!state.stopped) await writeState(files, { ...state, stopped: true });
        await terminate(files, state, options.graceSeconds);
      });
    });
  }

  async remove(deploymentId: string): Promise<void> {
    await this.stop(deploymentId, { graceSeconds: 0 });
    await owned('remove the deployment', undefined, async () => {
      const files = this.files(deploymentId);
      if (!(await pathExists(files.directory))) return;
      await this.locked(files, async () => {
        const state = await readState(files);
        await rm(files.directory, { recursive: true, force: true });
        if (state?.uid != null) await releaseUid(state.uid, files);
      });
    });
  }

  async list(): Promise<RuntimeStatus[]> {
    return owned('list the deployments', undefined, async () => {
      const ids = await knownDeployments(this.config.root);
      const all = await Promise.all(ids.map((id) => this.statusOf(this.files(id))));
      return all.filter((status) => status.state !== 'missing');
    });
  }

  async capacity(): Promise<NodeCapacity[]> {
    return owned('read the capacity', undefined, async () => {
      const running: DeploymentState[] = [];
      for (const id of await knownDeployments(this.config.root)) {
        const files = this.files(id);
        const state = await readState(files);
        if (state !== null && (await isRunning(files, state.instanceId))) running.push(state);
      }
      // Inside a container the kernel's own limit counts; without one it reports 0 or an absurd number.
      const constrained = process.constrainedMemory();
      return [
        {
          nodeName: this.config.nodeName,
          totalCpuMillis: availableParallelism() * 1000,
          totalMemoryBytes: constrained > 0 ? Math.min(constrained, totalmem()) : totalmem(),
          usedCpuMillis: running.reduce((sum, state) => sum + state.cpuMillis, 0),
          usedMemoryBytes: running.reduce((sum, state) => sum + state.memoryBytes, 0),
          maxPods: this.config.maxPods,
          runningPods: running.length,
          deploymentIds: running.map((state) => state.deploymentId),
        },
      ];
    });
  }

  async stopAll(graceSeconds: number): Promise<void> {
    const ids = await knownDeployments(this.config.root);
    const results = await Promise.allSettled(ids.map((id) => this.stop(id, { graceSeconds })));
    const failed = results.filter((result) => result.status === 'rejected');
    if (failed[0] !== undefined) throw failed[0].reason;
  }

  private files(deploymentId: string): DeploymentFiles {
    return new DeploymentFiles(this.config.root, deploymentId);
  }

  private locked<T>(files: DeploymentFiles, work: () => Promise<T>): Promise<T> {
    return withLock(files.lock, LOCK_WAIT_SECONDS, work);
  }

  /** Agents pass through the root and `deployments` to their own directory, and see nothing else of them. */
  private async prepareRoot(): Promise<void> {
    for (const [directory, mode] of [
      [this.config.root, 0o711],
      [join(this.config.root, 'deployments'), 0o711],
      [join(this.config.root, 'images'), 0o700],
      [join(this.config.root, 'locks'), 0o700],
    ] as const) {
      await mkdir(directory, { recursive: true });
      await chmod(directory, mode);
    }
  }

  private async startOrAdopt(
    files: DeploymentFiles,
    spec: PlacementSpec,
  ): Promise<{ state: DeploymentState; adopted: boolean }> {
    const known = await readState(files);
    if (known !== null) {
      const same = known.revision === spec.revision && known.imageRef === spec.imageRef;
      const runs = await isRunning(files, known.instanceId);
      if (runs && same && !known.stopped) return { state: known, adopted: true };
      // Also after a crash: children of the agent may have outlived it.
      await terminate(files, known, runs ? REPLACE_GRACE_SECONDS : 0);
      await forgetInstance(files, known.instanceId);
      return { state: await this.starter.start(files, spec, same ? known.restarts + 1 : 0), adopted: false };
    }
    return { state: await this.starter.start(files, spec, 0), adopted: false };
  }

  private async untilReady(
    files: DeploymentFiles,
    state: DeploymentState,
    spec: PlacementSpec,
  ): Promise<void> {
    const deadline = Date.now() + spec.startTimeoutSeconds * 1000;
    let lastBeat = 0;
    let last = 'not asked yet';
    for (;;) {
      spec.signal?.throwIfAborted();
      const current = await readState(files);
      if (current?.instanceId !== state.instanceId || current.stopped) {
        throw new OwnerFault(
          'superseded',
          `deployment ${state.deploymentId} was stopped or replaced while it started`,
        );
      }
      if (!(await isRunning(files, state.instanceId))) {
        // Children of the agent may have outlived it.
        await this.locked(files, () => terminate(files, state, 0));
        throw await this.earlyEnd(files, state);
      }
      const problem = await probeHealth(state.port, state.healthPath);
      // Looked at again after the answer, since another process may have taken a dead agent's port.
      if (problem === null && (await isRunning(files, state.instanceId))) {
        await writeFile(files.readyFile(state.instanceId), '');
        return;
      }
      last = problem ?? last;
      if (Date.now() > deadline) {
        await this.locked(files, () => terminate(files, state, 1));
        throw new MinerFault(
          'health_timeout',
          `GET ${state.healthPath} did not answer 200..399 within ${spec.startTimeoutSeconds} s (last: ${last}); the agent ` +
            'must listen on the host and port given in MINER_RUNTIME_HOST and MINER_RUNTIME_PORT',
          await instanceLines(files, state, FAULT_LOG_LINES),
        );
      }
      if (Date.now() - lastBeat > HEARTBEAT_MS) {
        spec.heartbeat?.(`waiting for ${state.healthPath}: ${last}`);
        lastBeat = Date.now();
      }
      await sleep(POLL_MS);
    }
  }

  private async earlyEnd(files: DeploymentFiles, state: DeploymentState): Promise<MinerFault> {
    const exit = await exitOf(files, state.instanceId);
    return earlyEndFault({
      oomKilled: await reachedMemoryLimit(files, state),
      exitCode: exit.exitCode,
      words: `ended ${describeExit(exit)}`,
      memoryBytes: state.memoryBytes,
      healthPath: state.healthPath,
      lines: await instanceLines(files, state, FAULT_LOG_LINES),
    });
  }

  private async statusOf(files: DeploymentFiles): Promise<RuntimeStatus> {
    const { deploymentId } = files;
    const state = await readState(files);
    if (state === null) {
      return {
        deploymentId,
        state: 'missing',
        ready: false,
        reason: 'never placed on this node, or removed',
      };
    }
    const known = {
      deploymentId,
      revision: state.revision,
      instanceId: state.instanceId,
      restarts: state.restarts,
    };
    if (state.stopped) return { ...known, state: 'missing', ready: false, reason: 'stopped on request' };
    await capLog(files.log, this.config.logMaxBytes);
    if (await isRunning(files, state.instanceId)) {
      const problem = await probeHealth(state.port, state.healthPath);
      if (await isRunning(files, state.instanceId)) {
        const everReady = problem === null || (await pathExists(files.readyFile(state.instanceId)));
        return {
          ...known,
          state: everReady ? 'running' : 'starting',
          ready: problem === null,
          endpointUrl: endpoint(state),
          ...(problem === null ? {} : { reason: `GET ${state.healthPath}: ${problem}` }),
        };
      }
    }
    const exit = await exitOf(files, state.instanceId);
    const oomKilled = await reachedMemoryLimit(files, state);
    return {
      ...known,
      state: 'exited',
      ready: false,
      ...exit,
      oomKilled,
      reason: oomKilled ? 'ended because it reached its memory limit' : `ended ${describeExit(exit)}`,
    };
  }

  private placement(state: DeploymentState, adopted: boolean): RuntimePlacement {
    return {
      deploymentId: state.deploymentId,
      endpointUrl: endpoint(state),
      nodeName: this.config.nodeName,
      startedAt: new Date(state.startedAt),
      instanceId: state.instanceId,
      adopted,
      limits: state.limits,
    };
  }
}

function endpoint(state: DeploymentState): string {
  return `http://127.0.0.1:${state.port}`;
}

function describeExit(exit: { exitCode?: number; signal?: string }): string {
  if (exit.signal !== undefined) return `by signal ${exit.signal}`;
  return exit.exitCode === undefined
    ? 'unseen (its supervisor was killed)'
    : `with exit code ${exit.exitCode}`;
}

/** Whatever the disk or the kernel refuses is the owner's fault; faults and aborts pass as they are. */
async function owned<T>(action: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof MinerFault || error instanceof OwnerFault) throw error;
    if (signal?.aborted) throw signal.reason;
    throw new OwnerFault('runtime_error', `could not ${action}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
