import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePythonVenv, projectRoot } from '../../../adapters/local-stack';
import { run } from '../tools/python';
import { createIsolation, IsolationUnavailable } from '../../../adapters/isolation';
import { createHmac } from 'node:crypto';
import { testDatabase, testRedis } from '../../harness/stack';
import { jobHeaders, MASTER, SECRET, startSandbox, type Harness } from './harness';

jest.setTimeout(90_000);

const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('executing', () => {
  let sandbox: Harness;
  beforeAll(async () => {
    sandbox = await startSandbox();
  });
  afterAll(() => sandbox.stop());

  it('answers in the form that clients know', async () => {
    const { status, body } = await sandbox.execute('print(6 * 7)');
    expect(status).toBe(200);
    expect(body).toEqual({
      stdout: '42\n',
      stderr: '',
      exit_code: 0,
      duration_ms: expect.any(Number) as number,
      truncated: false,
      retrieved_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$/) as string,
      retrieval_ledger_id: 'ledger:miner-dep-a',
      session_id: null,
      files: [],
      metadata: {
        backend: 'bubblewrap',
        timed_out: false,
        session_id: null,
        note: null,
        files_left_out: 0,
        attachments_skipped: [],
      },
    });
  });

  it.each([
    [
      'raise ValueError("no")',
      1,
      /Traceback \(most recent call last\):\n {2}File "<string>", line 1, in <module>\nValueError: no\n$/,
    ],
    ['def broken(:', 1, /SyntaxError/],
    ['raise SystemExit(7)', 7, /^$/],
    ['import sys; sys.exit("stopped here")', 1, /^stopped here\n$/],
    ['import os; os.abort()', -6, /^$/],
  ])('gives %j the exit code %d', async (code, exitCode, stderr) => {
    const { status, body } = await sandbox.execute(code);
    expect({ status, code: body.exit_code }).toEqual({ status: 200, code: exitCode });
    expect(body.stderr).toMatch(stderr);
  });

  it('has the standard library that computing needs', async () => {
    const { body } = await sandbox.execute(
      'import json, re, math, statistics, decimal, datetime, csv, random, hashlib, dataclasses, collections, itertools\n' +
        'import sqlite3, zlib, threading, tempfile, pathlib, fractions\n' +
        'print(statistics.mean([1, 2, 6]), hashlib.sha256(b"").hexdigest()[:8], pathlib.Path.cwd())',
    );
    expect(body).toMatchObject({ exit_code: 0, stdout: '3 e3b0c442 /tmp/work\n', stderr: '' });
  });

  it.each(['socket', 'subprocess', 'ctypes', 'urllib.request', 'multiprocessing', 'asyncio'])(
    'says that %s is of no use',
    async (name) => {
      const { body } = await sandbox.execute(`import ${name}`);
      expect(body.exit_code).toBe(1);
      expect(body.stderr).toContain(`import of '${name.split('.')[0]}' is not allowed in the sandbox`);
    },
  );

  it('takes attachments and returns what is new or changed', async () => {
    const { body } = await sandbox.execute(
      `
rows = open("in.csv").read().splitlines()
open("out.txt", "w").write(str(len(rows)))
open("edit.txt", "a").write("!")
open("large.bin", "wb").write(b"x" * 300_000)
import os; os.makedirs("a/b"); open("a/b/c.txt", "w").write("deep")
`,
      {
        attachments: [
          { filename: '/etc/../in.csv', content_b64: base64('a\nb\nc') },
          { filename: 'edit.txt', content_b64: base64('edited') },
          { filename: '..', content_b64: base64('x') },
          { filename: 'broken.txt', content_b64: 'not base64!' },
        ],
      },
    );
    expect(body).toMatchObject({ exit_code: 0, stderr: '' });
    expect(body.files).toEqual([
      { path: 'a/b/c.txt', size: 4, content_b64: base64('deep') },
      { path: 'edit.txt', size: 7, content_b64: base64('edited!') },
      { path: 'large.bin', size: 300_000, content_b64: null },
      { path: 'out.txt', size: 1, content_b64: base64('3') },
    ]);
    expect(body.metadata.attachments_skipped).toEqual(['..', 'broken.txt']);
  });

  it('cuts output at its limits in bytes', async () => {
    const { body } = await sandbox.execute(
      'import sys\nprint("a" * 70000)\nprint("b" * 20000, file=sys.stderr)',
    );
    expect(body.truncated).toBe(true);
    expect(Buffer.byteLength(body.stdout)).toBe(65_536);
    expect(Buffer.byteLength(body.stderr)).toBe(16_384);
  });

  it('refuses what is out of bounds', async () => {
    const post = async (body: object) => (await sandbox.post(body, jobHeaders('dep-bounds'))).status;
    expect(await post({})).toBe(422);
    expect(await post({ code: '' })).toBe(422);
    expect(await post({ code: 'x', timeout_seconds: 31 })).toBe(422);
    expect(await post({ code: 'x', timeout_seconds: 0 })).toBe(422);
    expect(await post({ code: 'x', memory_mb: 1025 })).toBe(422);
    expect(await post({ code: 'x', attachments: Array(17).fill({ filename: 'f', content_b64: '' }) })).toBe(
      422,
    );
    expect(await post({ code: 'x'.repeat(65_537) })).toBe(422);
    const wide = await sandbox.post({ code: `# ${'\u{1f600}'.repeat(20_000)}` }, jobHeaders('dep-bounds'));
    expect(wide).toEqual({ status: 413, body: { detail: 'code exceeds 65536 bytes' } });
  });

  it('records calls as sandbox_python, timeouts as failed', async () => {
    await sandbox.execute('print("kept")', {}, 'dep-ledger');
    await sandbox.execute('while True: pass', { timeout_seconds: 0.5 }, 'dep-ledger');
    const rows = await sandbox.prisma.orchestratorToolCallLog.findMany({
      where: { jobId: 'miner-dep-ledger' },
      orderBy: { ts: 'asc' },
    });
    expect(rows).toMatchObject([
      { toolName: 'sandbox_python', status: 'ok', error: null, costUsd: 0 },
      { toolName: 'sandbox_python', status: 'error', error: 'timeout' },
    ]);
    expect(rows[0]?.argsJson).toMatchObject({ code: 'print("kept")' });
    expect(rows[0]?.resultDigest).toContain('kept');
    const usage = await sandbox.get('/v1/jobs/miner-dep-ledger/usage', jobHeaders('dep-ledger'));
    expect(usage.body).toMatchObject({ request_count: 2, tool_counts: { sandbox_python: 2 } });
    expect((await sandbox.get('/v1/jobs/miner-dep-ledger/usage', jobHeaders('dep-other'))).status).toBe(403);
  });

  it('takes the job from the token, and the older bearer', async () => {
    const legacy = createHmac('sha256', MASTER).update('job-old').digest('hex');
    const ok = await sandbox.post(
      { code: '1' },
      { Authorization: `Bearer ${legacy}`, 'X-Eirel-Job-Id': 'job-old' },
    );
    expect(ok.status).toBe(200);
    const foreign = await sandbox.post(
      { code: '1' },
      { Authorization: `Bearer ${legacy}`, 'X-Eirel-Job-Id': 'job-new' },
    );
    expect(foreign).toEqual({ status: 401, body: { detail: 'invalid sandbox tool auth token' } });
    const jobless = await sandbox.post({ code: '1' }, { Authorization: `Bearer ${MASTER}` });
    expect(jobless).toEqual({ status: 400, body: { detail: 'missing X-Eirel-Job-Id' } });
  });

  it('shows health, metrics and its OpenAPI document to anybody', async () => {
    expect((await sandbox.get('/healthz')).body).toMatchObject({
      status: 'ok',
      isolation: { backend: 'bubblewrap' },
    });
    expect((await sandbox.get('/openapi.json')).body).toMatchObject({ openapi: '3.1.0' });
    const metrics = await (await fetch(`${sandbox.url}/metrics`)).text();
    expect(metrics).toMatch(/eirel_sandbox_execute_timeouts_total\S* [1-9]/);
  });
});

describe('sessions', () => {
  let sandbox: Harness;
  beforeAll(async () => {
    sandbox = await startSandbox({ sessions: { idleSeconds: 600, max: 32, maxPerJob: 2 } });
  });
  afterAll(() => sandbox.stop());

  /** Waits until a sandbox holds so many sessions. */
  const held = async (of: Harness, sessions: number) => {
    for (let tries = 0; (await of.get('/healthz')).body.sessions !== sessions; tries += 1) {
      if (tries > 300) throw new Error(`there never were ${sessions} sessions`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  it('keeps variables, functions and files', async () => {
    const session = { session_id: 's' };
    await sandbox.execute('x = 41\ndef more(): return x + 1\nopen("f.txt", "w").write("kept")', session);
    const { body } = await sandbox.execute('print(more(), open("f.txt").read())', session);
    expect(body).toMatchObject({ stdout: '42 kept\n', session_id: 's', exit_code: 0, files: [] });
    const failed = await sandbox.execute('1/0', session);
    expect(failed.body.exit_code).toBe(1);
    expect((await sandbox.execute('print(x)', session)).body.stdout).toBe('41\n');
  });

  it('gives two jobs with one session id two sandboxes', async () => {
    const session = { session_id: 'shared' };
    await sandbox.execute('secret = "of a"\nopen("note", "w").write(secret)', session, 'dep-a');
    const other = await sandbox.execute(
      'import os\nprint("secret" in globals(), os.listdir("/tmp/work"))\nsecret = "of b"',
      session,
      'dep-b',
    );
    expect(other.body.stdout).toBe('False []\n');
    expect((await sandbox.execute('print(secret)', session, 'dep-a')).body.stdout).toBe('of a\n');
  });

  it('ends with a timeout, and begins anew', async () => {
    const session = { session_id: 't' };
    await sandbox.execute('x = 1', session, 'dep-c');
    const { body } = await sandbox.execute(
      'print("lost", flush=True)\nwhile True: pass',
      { ...session, timeout_seconds: 0.5 },
      'dep-c',
    );
    expect(body).toMatchObject({ exit_code: -9, stdout: '', stderr: 'sandbox session timeout' });
    const after = await sandbox.execute('print("x" in globals())', session, 'dep-c');
    expect(after.body.stdout).toBe('False\n');
  });

  it('ends with a crash, and says so', async () => {
    const { body } = await sandbox.execute('import os; os.abort()', { session_id: 'k' }, 'dep-d');
    expect(body.exit_code).toBe(-1);
    expect(body.stderr).toContain('sandbox: the session ended');
    expect((await sandbox.execute('print(1)', { session_id: 'k' }, 'dep-d')).body.stdout).toBe('1\n');
  });

  it('ends when it is idle', async () => {
    const idle = await startSandbox({ sessions: { idleSeconds: 1, max: 32, maxPerJob: 2 } });
    try {
      await idle.execute('x = 1', { session_id: 'i' }, 'dep-e');
      await held(idle, 0);
      const { body } = await idle.execute('print("x" in globals())', { session_id: 'i' }, 'dep-e');
      expect(body.stdout).toBe('False\n');
    } finally {
      await idle.stop();
    }
  });

  it('takes one execution at a time', async () => {
    const session = { session_id: 'busy' };
    const before = Number((await sandbox.get('/healthz')).body.sessions);
    const slow = sandbox.execute(
      'import time; time.sleep(5); print("done")',
      { ...session, timeout_seconds: 20 },
      'dep-i',
    );
    await held(sandbox, before + 1);
    expect((await sandbox.execute('print(1)', session, 'dep-i')).status).toBe(409);
    expect((await slow).body.stdout).toBe('done\n');
  });
});

it('limits the sessions of a job, which loses its oldest, and of all, which no job can take from another', async () => {
  const sandbox = await startSandbox({ sessions: { idleSeconds: 60, max: 3, maxPerJob: 2 } });
  const run = (code: string, id: string, job: string) => sandbox.execute(code, { session_id: id }, job);
  try {
    await run('x = 1', 's1', 'dep-f');
    await run('x = 2', 's2', 'dep-f');
    await run('x = 3', 's3', 'dep-f');
    expect((await run('print(x)', 's2', 'dep-f')).body.stdout).toBe('2\n');
    await run('x = 4', 's1', 'dep-g');
    expect((await run('x = 5', 's1', 'dep-h')).status).toBe(503);
    expect((await run('print(x)', 's1', 'dep-g')).body.stdout).toBe('4\n');
  } finally {
    await sandbox.stop();
  }
});

it('stops a job at its number of calls', async () => {
  const sandbox = await startSandbox({ maxRequestsPerJob: 2 });
  try {
    const statuses = [];
    for (let call = 0; call < 3; call += 1) statuses.push((await sandbox.execute('1/0')).status);
    expect(statuses).toEqual([200, 200, 429]);
    expect((await sandbox.execute('1')).body).toEqual({ detail: 'sandbox tool request budget exceeded' });
  } finally {
    await sandbox.stop();
  }
});

it("runs code for the SDK's own client unchanged, with files and sessions", async () => {
  const venv = await ensurePythonVenv('miner-sdk', ['eirel==0.5.2'], {
    toolsDir: join(projectRoot(), '.eirel', 'tools'),
    ignoreRequiresPython: true,
  });
  const sandbox = await startSandbox();
  try {
    const headers = jobHeaders('dep-sdk');
    const answer = await run(venv.python, SDK_SCRIPT, {
      url: sandbox.url,
      token: headers.Authorization?.slice('Bearer '.length),
      jobId: headers['X-Eirel-Job-Id'],
    });
    expect(answer).toEqual({ stdout: ['7\n', '8\n'], files: ['out.txt'] });
    const rows = await sandbox.prisma.orchestratorToolCallLog.findMany();
    expect(rows.map(({ toolName, status }) => [toolName, status])).toEqual([
      ['sandbox_python', 'ok'],
      ['sandbox_python', 'ok'],
    ]);
  } finally {
    await sandbox.stop();
  }
});

const SDK_SCRIPT = `
import asyncio, base64, json, sys
from eirel.families.general_chat.tools._service_client import ToolServiceClient, ToolServiceConfig
from eirel.families.general_chat.tools.sandbox import SandboxTool
given = json.loads(sys.argv[1])
async def main():
    client = ToolServiceClient(ToolServiceConfig(base_url=given["url"], api_token=given["token"], job_id=given["jobId"]))
    tool = SandboxTool(client)
    attachment = {"filename": "in.txt", "content_b64": base64.b64encode(b"7").decode()}
    first = await tool.execute(code="n = int(open('in.txt').read())\\nprint(n)", attachments=[attachment], session_id="s")
    second = await tool.execute(code="print(n + 1)\\nopen('out.txt', 'w').write('x')", session_id="s")
    await client.close()
    print(json.dumps({"stdout": [first["stdout"], second["stdout"]], "files": [file["path"] for file in second["files"]]}))
asyncio.run(main())
`;

describe('a machine without isolation', () => {
  it('is told what is missing and how to get it', async () => {
    const attempt = createIsolation({ bwrap: '/nowhere/bwrap', python: undefined, tag: 'test' });
    await expect(attempt).rejects.toBeInstanceOf(IsolationUnavailable);
    await expect(attempt).rejects.toThrow(
      /EIREL_SANDBOX_BWRAP names \/nowhere\/bwrap.*apt-get install bubblewrap/,
    );
  });

  it('is found out when a wall is left out', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'bwrap-'));
    chmodSync(directory, 0o755);
    const bwrap = join(directory, 'bwrap');
    // The real program, but without the system-call filter.
    writeFileSync(
      bwrap,
      `#!/bin/sh
count=$#
while [ "$count" -gt 0 ]; do
  word=$1; shift; count=$((count - 1))
  if [ "$word" = --seccomp ]; then shift; count=$((count - 1)); else set -- "$@" "$word"; fi
done
exec ${process.env.EIREL_SANDBOX_BWRAP ?? 'bwrap'} "$@"
`,
      { mode: 0o755 },
    );
    try {
      await expect(createIsolation({ bwrap, python: undefined, tag: 'test' })).rejects.toThrow(
        /no isolation is to be had on this machine.*its walls do not stand: sockets can be made/s,
      );
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('has no sandbox service: the process ends and says why', async () => {
    const database = await testDatabase();
    const redis = await testRedis();
    try {
      const child = spawn(
        process.execPath,
        [
          '-r',
          join(__dirname, '..', '..', 'chaos', 'register-typescript.cjs'),
          join(__dirname, '..', '..', '..', 'services', 'sandbox', 'main.ts'),
        ],
        {
          env: {
            PATH: process.env.PATH,
            DATABASE_URL: database.url,
            REDIS_URL: redis.url,
            EIREL_JOB_TOKEN_SECRET: SECRET,
            EIREL_SANDBOX_TOOL_PORT: '0',
            EIREL_SANDBOX_BWRAP: '/nowhere/bwrap',
          },
          stdio: ['ignore', 'ignore', 'pipe'],
        },
      );
      let log = '';
      child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
      const code = await new Promise((resolve) => child.once('close', resolve));
      expect(code).toBe(1);
      expect(log).toContain('sandbox cannot start');
      expect(log).toContain('apt-get install bubblewrap');
    } finally {
      await redis.drop();
      await database.drop();
    }
  });
});
