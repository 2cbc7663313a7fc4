import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  containerRuntimeFromEnv,
  MinerFault,
  OwnerFault,
  RuntimeBackendUnavailable,
  type RuntimePlacement,
} from '../../../adapters/container-runtime';
import { processAt } from '../../../adapters/container-runtime/process/procfs';
import { ask, Bench, eventually, MIB, nodeAgent, pack, pythonAgent, silent } from './harness';

jest.setTimeout(60_000);
const isRoot = process.getuid?.() === 0;

let bench: Bench;
beforeEach(() => (bench = new Bench()));
afterEach(() => bench.dispose());

async function fault(work: Promise<unknown>): Promise<MinerFault> {
  const error = await work.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (error instanceof MinerFault) return error;
  throw error;
}

describe('a Python agent from start to end', () => {
  test('is built, started, asked, read and stopped', async () => {
    const runtime = bench.runtime();
    const agent = pythonAgent();
    const imageRef = await bench.build(runtime, agent);
    expect(bench.logLines.join('\n')).toContain(
      'not executed by the process backend: RUN pip install nothing',
    );
    const image = join(bench.root, 'images', agent.sha256, 'tree');
    expect(statSync(join(image, 'srv/main.py')).mode & 0o222).toBe(0);
    await expect(bench.build(runtime, agent)).resolves.toBe(imageRef);

    const beats: string[] = [];
    const placed = await runtime.place(
      bench.spec(agent, imageRef, { heartbeat: (detail) => beats.push(detail) }),
    );
    expect(beats.length).toBeGreaterThan(0);
    expect(placed).toMatchObject({ deploymentId: 'd1', adopted: false });
    expect(placed.limits.join('\n')).toMatch(/network not isolated/);
    expect(await runtime.status('d1')).toEqual({
      deploymentId: 'd1',
      state: 'running',
      ready: true,
      revision: 'r1',
      endpointUrl: placed.endpointUrl,
      instanceId: placed.instanceId,
      restarts: 0,
    });
    const answer = await fetch(`${placed.endpointUrl}/v1/agent/infer`, {
      method: 'POST',
      body: '{"prompt":"hi"}',
    });
    expect(await answer.json()).toEqual({ echo: { prompt: 'hi' } });
    expect(await runtime.logs('d1', { tailLines: 1 })).toEqual(['agent py is up']);
    expect(await ask(`${placed.endpointUrl}/write`)).toEqual({});
    expect(existsSync(join(image, 'srv/note.txt'))).toBe(false);
    expect(await runtime.capacity()).toEqual([
      expect.objectContaining({ usedCpuMillis: 1000, usedMemoryBytes: 256 * MIB, runningPods: 1 }),
    ]);

    await runtime.stop('d1', { graceSeconds: 5 });
    await runtime.stop('d1', { graceSeconds: 5 });
    expect(await runtime.status('d1')).toMatchObject({
      state: 'missing',
      ready: false,
      reason: 'stopped on request',
    });
    expect(await runtime.list()).toEqual([]);
    expect(await runtime.logs('d1', { tailLines: 1 })).toEqual(['agent py is up']);
    expect(await runtime.capacity()).toEqual([expect.objectContaining({ runningPods: 0, usedCpuMillis: 0 })]);
    await runtime.remove('d1');
    await runtime.remove('d1');
    expect(await runtime.logs('d1', { tailLines: 5 })).toEqual([]);
    expect(readdirSync(join(bench.root, 'deployments'))).toEqual([]);
    await runtime.stop('never-placed', { graceSeconds: 1 });
    expect(await runtime.status('never-placed')).toMatchObject({ state: 'missing' });
  });

  test('inherits nothing of the service, sees no secret, and has no rights', async () => {
    process.env.EIREL_TEST_SECRET = 'do-not-leak-this';
    const runtime = bench.runtime();
    const agent = pythonAgent();
    const placed = await runtime.place(
      bench.spec(agent, await bench.build(runtime, agent), {
        env: { MINER_TOKEN: "it's $HOME\n`x`", AGENT_NAME: 'theirs' },
      }),
    );
    delete process.env.EIREL_TEST_SECRET;
    const env = await ask<Record<string, string>>(`${placed.endpointUrl}/env`);
    const port = new URL(placed.endpointUrl).port;
    const home = join(bench.root, 'deployments/d1/home');
    expect(env).toMatchObject({
      MINER_TOKEN: "it's $HOME\n`x`",
      AGENT_NAME: 'theirs',
      HOME: home,
      TMPDIR: join(home, 'tmp'),
      LANG: 'C.UTF-8',
      MINER_RUNTIME_HOST: '127.0.0.1',
      MINER_RUNTIME_PORT: port,
      PORT: port,
    });
    expect(env.PATH).not.toContain('evil');
    const expected = [
      'AGENT_NAME',
      'HOME',
      'LANG',
      'MINER_RUNTIME_HOST',
      'MINER_RUNTIME_PORT',
      'MINER_TOKEN',
      'PATH',
      'PORT',
    ];
    const extra = Object.keys(env).filter(
      (name) => ![...expected, 'PYTHONUNBUFFERED', 'PYTHONDONTWRITEBYTECODE', 'TMPDIR'].includes(name),
    );
    // Shells and interpreters may add their own; none of them comes from here.
    expect(extra.filter((name) => !['PWD', 'SHLVL', '_', 'LC_CTYPE', 'OLDPWD'].includes(name))).toEqual([]);

    const self = await ask<{ uid: number; pid: number; status: string; limits: string; stdin: string }>(
      `${placed.endpointUrl}/whoami`,
    );
    expect(self.stdin).toBe('/dev/null');
    expect(self.limits).toMatch(/Max core file size\s+0\s+0/);
    expect(self.limits).toMatch(/Max open files\s+\d{1,4}\s/);
    expect(self.status).toMatch(/NoNewPrivs:\s+1/);
    expect(self.status).toMatch(/CapEff:\s+0+$/m);
    // Neither the value nor the secret of the service shows in what other users may read of these processes.
    for (let pid = self.pid; pid > 1 && processAt(pid)?.session === processAt(self.pid)?.session;) {
      expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toContain('MINER_TOKEN');
      expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain('do-not-leak-this');
      pid = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    }
    expect(readdirSync(home).filter((name) => name.startsWith('.environment'))).toEqual([]);
  });

  (isRoot ? test : test.skip)(
    'runs as a user of its own that reads neither the service nor other agents',
    async () => {
      const runtime = bench.runtime();
      const agent = pythonAgent();
      const imageRef = await bench.build(runtime, agent);
      const [one, two] = await Promise.all([
        runtime.place(bench.spec(agent, imageRef)),
        runtime.place(bench.spec(agent, imageRef, { deploymentId: 'd2' })),
      ]);
      const first = await ask<{ uid: number; gid: number }>(`${one.endpointUrl}/whoami`);
      const second = await ask<{ uid: number; gid: number }>(`${two.endpointUrl}/whoami`);
      expect(first.uid).toBeGreaterThan(0);
      expect(first.gid).toBe(first.uid);
      expect(second.uid).not.toBe(first.uid);
      const closed = [
        'deployments/d2/app/srv/main.py',
        'deployments/d2/state.json',
        'deployments/d2/agent.log',
        'deployments/d1/state.json',
        `images/${agent.sha256}/plan.json`,
      ].map((path) => join(bench.root, path));
      for (const path of [...closed, `/proc/${process.pid}/environ`, '/etc/shadow']) {
        expect(readFileSync(path).length).toBeGreaterThan(0);
        expect(await ask(`${one.endpointUrl}/read?${path}`)).toEqual({
          error: expect.stringMatching(/PermissionError|FileNotFoundError/) as string,
        });
      }
      expect(await ask(`${one.endpointUrl}/read?main.py`)).toEqual({
        text: expect.stringContaining('HOARD') as string,
      });
    },
  );

  (isRoot ? test : test.skip)('is not run as root, unless the operator says so', async () => {
    // No machine has the last of all ids.
    const nobody = { EIREL_PROCESS_RUNTIME_UID_FROM: '4294967295', EIREL_PROCESS_RUNTIME_UID_COUNT: '1' };
    const agent = pythonAgent();
    const refusing = bench.runtime(nobody);
    const spec = bench.spec(agent, await bench.build(refusing, agent));
    await expect(refusing.place(spec)).rejects.toMatchObject({
      name: 'OwnerFault',
      code: 'agents_as_root',
      message: expect.stringContaining('EIREL_PROCESS_RUNTIME_ALLOW_ROOT') as string,
    });
    expect(await refusing.status(spec.deploymentId)).toMatchObject({ state: 'missing' });
    const allowing = bench.runtime({ ...nobody, EIREL_PROCESS_RUNTIME_ALLOW_ROOT: 'true' });
    const placed = await allowing.place(spec);
    expect(placed.limits.join('\n')).toContain('user isolation not possible');
  });

  (isRoot ? test : test.skip)(
    'sees nothing of a closed directory but its own part, when the data are in one',
    async () => {
      const closed = join(bench.root, 'closed');
      mkdirSync(closed, { mode: 0o700 });
      writeFileSync(join(closed, 'secret.txt'), 'secret');
      const hidden = new Bench({ EIREL_PROCESS_RUNTIME_ROOT: join(closed, 'runtime') });
      try {
        const runtime = hidden.runtime();
        const agent = pythonAgent();
        const placed = await runtime
          .place(hidden.spec(agent, await hidden.build(runtime, agent)))
          .catch((error: unknown) => error);
        if (placed instanceof OwnerFault) {
          // A root that may not make mount namespaces, as in a plain container.
          expect(placed).toMatchObject({
            code: 'agents_as_root',
            message: expect.stringMatching(/unshare/) as string,
          });
          return;
        }
        if (placed instanceof Error) throw placed;
        const { endpointUrl, limits } = placed as RuntimePlacement;
        const self = await ask<{ uid: number }>(`${endpointUrl}/whoami`);
        expect(self.uid).toBeGreaterThan(0);
        expect(limits.join('\n')).toContain(`without sight of`);
        expect(await ask(`${endpointUrl}/read?${join(closed, 'secret.txt')}`)).toEqual({
          error: 'FileNotFoundError',
        });
        expect(await ask(`${endpointUrl}/read?main.py`)).toEqual({
          text: expect.stringContaining('HOARD') as string,
        });
        expect(readFileSync(join(closed, 'secret.txt'), 'utf8')).toBe('secret');
      } finally {
        await hidden.dispose();
      }
    },
  );

  test('is killed when it takes more memory than it may, and the host is not', async () => {
    const runtime = bench.runtime();
    const agent = pythonAgent();
    const placed = await runtime.place(
      bench.spec(agent, await bench.build(runtime, agent), { memoryBytes: 96 * MIB }),
    );
    const limited = placed.limits.some((note) => note.startsWith('memory limited to 96 MiB'));
    await ask(`${placed.endpointUrl}/memory`).catch(() => undefined);
    if (limited) {
      await eventually('the agent ends', async () => (await runtime.status('d1')).state === 'exited');
      expect(await runtime.status('d1')).toMatchObject({ oomKilled: true, signal: 'SIGKILL', ready: false });
    } else {
      // Without a control group the limit on data makes the allocation fail instead.
      await eventually('memory is refused', async () =>
        (await runtime.logs('d1', { tailLines: 50 })).join('\n').includes('MemoryError'),
      );
    }
    const again = await runtime.place(
      bench.spec(agent, placed.limits.length > 0 ? `process:${agent.sha256}` : ''),
    );
    if (limited) expect(again.instanceId).not.toBe(placed.instanceId);
    expect((await runtime.status('d1')).ready).toBe(true);
  });

  test.each([
    ['/exit?7', { exitCode: 7, reason: 'ended with exit code 7' }],
    ['/segv', { signal: 'SIGSEGV', reason: 'ended by signal SIGSEGV' }],
  ])(
    'a crash by %s is seen, also by a worker that started later, and a restart counts',
    async (path, end) => {
      const runtime = bench.runtime();
      const agent = pythonAgent();
      const spec = bench.spec(agent, await bench.build(runtime, agent));
      const placed = await runtime.place(spec);
      await ask(`${placed.endpointUrl}${path}`).catch(() => undefined);
      await eventually('the agent ends', async () => (await runtime.status('d1')).state === 'exited');
      expect(await bench.runtime().status('d1')).toMatchObject({
        ...end,
        oomKilled: false,
        ready: false,
        restarts: 0,
      });
      const again = await runtime.place(spec);
      expect(again.instanceId).not.toBe(placed.instanceId);
      expect(await runtime.status('d1')).toMatchObject({ state: 'running', restarts: 1 });
    },
  );
});

describe('workers that come and go', () => {
  test('a new worker adopts what runs; a new revision replaces it', async () => {
    const agent = pythonAgent();
    const first = bench.runtime();
    const imageRef = await bench.build(first, agent);
    const placed = await first.place(bench.spec(agent, imageRef));
    const later = bench.runtime();
    const adopted = await later.place(bench.spec(agent, imageRef));
    expect(adopted).toEqual({ ...placed, adopted: true });
    expect(await later.list()).toEqual([expect.objectContaining({ deploymentId: 'd1', ready: true })]);
    const replaced = await later.place(bench.spec(agent, imageRef, { revision: 'r2' }));
    expect(replaced.adopted).toBe(false);
    expect(replaced.instanceId).not.toBe(placed.instanceId);
    expect(await first.status('d1')).toMatchObject({ revision: 'r2', restarts: 0, ready: true });
    await expect(fetch(placed.endpointUrl)).rejects.toThrow();
  });

  test('an agent survives the SIGKILL of the worker that started it', async () => {
    const agent = pythonAgent();
    const runtime = bench.runtime();
    const imageRef = await bench.build(runtime, agent);
    const spec = JSON.stringify(bench.spec(agent, imageRef));
    const script = join(bench.root, 'worker.js');
    const repository = process.cwd();
    // The worker needs our TypeScript; jest's own compiler is at hand.
    writeFileSync(
      script,
      `const swc = require(${JSON.stringify(join(repository, 'node_modules/@swc/core'))});
       const { readFileSync } = require('node:fs');
       require.extensions['.ts'] = (module, file) => module._compile(swc.transformSync(readFileSync(file, 'utf8'),
         { filename: file, module: { type: 'commonjs' }, jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }).code, file);
       const { containerRuntimeFromEnv } = require(${JSON.stringify(join(repository, 'adapters/container-runtime/index.ts'))});
       const log = () => undefined;
       containerRuntimeFromEnv(process.env, { debug: log, info: log, warn: log, error: log })
         .place(${spec}).then((placed) => { console.log(JSON.stringify(placed)); setInterval(log, 1000); },
           (error) => { console.error(error); process.exit(1); });`,
    );
    const worker = spawn(process.execPath, [script], {
      cwd: repository,
      env: { PATH: process.env.PATH, EIREL_PROCESS_RUNTIME_ROOT: bench.root },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const line = await new Promise<string>((resolve, reject) => {
      worker.stdout.once('data', (data: Buffer) => resolve(data.toString()));
      worker.once('exit', (code) => reject(new Error(`the worker ended early: ${code}`)));
    });
    const placed = JSON.parse(line) as { instanceId: string; endpointUrl: string };
    worker.removeAllListeners('exit');
    const gone = new Promise((resolve) => worker.once('exit', resolve));
    worker.kill('SIGKILL');
    await gone;
    expect(await ask(`${placed.endpointUrl}/healthz`)).toEqual({ status: 'ok' });
    expect(await runtime.place(bench.spec(agent, imageRef))).toMatchObject({
      instanceId: placed.instanceId,
      adopted: true,
    });
  });

  test('two placements at once start one instance', async () => {
    const agent = pythonAgent();
    const [one, two] = [bench.runtime(), bench.runtime()];
    const imageRef = await bench.build(one, agent);
    const placed = await Promise.all(
      [one, one, two].map((runtime) => runtime.place(bench.spec(agent, imageRef))),
    );
    expect(new Set(placed.map((placement) => placement.instanceId)).size).toBe(1);
    expect(placed.filter((placement) => !placement.adopted)).toHaveLength(1);
  });

  test('a process that got the id of an ended agent is not taken for it, nor harmed', async () => {
    const agent = pythonAgent();
    const runtime = bench.runtime();
    const imageRef = await bench.build(runtime, agent);
    const placed = await runtime.place(bench.spec(agent, imageRef));
    await ask(`${placed.endpointUrl}/exit?0`).catch(() => undefined);
    await eventually('the agent ends', async () => (await runtime.status('d1')).state === 'exited');
    const bystander = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
    try {
      const pidFile = join(bench.root, 'deployments/d1/run', `${placed.instanceId}.pid`);
      const [, ticks] = readFileSync(pidFile, 'utf8').trim().split(' ');
      writeFileSync(pidFile, `${bystander.pid} ${ticks}\n`);
      expect(await runtime.status('d1')).toMatchObject({ state: 'exited', exitCode: 0 });
      const again = await runtime.place(bench.spec(agent, imageRef));
      expect(again.adopted).toBe(false);
      await runtime.stop('d1', { graceSeconds: 1 });
      expect(processAt(bystander.pid as number)).not.toBeNull();
    } finally {
      bystander.kill('SIGKILL');
    }
  });

  test('a start that was interrupted before it was recorded is done again', async () => {
    const agent = pythonAgent();
    const runtime = bench.runtime();
    const imageRef = await bench.build(runtime, agent);
    const placed = await runtime.place(bench.spec(agent, imageRef));
    await runtime.stop('d1', { graceSeconds: 1 });
    // What a worker leaves that died between writing the state and starting the shim.
    const path = join(bench.root, 'deployments/d1/state.json');
    const state = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...state, instanceId: 'neverstarted', stopped: false }));
    expect(await runtime.status('d1')).toMatchObject({ state: 'exited' });
    expect((await runtime.place(bench.spec(agent, imageRef))).instanceId).not.toBe(placed.instanceId);
    expect((await runtime.status('d1')).ready).toBe(true);
  });

  test('a lock left by a dead worker does not block', async () => {
    const agent = pythonAgent();
    const runtime = bench.runtime();
    const imageRef = await bench.build(runtime, agent);
    mkdirSync(join(bench.root, 'locks'), { recursive: true });
    writeFileSync(join(bench.root, 'locks/d1.lock'), `${process.pid} 1 someone-else`);
    await runtime.place(bench.spec(agent, imageRef));
  });
});

describe('stopping', () => {
  const pidsOf = async (url: string): Promise<number[]> =>
    (await ask<{ pids: number[] }>(`${url}/children`)).pids;

  test('ends children too, those that left the process group included, and an agent that ignores SIGTERM', async () => {
    const agent = pythonAgent();
    const runtime = bench.runtime();
    const placed = await runtime.place(bench.spec(agent, await bench.build(runtime, agent)));
    const children = await pidsOf(placed.endpointUrl);
    await ask(`${placed.endpointUrl}/whoami`);
    expect(children.every((pid) => processAt(pid) !== null)).toBe(true);
    const groups = (
      JSON.parse(readFileSync(join(bench.root, 'deployments/d1/state.json'), 'utf8')) as {
        cgroupDirectories: string[];
      }
    ).cgroupDirectories;
    const started = Date.now();
    await runtime.stop('d1', { graceSeconds: 1 });
    expect(Date.now() - started).toBeLessThan(30_000);
    // Without a user or a control group of its own, a child in another session cannot be told from a stranger.
    const findable = isRoot || groups.length > 0 ? children : children.slice(0, 1);
    for (const pid of findable) expect(processAt(pid)).toBeNull();
    for (const group of groups) expect(existsSync(group)).toBe(false);
  });

  test('stopAll leaves nothing behind', async () => {
    const agent = pythonAgent();
    const node = nodeAgent();
    const runtime = bench.runtime();
    const placed = await Promise.all([
      runtime.place(bench.spec(agent, await bench.build(runtime, agent))),
      runtime.place(bench.spec(node, await bench.build(runtime, node), { deploymentId: 'd2' })),
    ]);
    const shims = readdirSync(join(bench.root, 'deployments')).map((id) => {
      const run = join(bench.root, 'deployments', id, 'run');
      const file = readdirSync(run).find((name) => name.endsWith('.pid')) as string;
      return Number(readFileSync(join(run, file), 'utf8').split(' ')[0]);
    });
    expect(shims).toHaveLength(2);
    await bench.runtime().stopAll(2);
    for (const pid of shims) expect(processAt(pid)).toBeNull();
    for (const { endpointUrl } of placed) await expect(fetch(endpointUrl)).rejects.toThrow();
    expect(await runtime.list()).toEqual([]);
  });
});

describe('submissions of other kinds', () => {
  test('a Node agent with its address in the Dockerfile listens where it is told', async () => {
    const runtime = bench.runtime();
    const agent = nodeAgent();
    const placed = await runtime.place(bench.spec(agent, await bench.build(runtime, agent)));
    const body = await ask<{ argv: string[]; data: unknown; env: Record<string, string> }>(
      `${placed.endpointUrl}/x`,
    );
    expect(body.argv).toEqual(['127.0.0.1', new URL(placed.endpointUrl).port]);
    expect(body.data).toEqual({ answer: 42 });
    expect(body.env.PATH).toContain('deployments/d1/bin');
  });

  test('a shell-form command and a script of the archive', async () => {
    const runtime = bench.runtime();
    const agent = pack({
      'start.sh':
        "#!/bin/sh\nexec node -e \"require('http').createServer((q,s)=>s.end('{}')).listen($1, process.env.MINER_RUNTIME_HOST)\"\n",
      Dockerfile: 'FROM scratch\nCOPY . /opt/agent\nWORKDIR /opt/agent\nCMD ./start.sh $PORT && echo never\n',
    });
    const placed = await runtime.place(bench.spec(agent, await bench.build(runtime, agent)));
    expect(await ask(placed.endpointUrl)).toEqual({});
  });

  test("an archive with a refused entry, no start command, or a path that leads out is the miner's fault", async () => {
    const runtime = bench.runtime();
    const none = await fault(bench.build(runtime, pack({ 'readme.txt': 'x' })));
    expect(none).toMatchObject({
      code: 'no_start_command',
      message: expect.stringContaining('app.py') as string,
    });
    const empty = await fault(bench.build(runtime, pack({ Dockerfile: 'FROM x\nRUN y\n' })));
    expect(empty.logLines.join('\n')).toContain('unpacked 2 files');
    expect(empty.code).toBe('no_start_command');
    const link = await fault(bench.build(runtime, pack({ '../evil': 'x' })));
    expect(link).toMatchObject({
      code: 'archive_refused',
      message: expect.stringContaining('"../evil"') as string,
    });
    const out = await fault(
      bench.build(runtime, pack({ Dockerfile: 'FROM x\nCOPY ../../etc /x\nCMD ["node"]\n' })),
    );
    expect(out.code).toBe('bad_path');
    const copy = await fault(
      bench.build(runtime, pack({ Dockerfile: 'FROM x\nCOPY nope.py .\nCMD ["node"]\n' })),
    );
    expect(copy.code).toBe('copy_failed');
    expect(readdirSync(join(bench.root, 'images'))).toEqual([]);
  });

  test("other bytes than those accepted, and a missing image, are the owner's fault", async () => {
    const runtime = bench.runtime();
    const agent = pythonAgent();
    const other = { ...agent, bytes: nodeAgent().bytes };
    await expect(bench.build(runtime, other)).rejects.toMatchObject({
      name: 'OwnerFault',
      code: 'archive_digest_mismatch',
    });
    await expect(runtime.place(bench.spec(agent, `process:${agent.sha256}`))).rejects.toBeInstanceOf(
      OwnerFault,
    );
    const broken = runtime.buildImage({
      submissionId: 's1',
      archive: () =>
        Promise.resolve(
          new Readable({
            read() {
              this.destroy(new Error('storage is down'));
            },
          }),
        ),
      archiveSha256: agent.sha256,
      manifest: agent.manifest,
      onLog: () => undefined,
    });
    await expect(broken).rejects.toMatchObject({
      name: 'OwnerFault',
      message: expect.stringContaining('storage is down') as string,
    });
  });
});

describe('starts that fail', () => {
  test.each([
    [
      'an agent that ends at once',
      {
        'a.js': 'console.log("about to fail"); process.exit(3)',
        Dockerfile: 'FROM x\nCOPY a.js .\nCMD ["node","a.js"]\n',
      },
      'exited_early',
      'exit code 3',
      'about to fail',
    ],
    [
      'a command that does not exist',
      { Dockerfile: 'FROM x\nCMD ["no-such-program"]\n' },
      'start_command_failed',
      'could not be run',
      'no-such-program',
    ],
    [
      'an import error',
      { 'a.py': 'import nothing_like_this', Dockerfile: 'FROM x\nCOPY a.py .\nCMD ["python3","a.py"]\n' },
      'exited_early',
      'exit code 1',
      'nothing_like_this',
    ],
  ])('%s', async (_, files, code, message, log) => {
    const runtime = bench.runtime();
    const agent = pack(files as unknown as Record<string, string>);
    const failed = await fault(runtime.place(bench.spec(agent, await bench.build(runtime, agent))));
    expect(failed).toMatchObject({ code, message: expect.stringContaining(message) as string });
    expect(failed.logLines.join('\n')).toContain(log);
    expect(failed.logLines.length).toBeLessThanOrEqual(50);
    expect(await runtime.status('d1')).toMatchObject({ state: 'exited', ready: false });
  });

  test('an agent that never answers is stopped after its time', async () => {
    const runtime = bench.runtime();
    const agent = pack({
      'a.js': 'console.log("deaf"); setInterval(() => {}, 1000)',
      Dockerfile: 'FROM x\nCOPY a.js .\nCMD ["node","a.js"]\n',
    });
    const spec = bench.spec(agent, await bench.build(runtime, agent), { startTimeoutSeconds: 10 });
    const waiting = fault(runtime.place(spec));
    await eventually('it starts', async () => (await runtime.status('d1')).state === 'starting');
    const failed = await waiting;
    expect(failed).toMatchObject({ code: 'health_timeout', logLines: ['deaf'] });
    expect(failed.message).toContain('MINER_RUNTIME_PORT');
    expect(await runtime.status('d1')).toMatchObject({ state: 'exited', ready: false });
  });

  test('a stop during the start ends the wait', async () => {
    const runtime = bench.runtime();
    const agent = pack({
      'a.js': 'setInterval(() => {}, 1000)',
      Dockerfile: 'FROM x\nCOPY a.js .\nCMD ["node","a.js"]\n',
    });
    const waiting = runtime.place(bench.spec(agent, await bench.build(runtime, agent)));
    const outcome = expect(waiting).rejects.toMatchObject({ name: 'OwnerFault', code: 'superseded' });
    await eventually('it starts', async () => (await runtime.status('d1')).state === 'starting');
    await bench.runtime().stop('d1', { graceSeconds: 1 });
    await outcome;
  });

  test('an abort ends the wait with its reason', async () => {
    const runtime = bench.runtime();
    const agent = pack({
      'a.js': 'setInterval(() => {}, 1000)',
      Dockerfile: 'FROM x\nCOPY a.js .\nCMD ["node","a.js"]\n',
    });
    const controller = new AbortController();
    const imageRef = await bench.build(runtime, agent);
    const waiting = runtime.place(bench.spec(agent, imageRef, { signal: controller.signal }));
    const outcome = expect(waiting).rejects.toThrow('cancelled by the workflow');
    await eventually('it starts', async () => (await runtime.status('d1')).state === 'starting');
    controller.abort(new Error('cancelled by the workflow'));
    await outcome;
  });

  test("an interpreter that is missing is the owner's fault", async () => {
    const runtime = bench.runtime({ EIREL_PROCESS_RUNTIME_PYTHON: '/no/such/python' });
    const agent = pythonAgent();
    const failed = runtime.place(bench.spec(agent, await bench.build(runtime, agent)));
    await expect(failed).rejects.toMatchObject({
      name: 'OwnerFault',
      code: 'python_missing',
      message: expect.stringContaining('EIREL_PROCESS_RUNTIME_PYTHON') as string,
    });
  });
});

test('the log keeps to its size', async () => {
  const runtime = bench.runtime({ EIREL_PROCESS_RUNTIME_LOG_MAX_BYTES: '500000' });
  const agent = pythonAgent();
  const placed = await runtime.place(bench.spec(agent, await bench.build(runtime, agent)));
  for (let round = 0; round < 6; round += 1) {
    await ask(`${placed.endpointUrl}/shout`);
    await runtime.status('d1');
  }
  const path = join(bench.root, 'deployments/d1/agent.log');
  expect(statSync(path).size).toBeLessThan(750_000);
  expect(readFileSync(path, 'utf8')).not.toContain('\0');
  expect(await runtime.logs('d1', { tailLines: 1 })).toEqual([`000399${'x'.repeat(493)}`]);
});

describe('configuration', () => {
  test.each(['podman', 'k8s', 'containerd'])('backend %s is refused with what to do', (name) => {
    expect(() => containerRuntimeFromEnv({ OWNER_RUNTIME_BACKEND: name }, silent)).toThrow(
      RuntimeBackendUnavailable,
    );
    expect(() => containerRuntimeFromEnv({ OWNER_RUNTIME_BACKEND: name }, silent)).toThrow(
      /set it to process/,
    );
  });

  test('an empty backend is the process one, and bad values are named', () => {
    expect(containerRuntimeFromEnv({ OWNER_RUNTIME_BACKEND: '' }, silent).backend).toBe('process');
    expect(() => containerRuntimeFromEnv({ EIREL_PROCESS_RUNTIME_UID_FROM: 'x' }, silent)).toThrow(
      'EIREL_PROCESS_RUNTIME_UID_FROM',
    );
    expect(() => containerRuntimeFromEnv({ EIREL_PROCESS_RUNTIME_PORT_FROM: '80' }, silent)).toThrow(
      '1024..65535',
    );
  });

  test.each(['../x', '', 'a/b', '.', 'x'.repeat(200)])(
    'deployment id %j is refused',
    async (deploymentId) => {
      await expect(bench.runtime().status(deploymentId)).rejects.toMatchObject({ code: 'bad_deployment_id' });
    },
  );
});
