/** Starts instances of the `process` backend: a port, a user, a directory, control groups, and the command. */
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../logging';
import { projectRoot } from '../../project-root';
import { OwnerFault, type PlacementSpec } from '../types';
import { ControlGroups, removeGroups } from './cgroups';
import type { ProcessRuntimeConfig } from './config';
import { copyTree } from './files';
import { type Image, openImage } from './image';
import { launch } from './instance';
import { askPython, type PythonInfo } from './interpreters';
import { type AgentLimits, Isolation } from './isolation';
import { findPort } from './ports';
import { installPrograms, startCommand, writeEnvironment } from './start-command';
import { DeploymentFiles, type DeploymentState, knownDeployments, readState, writeState } from './state';
import { acquireUid, releaseUid } from './uids';

interface Scripts {
  shim: string;
  hide: string;
  enter: string;
  launcher: string;
}

export class AgentStarter {
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

  /**
   * Starts a new instance and writes its state down.
   * @param restarts instances of this revision before it
   * @throws MinerFault, OwnerFault
   */
  async start(files: DeploymentFiles, spec: PlacementSpec, restarts: number): Promise<DeploymentState> {
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
        const state =
          id === spec.deploymentId ? null : await readState(new DeploymentFiles(this.config.root, id));
        if (state !== null && !state.stopped) taken.add(state.port);
      }
      return record(await findPort(this.config.ports, taken));
    });
    this.choosing = chosen.catch(() => undefined);
    return chosen;
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
