import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { freePort } from '../../../adapters/local-stack';
import { hotkeyFromUri } from '../../../adapters/keys/hotkey';
import { canonicalJson } from '../../../domain/evidence';
import genuine from '../../unit/keys/encrypted-keyfiles.json';
import { exampleEvidence, exampleWeights } from '../../unit/cli/evidence-fixture';
import { cli, emptyFolder, ensureBuilt, type CliOptions, type Result } from './run-cli';
import { startServer, type Answer, type Handler, type Seen, type TestServer } from './server';

// Every command is a process of its own, and the machine may be busy.
jest.setTimeout(60_000);

const owner = hotkeyFromUri('//Owner');
const miner = hotkeyFromUri('//Miner');
const validator = hotkeyFromUri('//Validator').ss58;
const folder = mkdtempSync(join(tmpdir(), 'eirel-cli-test-'));
const evidence = exampleEvidence('run-4', [miner.ss58, validator]);
const published = exampleWeights(evidence, owner);

const runs = [
  {
    id: 'run-2',
    sequence: 2,
    status: 'open',
    started_at: null,
    ends_at: null,
    closed_at: null,
    extra: '\u00e9',
  },
];
const steering = (request: Seen, action: string, change: object = {}): Answer => ({
  body: {
    run_id: 'run-2',
    action,
    changed: !(request.json as { dry_run: boolean }).dry_run,
    dry_run: (request.json as { dry_run: boolean }).dry_run,
    phase: 'running',
    status: 'open',
    ends_at: '2025-02-03T12:00:00',
    message: `${action} accepted`,
    ...change,
  },
});

/** A progress answer; the run completes at the third look unless told otherwise. */
function progressOf(look: number, change: object = {}): Answer {
  const counts = (evaluated: number) => ({
    pending: 12 - evaluated,
    claimed: 0,
    evaluated,
    expired: 0,
    unscored: 0,
  });
  const done = look >= 3;
  return {
    body: {
      run_id: 'run-2',
      sequence: 2,
      status: done ? 'completed' : 'open',
      phase: done ? 'completed' : 'running',
      reason: `look ${look}`,
      started_at: '2025-01-31T12:00:00',
      ends_at: '2025-02-03T12:00:00',
      paused_at: null,
      closed_at: done ? '2025-02-03T12:00:00' : null,
      remaining_seconds: done ? 0 : 100 - look,
      total: 12,
      tasks: counts(look * 4),
      miners: [{ miner_hotkey: miner.ss58, deployment_id: 'd', tasks: counts(look * 4), mean_score: 0.5 }],
      leases: [],
      oracles: { pending: 0, ready: 0, failed: 0 },
      spend: { models_usd: 0, tools_usd: 0, oracles_usd: 0, judges_usd: 0, refused_calls: 0 },
      validators: [],
      ...change,
    },
  };
}

/** Options that name a wallet whose key file is encrypted. */
function encryptedWallet(): string[] {
  const keys = join(folder, 'encrypted', 'hotkeys');
  mkdirSync(keys, { recursive: true });
  writeFileSync(join(keys, 'op1'), genuine.ansible.text);
  return ['--wallet-name', 'encrypted', '--wallet-path', folder];
}

/** A text field of a form that was sent. */
function formField(body: Buffer | undefined, name: string): string | undefined {
  return new RegExp(`name="${name}"\\r\\n\\r\\n(.*)\\r\\n`).exec(body?.toString('latin1') ?? '')?.[1];
}

const ownerOnly =
  (handler: Handler): Handler =>
  (request) =>
    request.signer === owner.ss58
      ? handler(request)
      : { status: request.signer === null ? 401 : 403, body: { detail: 'owner access denied' } };
const minerOnly =
  (handler: Handler): Handler =>
  (request) =>
    request.signer === miner.ss58 ? handler(request) : { status: 403, body: { detail: 'access denied' } };

const submission = {
  id: 's-1',
  miner_hotkey: miner.ss58,
  submission_seq: 1,
  family_id: 'general_chat',
  introduced_run_id: 'run-2',
  status: 'building',
  archive_sha256: 'a'.repeat(64),
  created_at: '2025-01-31T12:00:00',
  deployment: null,
};
const journey = {
  submission_id: 's-1',
  status: 'building',
  reason: 'the image is being built',
  now: { step: 'build', reason: 'attempt 1', since: '2025-01-31T12:00:00' },
  events: [
    { step: 'fee', outcome: 'ok', reason: null, details: {}, created_at: '2025-01-31T12:00:01' },
    {
      step: 'build',
      outcome: 'retry',
      reason: 'pull\x1b[2J failed',
      details: {},
      created_at: '2025-01-31T12:00:02',
    },
  ],
};

let server: TestServer;
let looks = 0;
let progress: (look: number) => Answer = progressOf;

beforeAll(async () => {
  ensureBuilt();
  server = await startServer({
    'GET /v1/admin/whoami': ownerOnly(() => ({
      body: { role: 'owner', netuid: 36, network: 'finney', hotkey: owner.ss58 },
    })),
    'GET /v1/admin/runs': ownerOnly(() => ({ body: runs })),
    'GET /v1/admin/runs/current': ownerOnly(() => ({ body: { status: 'no_open_run' } })),
    'GET /v1/admin/neurons': ownerOnly(() => ({ body: [] })),
    'GET /v1/admin/submissions': ownerOnly(({ query }) => ({
      body: query.limit === '200' ? [submission] : [],
    })),
    'GET /v1/admin/deployments': ownerOnly(() => ({ body: [] })),
    'POST /v1/admin/runs/advance': ownerOnly(() => ({
      status: 503,
      body: { detail: 'no workers' },
      headers: { 'retry-after': '5' },
    })),
    'POST /v1/admin/validators': ownerOnly(({ json }) => ({
      body: { status: 'added', hotkey: (json as { hotkey: string }).hotkey },
    })),
    [`DELETE /v1/admin/validators/${validator}`]: ownerOnly(() => ({
      body: { status: 'removed', hotkey: validator },
    })),
    [`PATCH /v1/admin/validators/${validator}`]: ownerOnly(() => ({
      status: 404,
      body: { detail: 'validator not found' },
    })),
    'POST /v1/admin/runs/run-2/pause': ownerOnly((request) => steering(request, 'pause')),
    'POST /v1/admin/runs/run-2/close': ownerOnly((request) => steering(request, 'close')),
    'POST /v1/admin/runs/run-2/extend': ownerOnly((request) => steering(request, 'extend')),
    'POST /v1/admin/runs/run-2/open': ownerOnly(() => ({
      status: 409,
      body: { detail: 'run-2 is open already' },
    })),
    'GET /v1/runs/current': () => ({
      body: { run_id: 'run-2', sequence: 2, status: 'open', started_at: 'x' },
    }),
    'GET /v1/runs/run-2/progress': () => progress((looks += 1)),
    'GET /v1/weights': ({ query }) =>
      query.run_id === undefined || query.run_id === 'run-4'
        ? { body: { ...published, family_winners: [], ready: true } }
        : {
            body: {
              ...{ run_id: query.run_id, weights: {}, family_winners: [], ready: false },
              ...{ evidence_sha256: null, digest: null, signer_hotkey: null, signature: null },
            },
          },
    'GET /v1/runs/run-4/evidence': () => ({ body: evidence }),
    'POST /v1/submissions': minerOnly(() => ({ body: submission })),
    'GET /v1/submissions/current': minerOnly(() => ({ body: submission })),
    'GET /v1/submissions/s-1': minerOnly(() => ({ body: submission })),
    'GET /v1/submissions/s-1/events': () => ({ body: journey }),
    'POST /v1/submissions/s-1/withdraw': ownerOnly(({ json }) => ({
      body: { submission_id: 's-1', status: 'withdrawn', reason: (json as { reason: string }).reason },
    })),
  });
}, 300_000);
beforeEach(() => {
  looks = 0;
  progress = progressOf;
  server.seen.length = 0;
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

/** As the owner, against the test server. */
function asOwner(args: readonly string[], options: CliOptions = {}): Promise<Result> {
  return cli(args, {
    ...options,
    env: {
      OWNER_API_PUBLIC_URL: server.url,
      EIREL_OWNER_MNEMONIC: '//Owner',
      EIREL_MINER_MNEMONIC: '//Miner',
      ...options.env,
    },
  });
}
const jsonOf = ({ stdout }: Result): unknown => JSON.parse(stdout);
const changesSeen = (): string[] =>
  server.seen.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`);

describe('usage', () => {
  test('nothing: usage on stdout, 2; help: the same, 0; a wrong word: message and usage on stderr, 2', async () => {
    const [bare, help, wrong, group] = await Promise.all([
      cli([]),
      cli(['help']),
      cli(['bogus']),
      cli(['admin']),
    ]);
    expect(bare).toMatchObject({ code: 2, stderr: '', stdout: expect.stringMatching(/^Usage: eirel-ai/) });
    expect(help).toMatchObject({ code: 0, stderr: '', stdout: bare.stdout });
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect(wrong.stderr).toMatch(/unknown command 'bogus'[\s\S]*Usage: eirel-ai/);
    expect(group).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/^Usage: eirel-ai admin/),
    });
  });

  test('a server that is not there: 6, and what to do; --api-url beats the environment', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const result = await asOwner(['runs', 'list', '--api-url', url]);
    expect(result).toMatchObject({ code: 6, stdout: '' });
    for (const word of [url, 'ECONNREFUSED', 'comes from --api-url', 'npm start', 'OWNER_API_PUBLIC_URL']) {
      expect(result.stderr).toContain(word);
    }
    expect(result.stderr).not.toMatch(/^\s+at /m);
    const debug = await asOwner(['runs', 'list', '--api-url', url], { env: { EIREL_DEBUG: '1' } });
    expect(debug.stderr).toMatch(/^\s+at /m);
  });

  test('no wallet: 2, where it was looked for and how to name another; no phrase is repeated', async () => {
    const [missing, bad] = await Promise.all([
      asOwner(['admin', 'whoami', '--wallet-name', 'cold', '--wallet-path', folder]),
      asOwner(['admin', 'whoami'], { env: { EIREL_OWNER_MNEMONIC: 'secret words here' } }),
    ]);
    expect(missing).toMatchObject({ code: 2, stdout: '' });
    expect(missing.stderr).toContain('wallet cold, hotkey op1');
    expect(missing.stderr).toContain('EIREL_OWNER_WALLET_NAME');
    expect(bad.code).toBe(2);
    expect(bad.stderr).not.toContain('secret words');
    expect(server.seen).toEqual([]);
  });

  test('an encrypted wallet is opened with the password of the environment, and named without it: 2', async () => {
    const wallet = encryptedWallet();
    const passwordFile = join(folder, 'password');
    writeFileSync(passwordFile, `${genuine.password}\n`);
    const [opened, shut] = await Promise.all([
      asOwner(['admin', 'whoami', ...wallet], { env: { EIREL_OWNER_WALLET_PASSWORD_FILE: passwordFile } }),
      asOwner(['admin', 'whoami', ...wallet]),
    ]);
    // The key is good, and not the owner's.
    expect(opened.code).toBe(4);
    expect(opened.stderr).toContain(genuine.ss58);
    expect(shut).toMatchObject({ code: 2, stdout: '' });
    expect(shut.stderr).toContain('EIREL_OWNER_WALLET_PASSWORD_FILE');
  });

  test('the address of a .env in the working directory is used, a profile stands for flags', async () => {
    const cwd = join(folder, 'with-env');
    mkdirSync(join(folder, 'config', 'eirel'), { recursive: true });
    mkdirSync(cwd);
    writeFileSync(join(cwd, '.env'), `OWNER_API_PUBLIC_URL=${server.url}\nEIREL_OWNER_MNEMONIC=//Owner\n`);
    writeFileSync(
      join(folder, 'config', 'eirel', 'profiles.yaml'),
      `here:\n  api_url: ${server.url}\n  output: jsonl\n`,
    );
    const [env, profile] = await Promise.all([
      cli(['admin', 'whoami'], { cwd }),
      cli(['runs', 'current', '--profile', 'here'], {
        env: { XDG_CONFIG_HOME: join(folder, 'config'), OWNER_API_PUBLIC_URL: 'http://127.0.0.1:9' },
      }),
    ]);
    expect(env).toMatchObject({ code: 0, stdout: expect.stringContaining(owner.ss58) });
    expect(profile).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\{"run_id":"run-2".*\}\n$/) });
  });
});

describe('admin', () => {
  test('whoami and lists: JSON with sorted keys and ASCII only, unknown fields kept; jsonl and table on demand', async () => {
    const [who, list, lines, table, none] = await Promise.all([
      asOwner(['admin', 'whoami']),
      asOwner(['admin', 'runs', 'list']),
      asOwner(['admin', 'runs', 'list', '-o', 'jsonl']),
      asOwner(['admin', 'runs', 'list', '-o', 'table']),
      asOwner(['submissions', 'list', '--limit', '7']),
    ]);
    expect(who).toEqual({
      code: 0,
      stderr: '',
      stdout: `{\n  "hotkey": "${owner.ss58}",\n  "netuid": 36,\n  "network": "finney",\n  "role": "owner"\n}\n`,
    });
    expect(jsonOf(list)).toEqual(runs);
    expect(list.stdout).toContain('"extra": "\\u00e9"');
    expect(lines.stdout.split('\n')).toHaveLength(2);
    expect(table.stdout).toMatch(/^RUN +SEQ {2}STATUS.*\nrun-2 +2 {2}open/);
    expect(none).toMatchObject({ code: 0, stdout: '[]\n' });
    expect(server.seen.find(({ path }) => path === '/v1/admin/submissions')?.query).toEqual({ limit: '7' });
  });

  test('changes act at once without a terminal, as scripts for the original expect', async () => {
    const added = await asOwner(['admin', 'validators', 'add', validator, '--uid', '5', '--stake', '9']);
    expect(jsonOf(added)).toEqual({ status: 'added', hotkey: validator });
    expect(server.seen[0]).toMatchObject({
      signer: owner.ss58,
      json: { hotkey: validator, uid: 5, stake: 9 },
    });
    const removed = await asOwner(['admin', 'validators', 'remove', validator]);
    expect(jsonOf(removed)).toEqual({ status: 'removed', hotkey: validator });
    const dry = await asOwner(['admin', 'validators', 'disable', validator, '--dry-run']);
    expect(jsonOf(dry)).toMatchObject({ dry_run: true, method: 'PATCH', body: { is_active: false } });
    expect(changesSeen()).toEqual(['POST /v1/admin/validators', `DELETE /v1/admin/validators/${validator}`]);
  });

  test('refusals: method, path and status as the original prints them, and an exit code for each kind', async () => {
    const [stranger, missing, away, badKey] = await Promise.all([
      asOwner(['admin', 'whoami'], { env: { EIREL_OWNER_MNEMONIC: '//Stranger' } }),
      asOwner(['admin', 'validators', 'enable', validator]),
      asOwner(['admin', 'runs', 'advance']),
      asOwner(['admin', 'validators', 'add', `${validator.slice(0, -1)}x`]),
    ]);
    expect(stranger).toMatchObject({ code: 4, stdout: '' });
    expect(stranger.stderr).toMatch(
      /^GET \/v1\/admin\/whoami \u2192 403\n\{"detail":"owner access denied"\}\n/,
    );
    expect(stranger.stderr).toContain(hotkeyFromUri('//Stranger').ss58);
    expect(missing).toMatchObject({ code: 5, stderr: expect.stringContaining('validator not found') });
    expect(away).toMatchObject({ code: 6, stderr: expect.stringContaining('try again in 5 s') });
    expect(badKey).toMatchObject({ code: 2, stderr: expect.stringContaining('not an SS58 address') });
  });
});

describe('run', () => {
  /** Every order names itself, so that sent twice it is carried out once. */
  const order = { order_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown, via: 'cli' };

  test('a change without a terminal wants --yes; --dry-run does not, and changes nothing', async () => {
    const refused = await asOwner(['run', 'pause', 'run-2']);
    expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--yes') });
    expect(changesSeen()).toEqual([]);
    const dry = await asOwner(['run', 'close', 'current', '--mode', 'now', '--dry-run']);
    expect(jsonOf(dry)).toMatchObject({ dry_run: true, changed: false });
    expect(server.seen.at(-1)?.json).toEqual({ dry_run: true, mode: 'now', reason: '', ...order });
  });

  test('pause and extend send what was said, signed; a refused rule is 3', async () => {
    const [paused, extended, opened] = await Promise.all([
      asOwner(['run', 'pause', 'run-2', '--yes', '--reason', 'judge is down']),
      asOwner(['run', 'extend', 'run-2', '--seconds', '60', '--yes']),
      asOwner(['run', 'open', 'run-2', '--yes']),
    ]);
    expect(jsonOf(paused)).toMatchObject({ action: 'pause', changed: true });
    expect(extended.code).toBe(0);
    expect(opened).toMatchObject({ code: 3, stderr: expect.stringContaining('run-2 is open already') });
    const bodyOf = (verb: string): unknown => server.seen.find(({ path }) => path.endsWith(verb))?.json;
    expect(bodyOf('/pause')).toEqual({ dry_run: false, reason: 'judge is down', ...order });
    expect(bodyOf('/extend')).toEqual({ dry_run: false, reason: '', seconds: 60, ...order });
    expect(server.seen.every(({ signer }) => signer === owner.ss58)).toBe(true);
  });

  test('--wait waits until it has come about; 6 when it takes too long, 1 when it no longer can', async () => {
    const closed = await asOwner(['run', 'close', 'run-2', '--yes', '--wait']);
    expect(closed).toMatchObject({ code: 0, stderr: 'close accepted\n' });
    expect(jsonOf(closed)).toMatchObject({ status: 'completed', phase: 'completed' });
    const missed = await asOwner(['run', 'pause', 'run-2', '--yes', '--wait']);
    expect(missed).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('completed before'),
    });
    progress = () => progressOf(1);
    const late = await asOwner(['run', 'pause', 'run-2', '--yes', '--wait', '--timeout', '0.5']);
    expect(late).toMatchObject({ code: 6, stderr: expect.stringContaining('did not happen within 0.5 s') });
  });

  test('watch appends a line per change and ends with the run; jsonl for programs; --exit-status without a winner', async () => {
    const plain = await asOwner(['run', 'watch', '--interval', '0.05', '--exit-status']);
    expect(plain).toMatchObject({
      code: 1,
      stderr: 'run-2 ended without a winner\n  code=no_winner owner=caller\n',
    });
    expect(plain.stdout.replace(/^\d\d:\d\d:\d\dZ /gm, '').split('\n')).toEqual([
      'run-2 running, 4/12 settled, 8 pending, 0 claimed, 0 leases',
      'run-2 running, 8/12 settled, 4 pending, 0 claimed, 0 leases',
      'run-2 completed, 12/12 settled, 0 pending, 0 claimed, 0 leases',
      '',
    ]);
    expect(server.seen.every(({ signer }) => signer === null)).toBe(true);
    looks = 0;
    const lines = await asOwner(['run', 'watch', 'run-2', '--interval', '0.05', '-o', 'jsonl']);
    expect(lines.code).toBe(0);
    const phases = lines.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { phase: string }).phase);
    expect(phases).toEqual(['running', 'running', 'completed']);
  });

  test('watch waits for a server that is away for a moment, and says so; one that never answered ends it', async () => {
    progress = (look) => (look === 2 ? { status: 503, body: { detail: 'restarting' } } : progressOf(look));
    const result = await asOwner(['run', 'watch', 'run-2', '--interval', '0.05']);
    expect(result).toMatchObject({ code: 0, stderr: expect.stringContaining('restarting; trying again') });
    expect(await asOwner(['run', 'watch', 'run-9'])).toMatchObject({ code: 5 });
  });

  test('Ctrl-C stops watching with 2', async () => {
    progress = () => progressOf(1);
    const result = await asOwner(['run', 'watch', 'run-2', '--interval', '5'], {
      interruptWhen: (output) => output.includes('settled'),
    });
    expect(result).toMatchObject({
      code: 2,
      stderr: 'stopped watching; the run goes on\n  code=cancelled owner=caller\n',
    });
  });
});

describe('run verify', () => {
  test('a published run verifies, unsigned and without a wallet; offline too', async () => {
    const file = join(folder, 'evidence.json');
    const online = await cli([
      'run',
      'verify',
      '--api-url',
      server.url,
      '--save',
      file,
      '--owner',
      owner.ss58,
    ]);
    expect(online).toMatchObject({ code: 0, stderr: '' });
    expect(jsonOf(online)).toMatchObject({ run_id: 'run-4', verified: true, differences: [] });
    expect(readFileSync(file, 'utf8')).toBe(canonicalJson(evidence));
    const digest = published.evidence_sha256 as string;
    const offline = await cli(['run', 'verify', 'run-4', '--file', file, '--sha256', digest, '-o', 'table']);
    expect(offline).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^ok .*run-4 verifies: 8 judgments/s),
    });
  });

  test('a changed score is found: 1, and the place is named', async () => {
    const file = join(folder, 'forged.json');
    const text = canonicalJson(evidence).replace(/"best_raw_score":[\d.]+/, '"best_raw_score":0.999');
    writeFileSync(file, text);
    const result = await asOwner(['run', 'verify', 'run-4', '--file', file, '-o', 'table']);
    expect(result.code).toBe(1);
    expect(result.stdout).toMatch(/FAILED {2}digest/);
    expect(result.stdout).toContain('families[0].winner.best_raw_score: published 0.9990');
    expect(result.stderr).toBe('run-4 does not verify\n  code=not_verified owner=owner\n');
  });

  test('a run that is not completed: 5; a file that is no evidence: 1; no file: 2', async () => {
    writeFileSync(join(folder, 'other.json'), '{"schema":"other"}');
    const [open, other, none] = await Promise.all([
      asOwner(['run', 'verify', 'run-5']),
      asOwner(['run', 'verify', 'run-4', '--file', join(folder, 'other.json')]),
      asOwner(['run', 'verify', 'run-4', '--file', join(folder, 'none.json')]),
    ]);
    expect(open).toMatchObject({ code: 5, stderr: expect.stringContaining('nothing to verify for run-5') });
    expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('not eirel-evidence/1') });
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('ENOENT') });
  });
});

describe('submissions', () => {
  const agent = join(folder, 'agent');
  beforeAll(() => {
    mkdirSync(agent);
    writeFileSync(join(agent, 'submission.yaml'), 'agent:\n  name: tester\nfamily_id: general_chat\n');
    writeFileSync(join(agent, 'app.py'), 'print(1)\n');
  });

  test('a miner packs, signs and uploads an agent with the payment of its fee', async () => {
    const hash = `0x${'1'.repeat(64)}`;
    const fee = ['--extrinsic-hash', hash, '--block-hash', `0x${'2'.repeat(64)}`];
    const dry = await asOwner(['miner', 'submit', agent, ...fee, '--dry-run']);
    expect(jsonOf(dry)).toMatchObject({ dry_run: true, agent: 'tester 1.0.0', files: 2 });
    expect(server.seen).toEqual([]);
    const sent = await asOwner(['miner', 'submit', agent, ...fee, '--yes']);
    expect(sent.code).toBe(0);
    expect(jsonOf(sent)).toMatchObject({ id: 's-1', status: 'building' });
    const [upload] = server.seen;
    // The signature is over the body: the payment is named in it, and nothing beside it.
    expect(upload).toMatchObject({ signer: miner.ss58, query: {} });
    const body = upload?.body ?? Buffer.alloc(0);
    expect(formField(body, 'extrinsic_hash')).toBe(hash);
    expect(formField(body, 'block_hash')).toBe(`0x${'2'.repeat(64)}`);
    const archive = body.subarray(
      body.indexOf('\r\n\r\n', body.indexOf('name="archive"')) + 4,
      body.lastIndexOf('\r\n--'),
    );
    expect(gunzipSync(archive).toString('latin1')).toContain('print(1)');
  });

  test('the payment may be named by its place in the block', async () => {
    const fee = ['--extrinsic-index', '3', '--block-hash', `0x${'2'.repeat(64)}`];
    expect(await asOwner(['miner', 'submit', agent, ...fee, '--yes'])).toMatchObject({ code: 0 });
    expect(formField(server.seen[0]?.body, 'extrinsic_index')).toBe('3');
    expect(formField(server.seen[0]?.body, 'extrinsic_hash')).toBeUndefined();
  });

  test('half a payment is a mistake, and so is an upload that nobody confirmed', async () => {
    const [half, silent] = await Promise.all([
      asOwner(['miner', 'submit', agent, '--extrinsic-hash', `0x${'1'.repeat(64)}`]),
      asOwner(['miner', 'submit', agent]),
    ]);
    expect(half).toMatchObject({ code: 2, stderr: expect.stringContaining('goes together') });
    expect(silent).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
    expect(server.seen).toEqual([]);
  });

  test('status and show tell the story, harmless to the terminal; withdraw keeps the reason', async () => {
    const [status, shown, withdrawn] = await Promise.all([
      asOwner(['miner', 'status', '-o', 'table']),
      asOwner(['submission', 'show', 's-1', '-o', 'json']),
      asOwner(['submission', 'withdraw', 's-1', '--reason', 'spam', '--yes']),
    ]);
    expect(status.stdout).toMatch(/^now +build: attempt 1$/m);
    expect(status.stdout).toContain('pull\\u001b[2J failed');
    expect(jsonOf(shown)).toMatchObject({ submission: { id: 's-1' }, journey: { status: 'building' } });
    expect(jsonOf(withdrawn)).toEqual({ submission_id: 's-1', status: 'withdrawn', reason: 'spam' });
    const signers = new Set(server.seen.map(({ signer }) => signer));
    expect(signers).toEqual(new Set([owner.ss58, miner.ss58]));
  });
});

describe('on a terminal', () => {
  test('a change is asked about: no and Enter cancel with 2, yes does it', async () => {
    const [no, enter, yes] = await Promise.all([
      asOwner(['run', 'pause', 'run-2'], { terminal: true, input: 'n\n' }),
      asOwner(['admin', 'validators', 'remove', validator], { terminal: true, input: '\n' }),
      asOwner(['run', 'close', 'run-2', '--mode', 'now'], { terminal: true, input: 'y\n' }),
    ]);
    expect(no).toMatchObject({
      code: 2,
      stdout: expect.stringMatching(/Pause run-2\? \[y\/N\][\s\S]*cancelled/),
    });
    expect(enter).toMatchObject({ code: 2, stdout: expect.stringContaining('cancelled') });
    expect(yes.code).toBe(0);
    expect(yes.stdout).toMatch(/Close run-2 now\?[\s\S]*changed +yes/);
    expect(changesSeen()).toEqual(['POST /v1/admin/runs/run-2/close']);
  });

  test('the password of an encrypted wallet is asked for, and not shown', async () => {
    const asked = await asOwner(['admin', 'whoami', ...encryptedWallet()], {
      terminal: true,
      input: `${genuine.password}\n`,
    });
    expect(asked.code).toBe(4);
    expect(asked.stdout).toContain(genuine.ss58);
    expect(asked.stdout).not.toContain(genuine.password);
  });

  test('with -o json nobody is asked', async () => {
    const result = await asOwner(['run', 'pause', 'run-2', '-o', 'json'], { terminal: true });
    expect(result).toMatchObject({ code: 2, stdout: expect.not.stringContaining('[y/N]') });
    expect(changesSeen()).toEqual([]);
  });

  test('watch draws one screen over itself, tables are the default, the cursor comes back', async () => {
    const result = await asOwner(['run', 'watch', '--interval', '0.05'], { terminal: true });
    expect(result.code).toBe(0);
    expect(result.stdout.match(/\x1b\[H/g)).toHaveLength(3);
    expect(result.stdout).toContain('why    look 2');
    expect(result.stdout).toMatch(/\x1b\[\?25l[\s\S]*\x1b\[\?25h/);
    const list = await asOwner(['admin', 'runs', 'list'], { terminal: true });
    expect(list.stdout).toMatch(/^RUN +SEQ/);
  });
});

test('a reader that leaves early, such as head, is no error', async () => {
  const { execFileSync } = await import('node:child_process');
  const bin = join(__dirname, '..', '..', '..', 'bin', 'eirel-ai.js');
  const code = execFileSync(
    'bash',
    ['-c', `"$1" "$2" completion bash | true; echo "\${PIPESTATUS[0]}"`, 'x', process.execPath, bin],
    {
      cwd: emptyFolder,
      encoding: 'utf8',
    },
  );
  expect(code.trim()).toBe('0');
});
