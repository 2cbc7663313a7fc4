/**
 * The `process` backend: each agent is a process of this machine, detached from the worker that started it, found
 * again through its state on disk, and kept apart from the service and from other agents as far as the host allows.
 */
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../logging';
import { earlyEndFault } from '../early-end';
import { projectRoot } from '../../project-root';
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
import { ControlGroups, removeGroups } from './cgroups';
import type { ProcessRuntimeConfig } from './config';
import { copyTree, pathExists } from './files';
import { probeHealth } from './health';
import { buildProcessImage, type Image, openImage } from './image';
import { forgetInstance, instanceLines, launch, reachedMemoryLimit, terminate } from './instance';
import { askPython, type PythonInfo } from './interpreters';
import { type AgentLimits, Isolation } from './isolation';
import { withLock } from './lock';
import { capLog, tailLines } from './logs';
import { findPort } from './ports';
import { installPrograms, startCommand, writeEnvironment } from './start-command';
import {
  DeploymentFiles,
  type DeploymentState,
  exitOf,
  isRunning,
  knownDeployments,
  readState,
  writeState,
} from './state';
import { acquireUid, releaseUid } from './uids';

const LOCK_WAIT_SECONDS = 60;
const POLL_MS = 100;
const HEARTBEAT_MS = 2000;
/** Grace for an instance that is replaced by another revision, in seconds. */
const REPLACE_GRACE_SECONDS = 5;
/** How often a start is repeated because another program took the port first. */
const PORT_ATTEMPTS = 3;
const PORT_TAKEN = /EADDRINUSE|address already in use/i;

interface Scripts {
  shim: string;
  hide: string;
  enter: string;
  launcher: string;
}

export class ProcessRuntime implements ContainerRuntime {
  readonly backend = 'process';
  private readonly scripts: Scripts;
  private isolation: Promise<Isolation> | undefined;
  private groups: ControlGroups | undefined;
  private python: PythonInfo | undefined;
  /** Keeps two placements of this process from choosing one port. */
  private choosing: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly config: ProcessRuntimeConfig,
    private readonly logger: Logger,
  ) {
    const directory = join(projectRoot(), 'adapters', 'container-runtime', 'process');
    const script = (name: string): string => join(directory, name);
    this.scripts = {
      shim: script('shim.sh'),
      hide: script('hide.sh'),
      enter: script('enter.sh'),
      launcher: script('launcher.py'),
    };
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
      return { state: await this.start(files, spec, same ? known.restarts + 1 : 0), adopted: false };
    }
    return { state: await this.start(files, spec, 0), adopted: false };
  }

  private async start(
    files: DeploymentFiles,
    spec: PlacementSpec,
    restarts: number,
  ): Promise<DeploymentState> {
    const image = await openImage(this.config.root, spec.imageRef);
    const python = await this.findPython();
    const isolation = await this.isolate(python);
    await mkdir(files.directory, { recursive: true, mode: 0o711 });
    const uid = isolation.ownUsers ? await acquireUid(this.config.uids, files) : null;
    try {
      await this.prepareDirectory(files, image.tree, uid);
      await installPrograms(files, this.scripts, python);
      return await this.startInstance(files, spec, restarts, uid, { image, python, isolation });
    } catch (error) {
      // Once there is a state, `remove` gives the id back.
      if (uid !== null && (await readState(files)) === null) await releaseUid(uid, files);
      throw error;
    }
  }

  /** Writes down first what it is about to make, so that whoever comes after a crash can clean up. */
  private async startInstance(
    files: DeploymentFiles,
    spec: PlacementSpec,
    restarts: number,
    uid: number | null,
    parts: { image: Image; python: PythonInfo | OwnerFault; isolation: Isolation },
  ): Promise<DeploymentState> {
    const { image, python, isolation } = parts;
    const instanceId = randomBytes(8).toString('hex');
    const limits: AgentLimits = {
      uid,
      memoryBytes: spec.memoryBytes,
      maxProcesses: this.config.maxProcesses,
      fileMaxBytes: this.config.fileMaxBytes,
    };
    this.groups ??= ControlGroups.detect(this.config.root);
    const groups = this.groups;
    const { state: planned, start } = await this.choosePort(spec, async (port) => {
      const start = startCommand(image.plan, spec, files, port, python);
      const state: DeploymentState = {
        version: 1,
        deploymentId: spec.deploymentId,
        submissionId: spec.submissionId,
        revision: spec.revision,
        imageRef: spec.imageRef,
        instanceId,
        port,
        healthPath: spec.manifest.runtime.health_path,
        startedAt: new Date().toISOString(),
        restarts,
        cpuMillis: spec.cpuMillis,
        memoryBytes: spec.memoryBytes,
        uid,
        cgroupDirectories: groups.directoriesOf(instanceId),
        limits: [...isolation.notes(limits), ...groups.notes(spec)],
        stopped: false,
      };
      await writeState(files, state);
      return { state, start };
    });
    const state = await this.limitByGroups(files, planned, groups, isolation.notes(limits));
    const environmentFile = join(files.home, `.environment-${instanceId}`);
    await writeEnvironment(environmentFile, start.env, uid);
    const wrap = isolation.wrap(limits, files.directory);
    const enter = ['/bin/sh', join(files.bin, 'enter.sh'), environmentFile, start.directory];
    await launch(files, state, this.scripts.shim, [...wrap, ...enter, ...start.words]);
    const { deploymentId, port } = state;
    this.logger.info('started an agent', { deploymentId, instanceId, port, uid });
    return state;
  }

  /** A fresh copy of the image and a fresh home, as a container has after a restart. */
  private async prepareDirectory(files: DeploymentFiles, tree: string, uid: number | null): Promise<void> {
    await chmod(files.directory, 0o711);
    await mkdir(files.run, { recursive: true, mode: 0o700 });
    await rm(files.app, { recursive: true, force: true });
    await rm(files.home, { recursive: true, force: true });
    await copyTree(tree, files.app, uid);
    for (const directory of [files.home, join(files.home, 'tmp')]) {
      await mkdir(directory, { mode: 0o700 });
      if (uid !== null) await chown(directory, uid, uid);
    }
    await chmod(files.app, 0o700);
  }

  /** An agent whose groups cannot be made runs without them, and its placement says so. */
  private async limitByGroups(
    files: DeploymentFiles,
    state: DeploymentState,
    groups: ControlGroups,
    otherNotes: string[],
  ): Promise<DeploymentState> {
    try {
      groups.create(state.instanceId, { ...state, maxProcesses: this.config.maxProcesses });
      return state;
    } catch (error) {
      await removeGroups(state.cgroupDirectories);
      const note = `memory and cpu not limited for the whole agent: ${(error as Error).message}`;
      const without = { ...state, cgroupDirectories: [], limits: [...otherNotes, note] };
      await writeState(files, without);
      return without;
    }
  }

  /** Runs `record`, which writes the chosen port down, before the next choice is made. */
  private async choosePort<T>(spec: PlacementSpec, record: (port: number) => Promise<T>): Promise<T> {
    const chosen = this.choosing.then(async () => {
      const taken = new Set<number>();
      for (const id of await knownDeployments(this.config.root)) {
        const state = id === spec.deploymentId ? null : await readState(this.files(id));
        if (state !== null && !state.stopped) taken.add(state.port);
      }
      return record(await findPort(this.config.ports, taken));
    });
    this.choosing = chosen.catch(() => undefined);
    return chosen;
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

  /** The interpreter, or why there is none: agents that do not need it run all the same. */
  private async findPython(): Promise<PythonInfo | OwnerFault> {
    try {
      // Only a complete answer is kept, so that installing the SDK helps without a restart.
      if (this.python?.uvicorn !== true) this.python = await askPython(this.config.python);
      return this.python;
    } catch (error) {
      if (error instanceof OwnerFault) return error;
      throw error;
    }
  }

  private isolate(python: PythonInfo | OwnerFault): Promise<Isolation> {
    this.isolation ??= Isolation.detect(
      this.config,
      python instanceof OwnerFault ? null : python,
      this.scripts.hide,
    ).then((isolation) => {
      const { userNote: note } = isolation;
      if (isolation.ownUsers) this.logger.info('agents are isolated by user', { note });
      else if (process.getuid?.() === 0 && !this.config.allowRoot) {
        throw new OwnerFault(
          'agents_as_root',
          `${note}, which is everything, since it runs as root: mend that, run the service as another user, choose the ` +
            'docker backend, or, for agents that you trust, set EIREL_PROCESS_RUNTIME_ALLOW_ROOT=true',
        );
      } else this.logger.warn(note);
      return isolation;
    });
    // A failed attempt is made again by the next placement.
    this.isolation.catch(() => (this.isolation = undefined));
    return this.isolation;
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
