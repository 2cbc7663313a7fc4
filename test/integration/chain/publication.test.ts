/** Publishing by the activities of the publication worker, against a node: every way to get weights on chain, and crashes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createPublicationActivities } from '../../../activities/publication';
import type {
  AttemptKey,
  PublicationActivities,
  PublicationDeps,
} from '../../../activities/publication-parts';
import { connectChain } from '../../../adapters/chain/client';
import type { ChainClient } from '../../../adapters/chain/types';
import { createLogger } from '../../../adapters/logging';
import { filePublicationLedger } from '../../../adapters/publication-ledger';
import type { PublicationLedger, PublicationRow } from '../../../adapters/publication-ledger';
import { weightsDigest } from '../../../domain/evidence/weights-digest';
import { FAULTS } from '../../../domain/faults';
import { startChainNode } from '../../../demo/standins/chain/node';
import type { ChainNode, ChainNodeOptions } from '../../../demo/standins/chain/node';
import * as on from './support';

jest.setTimeout(60_000);

/** An era of eight of them is what a signature has to arrive in the pool. */
const BLOCK_MS = 100;
const running: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop();
});
afterAll(on.afterLibraryTimers);

interface Bed {
  node: ChainNode;
  chain: ChainClient;
  ledger: PublicationLedger;
  run<K extends keyof PublicationActivities>(
    name: K,
    input: Parameters<PublicationActivities[K]>[0],
  ): ReturnType<PublicationActivities[K]>;
  /** The activities of another process, with a ledger of its own behaviour. */
  withLedger(ledger: PublicationLedger): Bed['run'];
}

async function bed(
  options: Partial<ChainNodeOptions> = {},
  extra: Partial<PublicationDeps> = {},
): Promise<Bed> {
  const genesis = { ...on.genesis, tempo: 19, weightsRateLimit: 5, ...options.genesis };
  const node = await startChainNode({ blockMs: BLOCK_MS, finalityLag: 1, ...options, genesis });
  running.push(() => node.close());
  const chain = await connectChain(on.configFor(node), createLogger('test', 'error'));
  running.push(() => chain.close());
  const folder = await mkdtemp(join(tmpdir(), 'publication-'));
  running.push(() => rm(folder, { recursive: true }));
  const ledger = filePublicationLedger(join(folder, 'ledger.jsonl'));
  const withLedger = (of: PublicationLedger): Bed['run'] => {
    const activities = createPublicationActivities({
      chain,
      signer: on.validator,
      ledger: of,
      ownerApiUrl: 'http://127.0.0.1:1',
      ownerHotkey: null,
      // Time locks need the truth; elsewhere it decides how long is waited, which a slow machine needs more of.
      blockSeconds: options.genesis?.commitReveal ? null : 0.5,
      eraPeriod: 8,
      tipRao: 0n,
      commits: 'auto',
      stopping: new AbortController().signal,
      ...extra,
    });
    return (name, input) => quietly().run(activities[name] as never, input as never) as never;
  };
  return { node, chain, ledger, run: withLedger(ledger), withLedger };
}

/** Activities that fail on purpose are not worth a line. */
function quietly(): MockActivityEnvironment {
  return new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
}

const WEIGHTS = { [on.miner.ss58]: 0.7 };
const about = { hotkey: on.validator.ss58, netuid: on.NETUID };
const ROW = [
  { uid: 0, value: 28_086 },
  { uid: 2, value: 65_535 },
];

async function key(b: Bed, attempt = 1): Promise<AttemptKey> {
  const plan = await b.run('planVector', { ...about, weights: WEIGHTS });
  return { ...about, workflowId: 'w', attempt, runId: 'run-1', plan };
}

async function until<T>(read: () => Promise<T>, done: (value: T) => boolean): Promise<T> {
  for (let i = 0; i < 400; i += 1) {
    const value = await read();
    if (done(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, BLOCK_MS));
  }
  throw new Error('it did not come to that');
}

async function included(b: Bed, attempt: AttemptKey) {
  const outcome = await b.run('submitVector', attempt);
  if (outcome.kind !== 'included') throw new Error(JSON.stringify(outcome));
  await expect(b.run('awaitFinality', { ...about, included: outcome.included })).resolves.toEqual({
    kind: 'final',
  });
  return outcome.included;
}

/** Everything from plan to read-back, in the mode that the subnet and the runtime ask for. */
async function publish(b: Bed): Promise<{ mode: string; messages: string[] }> {
  const attempt = await key(b);
  const { plan } = attempt;
  const { commitHash } = await included(b, attempt);
  const messages: string[] = [];
  if (commitHash === null) {
    messages.push((await b.run('verifyVector', { ...about, plan })).message);
    return { mode: plan.mode, messages };
  }
  // Nothing of the weights is to be seen while their commit waits; a slow machine may look after its epoch came.
  const seen = await b.chain.readWeights(on.NETUID, 1, 'best');
  const pending = await b.chain.pendingCommits(on.NETUID, on.validator.ss58);
  if (pending.some(({ hash }) => hash === commitHash)) expect(seen).toEqual([]);
  let revealAttempts = 0;
  const state = await until(
    async () => {
      const now = await b.run('checkReveal', { ...about, plan, commitHash });
      messages.push(now.message);
      if (now.kind === 'open') {
        revealAttempts += 1;
        const reveal = { ...attempt, attempt: 1 + revealAttempts, commitAttempt: 1 };
        const outcome = await b.run('submitReveal', reveal);
        if (outcome.kind === 'included')
          await b.run('awaitFinality', { ...about, included: outcome.included });
      }
      return now;
    },
    (now) => now.kind === 'revealed' || now.kind === 'lost',
  );
  expect(state.kind).toBe('revealed');
  return { mode: plan.mode, messages };
}

const commitReveal = { ...on.genesis, tempo: 19, weightsRateLimit: 5, commitReveal: true };

describe('weights get on chain', () => {
  it.each<[mode: string, on: string, Partial<ChainNodeOptions>, Partial<PublicationDeps>]>([
    ['set', 'the newest runtime', {}, {}],
    ['timelocked', 'the newest runtime', { genesis: commitReveal }, {}],
    ['commit', 'the newest runtime, by choice', { genesis: commitReveal }, { commits: 'hash' }],
    ['crv3', 'an older runtime', { genesis: commitReveal, runtime: 'older' }, {}],
    ['commit', 'one without time locks', { genesis: commitReveal, runtime: 'oldest' }, {}],
    ['set', 'an older runtime without mechanisms', { runtime: 'older' }, {}],
    ['set', 'metadata of version 14', { runtime: 'v14' }, {}],
    ['timelocked', 'metadata of version 15', { runtime: 'v15', genesis: commitReveal }, {}],
  ])('by %s on %s, and read back as computed', async (mode, _on, options, extra) => {
    const b = await bed(options, extra);
    await expect(publish(b)).resolves.toMatchObject({ mode });
    await expect(b.chain.readWeights(on.NETUID, 1, 'finalized')).resolves.toEqual(ROW);
  });

  it('not at all when only a kind of commit is wanted that the runtime lacks', async () => {
    const b = await bed({ genesis: commitReveal, runtime: 'oldest' }, { commits: 'timelock' });
    await expect(key(b)).rejects.toThrow(/COMMIT_REVEAL_UNSUPPORTED: CommitRevealUnsupported/);
  });
});

describe('nothing is sent twice', () => {
  /**
   * The process of an attempt dies at a moment: nothing is written from then on. The call fails rather than hangs, since
   * a process that is gone does not hold its turn among the signer's extrinsics either.
   */
  async function crash(b: Bed, attempt: AttemptKey, moment: (row: PublicationRow) => boolean): Promise<void> {
    let dead = false;
    const dying: PublicationLedger = {
      find: (workflowId, number) => b.ledger.find(workflowId, number),
      recordOrder: (order) => b.ledger.recordOrder(order),
      async record(row) {
        dead ||= moment(row);
        if (dead) throw new Error('killed');
        await b.ledger.record(row);
      },
    };
    await expect(b.withLedger(dying)('submitVector', attempt)).rejects.toThrow('killed');
    expect(dead).toBe(true);
  }

  const extrinsics = async (b: Bed): Promise<number> => {
    let count = 0;
    for (let block = b.node.best(); block.number > 0; block = b.node.block(block.parentHash))
      count += block.signed.length;
    return count;
  };

  it.each<[string, (row: PublicationRow) => boolean, 'set' | 'commit']>([
    ['after it was begun', (row) => row.extrinsicHash !== null, 'set'],
    ['after it was sent', (row) => row.outcome === 'included', 'set'],
    ['after a commit was sent', (row) => row.outcome === 'included', 'commit'],
  ])('by a process that is killed %s', async (_when, moment, mode) => {
    const b = await bed(mode === 'commit' ? { genesis: commitReveal } : {}, {
      commits: mode === 'commit' ? 'hash' : 'auto',
    });
    const attempt = await key(b);
    await crash(b, attempt, moment);
    const outcome = await included(b, attempt);
    // The same again, as when only the answer was lost.
    await expect(b.run('submitVector', attempt)).resolves.toMatchObject({
      included: { extrinsicHash: outcome.extrinsicHash },
    });
    await expect(extrinsics(b)).resolves.toBe(1);
    const row = await b.ledger.find('w', 1);
    expect(row).toMatchObject({ outcome: 'included', extrinsicHash: outcome.extrinsicHash });
    // A commit is revealed with the salt that was kept from before the crash.
    if (mode === 'commit') expect(row?.details.salt).toHaveLength(8);
  });

  it('when the connection breaks between sending and the answer', async () => {
    const b = await bed();
    const attempt = await key(b);
    b.node.faults.dropAfterSubmit = true;
    await included(b, attempt);
    await expect(extrinsics(b)).resolves.toBe(1);
  });

  it('when its block is re-organised away: it is followed into another', async () => {
    const b = await bed({ blockMs: 0, finalityLag: 4 }, { blockSeconds: 1 });
    for (let i = 0; i < 6; i += 1) b.node.produceBlock();
    const attempt = await key(b);
    const timer = setInterval(() => b.node.produceBlock(), 400);
    const outcome = await b.run('submitVector', attempt);
    clearInterval(timer);
    if (outcome.kind !== 'included') throw new Error(JSON.stringify(outcome));
    while (b.node.best().number >= outcome.included.blockNumber) b.node.reorganise();
    b.node.produceBlock();
    for (let i = 0; i < 6; i += 1) b.node.produceBlock();
    const finality = await b.run('awaitFinality', { ...about, included: outcome.included });
    if (finality.kind !== 'moved') throw new Error(JSON.stringify(finality));
    await expect(b.run('awaitFinality', { ...about, included: finality.included })).resolves.toEqual({
      kind: 'final',
    });
    await expect(extrinsics(b)).resolves.toBe(1);
  });

  it('and what the era left behind is signed anew under the next attempt', async () => {
    const b = await bed();
    const attempt = await key(b);
    b.node.faults.holdPool = true;
    const lapsed = await until(
      () => b.run('submitVector', attempt).catch(() => null),
      (outcome) => outcome?.kind === 'again',
    );
    expect(lapsed).toMatchObject({ label: 'OUTDATED', counts: true });
    b.node.faults.holdPool = false;
    await included(b, { ...attempt, attempt: 2 });
    await expect(extrinsics(b)).resolves.toBe(1);
  });
});

describe('only what the owner signed is published', () => {
  const owner = on.coldkey;
  const evidence = 'ab'.repeat(32);
  const digest = weightsDigest({ runId: 'run-1', evidenceSha256: evidence, weights: WEIGHTS });
  const signed = {
    ...{ run_id: 'run-1', ready: true, weights: WEIGHTS, family_winners: [], evidence_sha256: evidence },
    ...{ digest, signer_hotkey: owner.ss58, signature: owner.sign(digest) },
  };

  async function load(answer: unknown, ownerHotkey: string | null, runId: string | null = 'run-1') {
    const server = createServer((_req, res) => res.end(JSON.stringify(answer)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    running.push(() => new Promise((resolve) => server.close(resolve)));
    const ownerApiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    // Neither the node nor a ledger is needed to read them.
    const deps = { ownerApiUrl, ownerHotkey } as PublicationDeps;
    return quietly().run(createPublicationActivities(deps).loadWeights, { runId });
  }

  it('by the named owner, or by whoever the answer names', async () => {
    const loaded = { runId: 'run-1', weights: WEIGHTS };
    await expect(load(signed, owner.ss58)).resolves.toEqual(loaded);
    await expect(load(signed, null, null)).resolves.toEqual(loaded);
  });

  it.each<[string, object, string | null, RegExp]>([
    ['unsigned', { signature: null, signer_hotkey: null }, null, /not signed/],
    ['of another weight', { weights: { [on.miner.ss58]: 0.9 } }, null, /other weights or other evidence/],
    ['of another run', { run_id: 'run-2' }, null, /other weights or other evidence/],
    ['of other evidence', { evidence_sha256: 'cd'.repeat(32) }, null, /other weights or other evidence/],
    ['of another key', {}, on.stranger.ss58, /not by/],
    ['in the name of another key', { signer_hotkey: on.stranger.ss58 }, null, /not a signature of/],
    ['with a broken signature', { signature: '0x00' }, null, /not a signature of/],
  ])('and not what is %s', async (_what, change, ownerHotkey, said) => {
    const refusal = await load({ ...signed, ...change }, ownerHotkey).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ type: FAULTS.publicationRefused, nonRetryable: true });
    expect((refusal as Error).message).toMatch(/^BAD_OWNER_SIGNATURE: /);
    expect((refusal as Error).message).toMatch(said);
  });

  it('nor the weights of a run that was not asked for, nor an answer that is none', async () => {
    await expect(load(signed, owner.ss58, 'run-7')).rejects.toThrow(/asked for run-7, was given run-1/);
    await expect(load('<html>', null)).rejects.toMatchObject({ nonRetryable: false });
  });
});

describe('every outcome has its name and its rule', () => {
  it('custom errors of the pool are final, by their names', async () => {
    const b = await bed();
    const attempt = await key(b);
    const errors: [number, RegExp][] = [
      [1, /^LOW_STAKE: /],
      [2, /^CANNOT_PAY: /],
      [10, /^NOT_REGISTERED: /],
      [99, /^REFUSED: /],
    ];
    for (const [index, [code, message]] of errors.entries()) {
      b.node.faults.customError = code;
      await expect(b.run('submitVector', { ...attempt, attempt: index + 1 })).rejects.toThrow(message);
    }
  });

  it('too soon names the block, and a stale nonce is signed anew', async () => {
    const rateLimit = 1_000;
    const b = await bed({ genesis: { ...on.genesis, weightsRateLimit: rateLimit } });
    const { blockNumber } = await included(b, await key(b));
    const early = await key(b, 2);
    expect(early.plan).toMatchObject({ untilBlock: blockNumber + rateLimit });
    expect(early.plan.waitSeconds).toBeGreaterThan(0);
    const outcome = await b.run('submitVector', early);
    expect(outcome).toMatchObject({ kind: 'again', label: 'TOO_SOON', once: false, counts: false });
    expect(outcome).toMatchObject({ message: expect.stringContaining(`block ${blockNumber + rateLimit}`) });
    on.produce(b.node, rateLimit);
    const due = await key(b, 3);
    expect(due.plan.waitSeconds).toBe(0);
    b.node.faults.staleNonceBy = 1;
    await expect(b.run('submitVector', due)).resolves.toMatchObject({ kind: 'again', label: 'OUTDATED' });
    b.node.faults.staleNonceBy = 0;
    await expect(b.run('submitVector', { ...due, attempt: 4 })).resolves.toMatchObject({ kind: 'included' });
  });

  it('a node that is gone is RPC_DOWN, with nothing sent', async () => {
    const b = await bed({}, { blockSeconds: null });
    const attempt = await key(b);
    await b.node.close();
    await expect(b.run('submitVector', attempt)).rejects.toThrow(/does not answer/);
    await expect(b.ledger.find('w', 1)).resolves.toBeNull();
  });

  it('a runtime that changes under it is met with a new signature', async () => {
    const b = await bed();
    const attempt = await key(b);
    b.node.upgradeRuntime('next');
    await expect(b.run('submitVector', attempt)).resolves.toMatchObject({ kind: 'included' });
    await expect(b.chain.health()).resolves.toMatchObject({ specVersion: 366 });
  });

  it('what the chain would refuse is refused before it is signed', async () => {
    const few = await bed({ genesis: { ...on.genesis, minAllowedWeights: 4 } });
    await expect(key(few)).rejects.toThrow(/TOO_FEW_WEIGHTS: .*MinAllowedWeights.*2 weights.*asks for 4/);
    const capped = await bed({ genesis: { ...on.genesis, maxWeightsLimit: 30_000 } });
    await expect(key(capped)).rejects.toThrow(/WEIGHT_TOO_LARGE: .*70.00 %.*45.78 %/);
    const poor = await bed({ genesis: { ...on.genesis, stakeThresholdRao: '9500000000000000000' } });
    await expect(key(poor)).rejects.toThrow(/LOW_STAKE/);
  });
});
