/** A Docker engine of the tests' own, and a runtime on it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { containerRuntimeFromEnv, type ContainerRuntime } from '../../../../adapters/container-runtime';
import { projectRoot } from '../../../../adapters/project-root';
import { silent } from '../harness';
import { BASE_IMAGE } from './base-image';
import { ensureSampleImages } from './images';
import type { Bed } from './suite';

export { BASE_IMAGE };

const SCRIPT = join(projectRoot(), 'test', 'integration', 'runtime', 'conformance', 'engine.mjs');

export interface Engine {
  host: string;
  /** Null for an engine that was there before. */
  pid: number | null;
  directory: string;
  /** The engine's own bridge, which goes with it. */
  bridge: string | null;
  /** Addresses for agents' networks. */
  pool: string;
}

/**
 * Starts an engine, or says why there is none: jest wants to know before the first test whether there will be any.
 * @param options.bare without the base image
 * @throws Error when an engine was named and does not answer
 */
export function startEngine(options: { bare?: boolean } = {}): Engine | { problem: string } {
  const directory = mkdtempSync(join(tmpdir(), 'eirel-engine-'));
  const words = [
    SCRIPT,
    directory,
    join(projectRoot(), '.eirel', 'tools'),
    ...(options.bare ? ['bare'] : []),
  ];
  const made = spawnSync(process.execPath, words, { encoding: 'utf8', timeout: 600_000 });
  if (made.status !== 0) throw new Error(`the engine's start failed: ${made.stderr}`);
  const answer = JSON.parse(made.stdout) as Engine | { problem: string };
  if ('problem' in answer) rmSync(directory, { recursive: true, force: true });
  return answer;
}

/** Ends an engine that was started here, with all that it held. */
export function stopEngine(engine: Engine): void {
  const stopped = spawnSync(process.execPath, [SCRIPT, 'stop', JSON.stringify(engine)], { encoding: 'utf8' });
  if (stopped.status !== 0) throw new Error(`the engine's stop failed: ${stopped.stderr}`);
}

export class DockerBed implements Bed {
  /** Where the engine is, in the words of Node's HTTP client. */
  readonly address: { socketPath: string } | { host: string; port: string };
  readonly docker: Docker;
  readonly searchRoots = ['/'];
  private readonly work = mkdtempSync(join(tmpdir(), 'eirel-docker-builds-'));

  constructor(
    readonly engine: Engine,
    private readonly env: NodeJS.ProcessEnv = {},
    private readonly scope = 'conformance',
  ) {
    const { host } = engine;
    this.address = host.startsWith('unix://')
      ? { socketPath: host.slice('unix://'.length) }
      : { host: new URL(host).hostname, port: new URL(host).port };
    this.docker = new Docker(this.address);
  }

  runtime(env: NodeJS.ProcessEnv = {}): ContainerRuntime {
    return containerRuntimeFromEnv(
      {
        OWNER_RUNTIME_BACKEND: 'docker',
        EIREL_DOCKER_HOST: this.engine.host,
        EIREL_DOCKER_SCOPE: this.scope,
        EIREL_DOCKER_RELAY_IMAGE: BASE_IMAGE,
        EIREL_DOCKER_SUBNET_POOL: this.engine.pool,
        EIREL_BUILD_WORK_DIR: this.work,
        ...this.env,
        ...env,
      },
      silent,
    );
  }

  /** Containers in any state, networks and volumes: read from the engine, not from the backend. */
  async objects(): Promise<string[]> {
    const [containers, networks, { Volumes }] = await Promise.all([
      this.docker.listContainers({ all: true }),
      this.docker.listNetworks(),
      this.docker.listVolumes(),
    ]);
    return [
      ...containers.flatMap(({ Names }) => Names),
      ...networks.map(({ Name }) => Name).filter((name) => !['bridge', 'host', 'none'].includes(name)),
      ...Volumes.map(({ Name }) => Name),
    ].sort();
  }

  /** The agent's container, its relay and its network, as a careless clean-up would. */
  async sabotage(deploymentId: string): Promise<void> {
    const filters = { label: [`eirel.dev/deployment-id=${deploymentId}`] };
    for (const { Id } of await this.docker.listContainers({ all: true, filters })) {
      await this.docker.getContainer(Id).remove({ force: true });
    }
    for (const { Id } of await this.docker.listNetworks({ filters })) {
      await this.docker.getNetwork(Id).remove();
    }
  }

  async prepareSamples(): Promise<NodeJS.ProcessEnv> {
    await ensureSampleImages(this.docker);
    return {};
  }

  /** The engine's bridge: what the relay calls the machine of the engine. */
  async serviceHost(): Promise<string> {
    const bridge = (await this.docker.getNetwork('bridge').inspect()) as {
      IPAM: { Config: { Gateway: string }[] };
    };
    return bridge.IPAM.Config[0]?.Gateway ?? '127.0.0.1';
  }

  reach(endpointUrl: string): Promise<string> {
    return Promise.resolve(endpointUrl);
  }

  dispose(): Promise<void> {
    rmSync(this.work, { recursive: true, force: true });
    return Promise.resolve();
  }
}
