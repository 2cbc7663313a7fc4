/** What every container runtime must do, as one suite that runs against each of them. */
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import {
  type ContainerRuntime,
  MinerFault,
  type PlacementSpec,
  type RuntimePlacement,
} from '../../../../adapters/container-runtime';
import { ask, eventually, MIB, type Packed } from '../harness';
import { conformanceAgent } from './agent';
import { Model, sampleAgents } from './samples';

/** One backend on a place of its own. */
export interface Bed {
  /** A runtime object as a worker makes it at its start; each call makes a new one on the same place. */
  runtime(env?: NodeJS.ProcessEnv): ContainerRuntime;
  /** Names of all objects that the backend holds for deployments, images excepted; read without its help. */
  objects(): Promise<string[]>;
  /** Takes away what runs of a deployment behind the backend's back. */
  sabotage(deploymentId: string): Promise<void>;
  /** Prepares what the sample agents need beside the base image; @returns settings of a runtime for them */
  prepareSamples(): Promise<NodeJS.ProcessEnv>;
  /** Address of this machine on which agents may be given a service of the owner's. */
  serviceHost(): Promise<string>;
  /** An endpoint as this machine reaches it: not every backend's addresses mean something outside of it. */
  reach(endpointUrl: string): Promise<string>;
  dispose(): Promise<void>;
  /** Directories, as agents see them, that are searched for the owner's secrets. */
  readonly searchRoots: readonly string[];
}

export interface Capabilities {
  /** Why no case can run (`no engine`), or null. */
  unavailable: string | null;
  /** False where the backend's engine only simulates containers; such cases are reported as skipped. */
  runsContainers: boolean;
  /** True where RUN instructions are carried out, so that a build can fail. */
  buildsImages: boolean;
  /** Base image of the agent. */
  baseImage: string;
  /** Placements in the leak case, and how many of them at a time. */
  loop: { count: number; parallel: number };
}

const SECRET = `owner-secret-${randomBytes(12).toString('hex')}`;
const SECRET_VARIABLES = ['EIREL_INTERNAL_SERVICE_TOKEN', 'EIREL_JOB_TOKEN_SECRET', 'DATABASE_URL'];

/**
 * Declares the suite for one backend.
 * @param makeRuntime called once, before the first case, unless the backend is unavailable
 */
export function conformance(name: string, makeRuntime: () => Promise<Bed>, capabilities: Capabilities): void {
  const { unavailable, baseImage } = capabilities;
  describe(`conformance of the ${name} backend`, () => {
    let bed: Bed;
    let runtime: ContainerRuntime;
    let agent: Packed;
    let imageRef: string;
    /** Seconds that each case took, printed at the end for docs/measurements.md. */
    const figures: [title: string, seconds: number][] = [];
    const kept: Record<string, string | undefined> = {};

    const check = (
      title: string,
      needs: 'nothing' | 'containers' | 'builds',
      run: () => Promise<void>,
    ): void => {
      const reason =
        unavailable ??
        (needs !== 'nothing' && !capabilities.runsContainers ? 'the engine runs no containers' : null) ??
        (needs === 'builds' && !capabilities.buildsImages ? 'builds carry out no RUN' : null);
      if (reason !== null) {
        test.skip(`${title} (skipped: ${reason})`, run);
        return;
      }
      test(title, async () => {
        const start = performance.now();
        await run();
        figures.push([title, (performance.now() - start) / 1000]);
      });
    };

    const build = async (packed: Packed, on = runtime): Promise<{ imageRef: string; lines: string[] }> => {
      const lines: string[] = [];
      const built = await on.buildImage({
        submissionId: 's1',
        archive: () => Promise.resolve(Readable.from([packed.bytes])),
        archiveSha256: packed.sha256,
        manifest: packed.manifest,
        onLog: (line) => lines.push(line),
      });
      return { imageRef: built.imageRef, lines };
    };
    const spec = (more: Partial<PlacementSpec> = {}): PlacementSpec => ({
      deploymentId: 'd1',
      submissionId: 's1',
      revision: 'r1',
      imageRef,
      manifest: agent.manifest,
      env: {},
      cpuMillis: 500,
      memoryBytes: 96 * MIB,
      startTimeoutSeconds: 30,
      ...more,
    });
    const infer = async (placed: RuntimePlacement, prompt: string): Promise<unknown> => {
      const response = await fetch(`${await bed.reach(placed.endpointUrl)}/v1/agent/infer`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', connection: 'close' },
        body: JSON.stringify({ prompt }),
      });
      return response.json();
    };
    /** Asks an agent for what ends it, until it is seen to have ended. */
    const endBy = async (placed: RuntimePlacement, path: string): Promise<void> => {
      const url = `${await bed.reach(placed.endpointUrl)}${path}`;
      let asked = '';
      await eventually(`the agent has ended by ${path}`, async () => {
        const now = await runtime.status('d1');
        // A cluster starts it again at once the first time, which may be too quick to be seen; it waits after the second.
        if (now.ready && now.instanceId !== asked) {
          asked = now.instanceId ?? '';
          await ask(url).catch(() => undefined);
        }
        return now.state === 'exited';
      });
    };
    const faultOf = async (work: Promise<unknown>): Promise<MinerFault> => {
      const error: unknown = await work.then(
        () => new Error('it succeeded'),
        (reason: unknown) => reason,
      );
      if (error instanceof MinerFault) return error;
      throw error;
    };

    beforeAll(async () => {
      if (unavailable !== null) return;
      for (const variable of SECRET_VARIABLES) {
        kept[variable] = process.env[variable];
        process.env[variable] = SECRET;
      }
      bed = await makeRuntime();
      runtime = bed.runtime();
      agent = conformanceAgent(baseImage);
      ({ imageRef } = await build(agent));
    }, 300_000);
    afterEach(async () => {
      if (unavailable !== null) return;
      for (const id of ['d1', 'd2']) await runtime.remove(id);
    }, 60_000);
    afterAll(async () => {
      if (unavailable !== null) return;
      for (const variable of SECRET_VARIABLES) {
        if (kept[variable] === undefined) delete process.env[variable];
        else process.env[variable] = kept[variable];
      }
      await bed.dispose();
      const table = figures.map(([title, seconds]) => `${seconds.toFixed(1).padStart(6)} s  ${title}`);
      process.stderr.write(`conformance of ${name}:\n${table.join('\n')}\n`);
    }, 60_000);

    check('build: the same archive is built once', 'nothing', async () => {
      const beats: string[] = [];
      const again = await runtime.buildImage({
        submissionId: 's2',
        archive: () => Promise.reject(new Error('the archive was opened again')),
        archiveSha256: agent.sha256,
        manifest: agent.manifest,
        onLog: (line) => beats.push(line),
      });
      expect(again).toEqual({ imageRef, cached: true });
    });

    check('build: a failing step is the miner fault with the end of the log', 'builds', async () => {
      const noisy = 'RUN i=0; while [ $i -lt 80 ]; do echo "step line $i"; i=$((i+1)); done; exit 3\n';
      const failed = await faultOf(build(conformanceAgent(baseImage, noisy)));
      expect(failed.code).toBe('build_failed');
      expect(failed.logLines.length).toBeLessThanOrEqual(50);
      expect(failed.logLines.join('\n')).toMatch(/step line 79\n(.*\n)*.*returned a non-zero code: 3/);
    });

    check('place: waits until the agent is ready', 'containers', async () => {
      const beats: string[] = [];
      const placed = await runtime.place(spec({ heartbeat: (detail) => beats.push(detail) }));
      expect(placed).toMatchObject({ deploymentId: 'd1', adopted: false });
      expect(placed.limits.length).toBeGreaterThan(0);
      expect(await runtime.status('d1')).toMatchObject({
        state: 'running',
        ready: true,
        revision: 'r1',
        endpointUrl: placed.endpointUrl,
        instanceId: placed.instanceId,
        restarts: 0,
      });
      expect((await runtime.list()).map(({ deploymentId }) => deploymentId)).toEqual(['d1']);
      expect(await runtime.capacity()).toEqual([
        expect.objectContaining({ runningPods: 1, usedCpuMillis: 500, usedMemoryBytes: 96 * MIB }),
      ]);
    });

    check('invoke: a request is answered', 'containers', async () => {
      const placed = await runtime.place(spec());
      expect(await infer(placed, 'six times seven')).toMatchObject({ output: { answer: 'six times seven' } });
      const large = 'x'.repeat(4 * MIB);
      expect(await infer(placed, large)).toMatchObject({ output: { answer: large } });
    });

    check('stream: lines arrive as they are written', 'containers', async () => {
      const placed = await runtime.place(spec());
      const response = await fetch(`${await bed.reach(placed.endpointUrl)}/v1/agent/infer/stream`, {
        method: 'POST',
        headers: { connection: 'close' },
        body: JSON.stringify({ lines: 5, pause: 1.5 }),
      });
      const times: number[] = [];
      let text = '';
      for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
        times.push(performance.now());
        text += Buffer.from(piece).toString('utf8');
      }
      expect(text.trim().split('\n')).toHaveLength(5);
      expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(800);
    });

    check('stream: an agent learns that its caller went away', 'containers', async () => {
      const placed = await runtime.place(spec());
      const hangUp = new AbortController();
      const response = await fetch(`${await bed.reach(placed.endpointUrl)}/v1/agent/infer/stream`, {
        method: 'POST',
        body: JSON.stringify({ lines: 200, pause: 0.1 }),
        signal: hangUp.signal,
      });
      await response.body?.getReader().read();
      hangUp.abort();
      await eventually('the agent noticed', async () =>
        (await runtime.logs('d1', { tailLines: 5 })).includes('the caller went away'),
      );
    });

    check(
      'samples: the three sample agents answer, unary and streamed, with their own credentials',
      'containers',
      async () => {
        const on = bed.runtime(await bed.prepareSamples());
        const model = new Model();
        const address = await model.listen(await bed.serviceHost());
        try {
          for (const { name: sample, packed } of await sampleAgents()) {
            const image = await build(packed, on);
            const placed = await on.place(
              spec({
                deploymentId: sample,
                imageRef: image.imageRef,
                manifest: packed.manifest,
                memoryBytes: 512 * MIB,
                cpuMillis: 1000,
                startTimeoutSeconds: 60,
                env: {
                  EIREL_DISABLE_REQUEST_AUTH: '1',
                  EIREL_PROVIDER_PROXY_URL: address,
                  EIREL_PROVIDER_PROXY_TOKEN: `token-of-${sample}`,
                  EIREL_PROVIDER_PROXY_JOB_ID: `miner-${sample}`,
                  EIREL_RUN_BUDGET_USD: '30',
                  MINER_MODEL: 'm',
                },
              }),
            );
            const said = JSON.stringify(await infer(placed, 'six times seven'));
            expect(said).toContain(
              sample === 'parrot' ? 'You asked: six times seven' : 'model: six times seven',
            );
            const response = await fetch(`${await bed.reach(placed.endpointUrl)}/v1/agent/infer/stream`, {
              method: 'POST',
              headers: { 'content-type': 'application/json', connection: 'close' },
              body: JSON.stringify({ prompt: 'once more' }),
            });
            const lines = (await response.text()).trim().split('\n');
            expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ event: 'done', status: 'completed' });
            await on.remove(sample);
          }
        } finally {
          await model.close();
        }
        expect([...new Set(model.tokens)].sort()).toEqual([
          'Bearer token-of-analyst',
          'Bearer token-of-scholar',
        ]);
      },
    );

    check('logs: the newest lines, also after a stop', 'containers', async () => {
      await runtime.place(spec());
      expect(await runtime.logs('d1', { tailLines: 1 })).toEqual(['agent conforming starts']);
      await runtime.stop('d1', { graceSeconds: 5 });
      expect(await runtime.logs('d1', { tailLines: 1 })).toEqual(['drained']);
      expect(await runtime.logs('d1', { tailLines: 0 })).toEqual([]);
      expect(await runtime.logs('unknown', { tailLines: 5 })).toEqual([]);
    });

    check('crash: is seen with its code, and placing again starts anew', 'containers', async () => {
      const first = await runtime.place(spec());
      await endBy(first, '/exit?7');
      expect(await runtime.status('d1')).toMatchObject({ ready: false, exitCode: 7, oomKilled: false });
      expect((await runtime.list()).map(({ state }) => state)).toEqual(['exited']);
      const second = await runtime.place(spec());
      expect(second.adopted).toBe(false);
      expect(second.instanceId).not.toBe(first.instanceId);
      expect(await runtime.status('d1')).toMatchObject({ state: 'running' });
      expect((await runtime.status('d1')).restarts).toBeGreaterThan(0);
    });

    check('out of memory: is told from other ends', 'containers', async () => {
      const placed = await runtime.place(spec());
      await endBy(placed, '/memory');
      expect(await runtime.status('d1')).toMatchObject({
        oomKilled: true,
        signal: 'SIGKILL',
        reason: 'ended because it reached its memory limit',
      });
      await runtime.place(spec());
      expect(await runtime.status('d1')).toMatchObject({ ready: true });
    });

    check('hang: a running agent that does not answer is not ready', 'containers', async () => {
      const placed = await runtime.place(spec());
      await ask(`${await bed.reach(placed.endpointUrl)}/hang`);
      await eventually('it is seen', async () => !(await runtime.status('d1')).ready);
      expect(await runtime.status('d1')).toMatchObject({
        state: 'running',
        ready: false,
        reason: expect.stringMatching(
          /GET \/healthz: no answer within 2 s|the readiness probe fails/,
        ) as string,
        instanceId: placed.instanceId,
      });
    });

    check('never ready: ends as the miner fault with the log', 'containers', async () => {
      const late = await faultOf(
        runtime.place(spec({ env: { AGENT_MODE: 'unready' }, startTimeoutSeconds: 10 })),
      );
      expect(late.code).toBe('health_timeout');
      expect(late.message).toMatch(/\(last: .*503\)/);
      expect(late.logLines).toContain('agent conforming starts');
      expect((await runtime.status('d1')).state).toBe('exited');
      await runtime.remove('d1');
      const early = await faultOf(runtime.place(spec({ env: { AGENT_MODE: 'crash9' } })));
      expect(early.code).toBe('exited_early');
      expect(early.message).toContain('exit code 9');
      expect(early.logLines).toContain('giving up');
    });

    check('cancel: an aborted wait leaves what the next placement finds', 'containers', async () => {
      const cancel = new AbortController();
      const reason = new Error('no longer wanted');
      setTimeout(() => cancel.abort(reason), 1500);
      const cancelled = runtime.place(spec({ env: { AGENT_MODE: 'unready' }, signal: cancel.signal }));
      await expect(cancelled).rejects.toBe(reason);
      await runtime.place(spec({ revision: 'r2' }));
      expect(await runtime.status('d1')).toMatchObject({ ready: true, revision: 'r2', restarts: 0 });
    });

    check('drain: requests in flight are answered before the end', 'containers', async () => {
      const placed = await runtime.place(spec());
      const slow = ask(`${await bed.reach(placed.endpointUrl)}/slow?2`);
      await eventually('the request is there', async () =>
        (await runtime.logs('d1', { tailLines: 5 })).includes('slow request begins'),
      );
      await runtime.stop('d1', { graceSeconds: 15 });
      expect(await slow).toEqual({ slept: 2 });
      expect(await runtime.logs('d1', { tailLines: 1 })).toEqual(['drained']);
    });

    check('stop: twice, unknown, and everything at once', 'containers', async () => {
      await runtime.place(spec());
      await runtime.place(spec({ deploymentId: 'd2' }));
      await runtime.stopAll(5);
      await runtime.stop('d1', { graceSeconds: 1 });
      await runtime.stop('never-placed', { graceSeconds: 1 });
      expect(await runtime.status('d1')).toMatchObject({ state: 'missing', reason: 'stopped on request' });
      expect(await runtime.list()).toEqual([]);
      const again = await runtime.place(spec());
      expect(again.adopted).toBe(false);
    });

    check('retire: nothing of it is left', 'containers', async () => {
      await runtime.place(spec());
      await runtime.remove('d1');
      await runtime.remove('d1');
      expect(await runtime.status('d1')).toMatchObject({ state: 'missing', ready: false });
      expect(await runtime.logs('d1', { tailLines: 5 })).toEqual([]);
      expect(await bed.objects()).toEqual([]);
    });

    check('adopt: a new worker keeps the running instance', 'containers', async () => {
      const first = await runtime.place(spec());
      const later = bed.runtime();
      expect((await later.list()).map(({ deploymentId }) => deploymentId)).toEqual(['d1']);
      const adopted = await later.place(spec());
      expect(adopted).toMatchObject({
        adopted: true,
        instanceId: first.instanceId,
        endpointUrl: first.endpointUrl,
      });
    });

    check('race: two workers that place at once start one instance', 'containers', async () => {
      const before = (await bed.objects()).length;
      const [one, other] = await Promise.all([runtime.place(spec()), bed.runtime().place(spec())]);
      expect(one?.instanceId).toBe(other?.instanceId);
      const after = (await bed.objects()).length;
      await runtime.remove('d1');
      await runtime.place(spec());
      expect(after - before).toBe((await bed.objects()).length);
    });

    check('replace: another revision takes the place of the first', 'containers', async () => {
      const first = await runtime.place(spec());
      const objects = (await bed.objects()).length;
      const second = await runtime.place(spec({ revision: 'r2', env: { AGENT_NAME: 'second' } }));
      expect(second.instanceId).not.toBe(first.instanceId);
      expect(await runtime.status('d1')).toMatchObject({ ready: true, revision: 'r2', restarts: 0 });
      expect(await ask(`${await bed.reach(second.endpointUrl)}/env`)).toMatchObject({ AGENT_NAME: 'second' });
      expect((await bed.objects()).length).toBe(objects);
    });

    check('drift: what was taken away is made again', 'containers', async () => {
      const first = await runtime.place(spec());
      const objects = (await bed.objects()).length;
      await bed.sabotage('d1');
      await eventually('the loss is seen', async () => !(await runtime.status('d1')).ready);
      const second = await runtime.place(spec());
      expect(second.instanceId).not.toBe(first.instanceId);
      expect(await infer(second, 'back')).toMatchObject({ output: { answer: 'back' } });
      expect((await bed.objects()).length).toBe(objects);
    });

    check(
      'secrets: none of the owner in the environment, the processes or the files',
      'containers',
      async () => {
        const placed = await runtime.place(spec({ env: { MINER_TOKEN: 'the-miners-own' } }));
        const env = await ask<Record<string, string>>(`${await bed.reach(placed.endpointUrl)}/env`);
        expect(env).toMatchObject({ MINER_TOKEN: 'the-miners-own', AGENT_NAME: 'conforming' });
        expect(JSON.stringify(env)).not.toContain(SECRET);
        for (const variable of SECRET_VARIABLES) expect(env[variable]).toBeUndefined();
        const search = async (text: string): Promise<string[]> => {
          const hex = Buffer.from(text).toString('hex');
          return (
            await ask<{ files: string[] }>(
              `${await bed.reach(placed.endpointUrl)}/search?${hex},${bed.searchRoots.join(',')}`,
            )
          ).files;
        };
        // The search itself works: it finds what is there.
        expect((await search('AGENT_NAME=conforming')).length).toBeGreaterThan(0);
        expect(await search(SECRET)).toEqual([]);
      },
    );

    check('limits: no rights, and few processes', 'containers', async () => {
      const placed = await runtime.place(spec({ memoryBytes: 256 * MIB }));
      const self = await ask<{ uid: number; status: string }>(
        `${await bed.reach(placed.endpointUrl)}/whoami`,
      );
      if (process.getuid?.() === 0 || name !== 'process') expect(self.uid).toBeGreaterThan(0);
      expect(self.status).toMatch(/NoNewPrivs:\s+1/);
      expect(self.status).toMatch(/CapEff:\s+0+$/m);
      expect(self.status).toMatch(/CapBnd:\s+0+$/m);
      expect(
        (await ask<{ threads: number }>(`${await bed.reach(placed.endpointUrl)}/fork`)).threads,
      ).toBeLessThan(600);
    });

    check(
      `leaks: ${capabilities.loop.count} placements and retirements leave no object`,
      'containers',
      async () => {
        const ids = Array.from({ length: capabilities.loop.count }, (_, index) => `loop-${index}`);
        const lane = async (): Promise<void> => {
          for (let id = ids.shift(); id !== undefined; id = ids.shift()) {
            const placed = await runtime.place(spec({ deploymentId: id, cpuMillis: 400 }));
            await infer(placed, id);
            await runtime.stop(id, { graceSeconds: 2 });
            await runtime.remove(id);
          }
        };
        await Promise.all(Array.from({ length: capabilities.loop.parallel }, lane));
        expect(await bed.objects()).toEqual([]);
        expect(await runtime.list()).toEqual([]);
      },
    );
  });
}
