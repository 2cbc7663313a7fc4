/** Publishing by the activities of the publication worker, against a node: every way to get weights on chain, and crashes. */
import { mkdtemp, rm } from 'node:fs/promises';
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
import type { PublicationLedger } from '../../../adapters/publication-ledger';
import { startChainNode } from '../../../demo/standins/chain/node';
import type { ChainNode, ChainNodeOptions } from '../../../demo/standins/chain/node';
import * as on from './support';

jest.setTimeout(60_000);

const BLOCK_MS = 40;
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
      blockSeconds: null,
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
  // Nothing of the weights is to be seen before their epoch.
  await expect(b.chain.readWeights(on.NETUID, 1, 'best')).resolves.toEqual([]);
  await expect(b.chain.pendingCommits(on.NETUID, on.validator.ss58)).resolves.toMatchObject([
    { hash: commitHash },
  ]);
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
