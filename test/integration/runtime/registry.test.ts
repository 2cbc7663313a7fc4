/** Images for Kubernetes: built on one engine, pushed to a registry, found there by the next worker. */
import { Readable } from 'node:stream';
import { MinerFault, OwnerFault } from '../../../adapters/container-runtime';
import { dockerRuntimeConfigFromEnv } from '../../../adapters/container-runtime/docker/config';
import { RegistryBuilder, type RegistryConfig } from '../../../adapters/container-runtime/docker/registry';
import { registryMissing, TestRegistry } from '../../harness/registry';
import { conformanceAgent } from './conformance/agent';
import { BASE_IMAGE, DockerBed, type Engine, startEngine, stopEngine } from './conformance/docker-bed';
import type { Packed } from './harness';

jest.setTimeout(120_000);

// Of `builder` and `right-password`.
const HTPASSWD = 'builder:$2b$05$mTEjZ7N4Y9uaBUMZv0CDg.DxbJf9pKN0I4JbDylYkFCGDo39NMfca\n';
const NAMED = /^127\.0\.0\.1:\d+\/agents\/eirel-agent@sha256:[0-9a-f]{64}$/;

const missing = registryMissing();
const engine = missing === null ? startEngine() : { problem: missing.replace('no engine: ', '') };

if ('problem' in engine)
  test.skip(`images in a registry (skipped: no engine: ${engine.problem})`, () => undefined);
else cases(engine);

function cases(engine: Engine): void {
  describe('images in a registry', () => {
    const bed = new DockerBed(engine, {}, 'registry');
    const agent = conformanceAgent(BASE_IMAGE);
    const registries: TestRegistry[] = [];

    const start = async (options = {}): Promise<TestRegistry> => {
      const registry = await TestRegistry.start(options);
      registries.push(registry);
      return registry;
    };
    const builder = (registry: TestRegistry, login: RegistryConfig['login'] = null, scope = 'registry') =>
      new RegistryBuilder(
        dockerRuntimeConfigFromEnv({ EIREL_DOCKER_HOST: engine.host, EIREL_DOCKER_SCOPE: scope }),
        { address: `${registry.address}/agents`, login },
      );
    const build = async (on: RegistryBuilder, packed: Packed = agent) => {
      const lines: string[] = [];
      const built = await on.buildImage({
        submissionId: 's1',
        archive: () => Promise.resolve(Readable.from([packed.bytes])),
        archiveSha256: packed.sha256,
        manifest: packed.manifest,
        onLog: (line) => lines.push(line),
      });
      return { ...built, lines };
    };
    const faultOf = (work: Promise<unknown>): Promise<unknown> =>
      work.then(
        () => new Error('it succeeded'),
        (reason: unknown) => reason,
      );

    afterEach(async () => {
      for (const registry of registries.splice(0)) await registry.stop();
    });
    afterAll(async () => {
      await bed.dispose();
      stopEngine(engine);
    }, 60_000);

    test('an image is named by its digest, pushed once, and can be pulled by a node', async () => {
      const registry = await start();
      const first = await build(builder(registry));
      expect(first.cached).toBe(false);
      expect(first.imageRef).toMatch(NAMED);
      // Another worker, on an engine that has not built it: the registry is asked first.
      const again = await build(builder(registry, null, 'elsewhere'));
      expect(again).toMatchObject({ imageRef: first.imageRef, cached: true });
      for (const { Id } of await bed.docker.listImages({ filters: { label: ['eirel.dev/role=image'] } })) {
        await bed.docker.getImage(Id).remove({ force: true });
      }
      const pulled = await bed.docker.pull(first.imageRef);
      await new Promise((resolve, reject) =>
        bed.docker.modem.followProgress(pulled, (error: unknown) =>
          error ? reject(error as Error) : resolve(undefined),
        ),
      );
      const image = await bed.docker.getImage(first.imageRef).inspect();
      expect(image.Config.Labels?.['eirel.dev/archive-sha256']).toBe(agent.sha256);
    });

    test('a registry that is away, or refuses the login, is the owner fault, and the next attempt succeeds', async () => {
      const registry = await start({ htpasswd: HTPASSWD });
      const refused = await faultOf(
        build(builder(registry, { username: 'builder', password: 'wrong-password' })),
      );
      expect(refused).toBeInstanceOf(OwnerFault);
      expect((refused as OwnerFault).code).toBe('registry_refused');
      expect((refused as OwnerFault).message).not.toContain('wrong-password');
      expect(((await faultOf(build(builder(registry)))) as OwnerFault).code).toBe('registry_refused');
      const right = builder(registry, { username: 'builder', password: 'right-password' });
      await registry.down();
      const away = await faultOf(build(right));
      expect(away).toBeInstanceOf(OwnerFault);
      expect((away as OwnerFault).code).toBe('registry_unreachable');
      await registry.up();
      const built = await build(right);
      expect(built.imageRef).toMatch(NAMED);
      expect(built.lines.join('\n')).not.toContain('right-password');
    });

    test('a build that fails is the miner fault, and nothing is pushed', async () => {
      const registry = await start();
      const broken = conformanceAgent(BASE_IMAGE, 'RUN echo no such library >&2; exit 4\n');
      const fault = await faultOf(build(builder(registry), broken));
      expect(fault).toBeInstanceOf(MinerFault);
      expect((fault as MinerFault).logLines.join('\n')).toContain('no such library');
      const catalog = (await (await fetch(`http://${registry.address}/v2/_catalog`)).json()) as object;
      expect(catalog).toEqual({ repositories: [] });
    });
  });
}
