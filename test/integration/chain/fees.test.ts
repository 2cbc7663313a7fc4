/** The fee at the door, case by case: real extrinsics on a node, uploads over HTTP, and the answer that the miner reads. */
import { connectChain } from '../../../adapters/chain/client';
import { ChainConnection } from '../../../adapters/chain/connection';
import { submitExtrinsic } from '../../../adapters/chain/extrinsics';
import type { Call } from '../../../adapters/chain/extrinsics';
import type { ChainClient } from '../../../adapters/chain/types';
import { hotkeyFromUri } from '../../../adapters/keys/hotkey';
import type { Hotkey } from '../../../adapters/keys/types';
import { createLogger } from '../../../adapters/logging';
import { startChainNode } from '../../../demo/standins/chain/node';
import type { ChainNode } from '../../../demo/standins/chain/node';
import { agentArchive, register, startApi, upload } from '../api/harness';
import type { Answer, ApiUnderTest } from '../api/harness';
import * as on from './support';

interface Payment {
  extrinsicHash: string;
  blockHash: string;
}
type Tx = Record<string, Record<string, (...args: unknown[]) => Call>>;
type Make = (tx: Tx) => Call | undefined;

const MAX_AGE_BLOCKS = 400;
const quiet = createLogger('test', 'error');
/** Another hotkey of the same coldkey: whoever it is that pays with a fee, the fee is used once. */
const second = hotkeyFromUri('//SecondMiner');
const twin = hotkeyFromUri('//TwinMiner');
const genesis = {
  ...on.genesis,
  neurons: [
    ...on.genesis.neurons,
    { hotkey: second.ss58, coldkey: on.minerCold.ss58 },
    { hotkey: twin.ss58, coldkey: on.minerCold.ss58 },
  ],
  balances: { ...on.genesis.balances, [second.ss58]: 1_000_000_000n },
};
const RICH = 1_000_000_000_000_000n;

const keep =
  (to: Hotkey, amount = on.FEE): Make =>
  (tx) =>
    tx.balances?.transferKeepAlive?.(to.ss58, amount);
const allowDeath =
  (to: Hotkey, amount = on.FEE): Make =>
  (tx) =>
    tx.balances?.transferAllowDeath?.(to.ss58, amount);
const all =
  (to: Hotkey): Make =>
  (tx) =>
    tx.balances?.transferAll?.(to.ss58, false);
const together =
  (kind: 'batch' | 'batchAll' | 'forceBatch', ...calls: Make[]): Make =>
  (tx) =>
    tx.utility?.[kind]?.(calls.map((call) => call(tx)));
const onBehalfOf =
  (real: Hotkey, call: Make): Make =>
  (tx) =>
    tx.proxy?.proxy?.(real.ss58, null, call(tx));

let node: ChainNode;
let connection: ChainConnection;
let chain: ChainClient;
let api: ApiUnderTest;
let archive: Buffer;

beforeAll(async () => {
  node = await startChainNode({ genesis, blockMs: 0, finalityLag: 2 });
  connection = new ChainConnection(on.configFor(node), quiet);
  chain = await connectChain(on.configFor(node), quiet);
  api = await startApi({
    chain,
    env: {
      EIREL_SUBMISSION_TREASURY_ADDRESS: on.treasury.ss58,
      EIREL_SUBMISSION_FEE_MAX_AGE_BLOCKS: String(MAX_AGE_BLOCKS),
      EIREL_SUBMISSION_RATE_LIMIT_REQUESTS: '0',
      EIREL_SUBMISSION_LIFETIME_CAP: '0',
    },
  });
  archive = await agentArchive();
  await register(api, on.miner, second, twin);
  await send(on.minerCold, (tx) => tx.proxy?.addProxy?.(on.stranger.ss58, 'Any', 0));
});
afterAll(async () => {
  await api.close();
  await chain.close();
  await connection.close();
  await node.close();
  await on.afterLibraryTimers();
});

/** Signs and sends a call; a call that the chain does not execute is in a block all the same. */
async function send(signer: Hotkey, make: Make, via = connection, to = node): Promise<Payment> {
  const call = (from: { tx: unknown }): Call => {
    const made = make(from.tx as Tx);
    if (!made) throw new Error('the runtime has no such call');
    return made;
  };
  const work = submitExtrinsic(via, { signer, call, eraPeriod: 64, tipRao: 0n, deadlineMs: 30_000 });
  const outcome = await on.withBlocks(to, work);
  if (outcome.kind !== 'included' && outcome.kind !== 'failed') throw new Error(JSON.stringify(outcome));
  return { extrinsicHash: outcome.extrinsicHash, blockHash: outcome.block.hash };
}

async function paid(signer: Hotkey, make: Make): Promise<Payment> {
  const payment = await send(signer, make);
  on.produce(node, 4);
  return payment;
}

const named = ({ extrinsicHash, blockHash }: Payment): string =>
  `?extrinsic_hash=${extrinsicHash}&block_hash=${blockHash}`;
const submit = (payment: Payment, signer = on.miner): Promise<Answer> =>
  upload(api, signer, archive, { query: named(payment) });
const refused = (reason: string): string => `fee verification failed: ${reason}`;

describe('is taken', () => {
  it.each<[how: string, signer: Hotkey, make: Make, payer: Hotkey, amount: bigint]>([
    ['transferKeepAlive by the coldkey', on.minerCold, keep(on.treasury), on.minerCold, on.FEE],
    ['transferAllowDeath by the coldkey', on.minerCold, allowDeath(on.treasury), on.minerCold, on.FEE],
    ['more than asked', on.minerCold, keep(on.treasury, on.FEE * 2n), on.minerCold, on.FEE * 2n],
    ['by proxy', on.stranger, onBehalfOf(on.minerCold, keep(on.treasury)), on.minerCold, on.FEE],
    [
      'in utility.batch behind another payment',
      on.minerCold,
      together('batch', keep(on.stranger, 5_000n), keep(on.treasury)),
      on.minerCold,
      on.FEE,
    ],
    [
      'in utility.batch that broke off after it (BatchInterrupted)',
      on.minerCold,
      together('batch', keep(on.treasury), keep(on.stranger, RICH)),
      on.minerCold,
      on.FEE,
    ],
    [
      'in utility.forceBatch of which another item failed',
      on.minerCold,
      together('forceBatch', keep(on.stranger, RICH), keep(on.treasury)),
      on.minerCold,
      on.FEE,
    ],
    ['in utility.batchAll', on.minerCold, together('batchAll', keep(on.treasury)), on.minerCold, on.FEE],
  ])('%s: 200, verified', async (_how, signer, make, payer, amountRao) => {
    const payment = await paid(signer, make);
    const { status, body } = await submit(payment);
    expect([status, body.detail]).toEqual([200, undefined]);
    await expect(
      api.db.submissionFee.findUniqueOrThrow({ where: { submissionId: body.id } }),
    ).resolves.toMatchObject({ status: 'verified', payer: payer.ss58, amountRao, ...payment });
  });

  it('transferAll by the hotkey itself, whose account ends with it: 200, verified', async () => {
    const { status, body } = await submit(await paid(second, all(on.treasury)), second);
    expect(status).toBe(200);
    const fee = await api.db.submissionFee.findUniqueOrThrow({ where: { submissionId: body.id } });
    expect(fee).toMatchObject({ status: 'verified', payer: second.ss58 });
    expect(fee.amountRao).toBeGreaterThan(9n * on.FEE);
    await expect(chain.freeBalance(second.ss58)).resolves.toBe(0n);
  });
});

describe('is refused with 400', () => {
  it.each<[how: string, signer: Hotkey, make: Make, reason: string]>([
    ['wrong sender', on.stranger, keep(on.treasury), 'sender does not match hotkey owner'],
    ['wrong destination', on.minerCold, keep(on.stranger), 'destination does not match treasury'],
    [
      'one rao too little',
      on.minerCold,
      keep(on.treasury, on.FEE - 1n),
      'transferred amount below required fee',
    ],
    [
      'two halves in one batch',
      on.minerCold,
      together('batch', keep(on.treasury, on.FEE / 2n), keep(on.treasury, on.FEE / 2n)),
      'transferred amount below required fee',
    ],
    [
      'the treasury paid by another, another paid by the miner, in one batch by proxy',
      on.stranger,
      together('batch', keep(on.treasury), onBehalfOf(on.minerCold, keep(on.stranger, on.FEE))),
      'destination does not match treasury',
    ],
    ['failed dispatch', on.minerCold, keep(on.treasury, RICH), 'extrinsic did not succeed on chain'],
    [
      'failed utility.batchAll, undone as a whole',
      on.minerCold,
      together('batchAll', keep(on.treasury), keep(on.stranger, RICH)),
      'extrinsic did not succeed on chain',
    ],
    [
      'utility.batch that broke off before it (BatchInterrupted)',
      on.minerCold,
      together('batch', keep(on.stranger, RICH), keep(on.treasury)),
      'no Balances.Transfer event found in extrinsic',
    ],
    [
      'utility.forceBatch of which the payment failed (ItemFailed)',
      on.minerCold,
      together('forceBatch', keep(on.treasury, RICH)),
      'no Balances.Transfer event found in extrinsic',
    ],
    [
      'a proxy call that failed inside',
      on.stranger,
      onBehalfOf(on.minerCold, keep(on.treasury, RICH)),
      'no Balances.Transfer event found in extrinsic',
    ],
    [
      'no transfer at all',
      on.minerCold,
      (tx) => tx.proxy?.addProxy?.(on.stranger.ss58, 'Any', 0),
      'no Balances.Transfer event found in extrinsic',
    ],
  ])('%s', async (_how, signer, make, reason) => {
    const before = await api.db.managedMinerSubmission.count();
    const { status, body } = await submit(await paid(signer, make));
    expect([status, body.detail]).toEqual([400, refused(reason)]);
    expect(await api.db.managedMinerSubmission.count()).toBe(before);
  });

  it('another extrinsic than the block holds, and a block that is not there', async () => {
    const payment = await paid(on.minerCold, keep(on.treasury));
    const wrong = await submit({ ...payment, extrinsicHash: `0x${'7'.repeat(64)}` });
    expect([wrong.status, wrong.body.detail]).toEqual([400, refused('extrinsic not found on chain')]);
    const nowhere = `0x${'cd'.repeat(32)}`;
    const missing = await submit({ ...payment, blockHash: nowhere });
    expect([missing.status, missing.body.detail]).toEqual([
      400,
      refused(`extrinsic lookup failed: block ${nowhere} is not on the chain`),
    ]);
    // Neither used the payment up.
    expect((await submit(payment)).status).toBe(200);
  });

  it('a payment on another chain', async () => {
    const other = await startChainNode({ genesis: { ...genesis, tempo: 77 }, blockMs: 0, finalityLag: 0 });
    const there = new ChainConnection(on.configFor(other), quiet);
    try {
      const payment = await send(on.minerCold, keep(on.treasury), there, other);
      const { status, body } = await submit(payment);
      expect([status, body.detail]).toEqual([
        400,
        refused(`extrinsic lookup failed: block ${payment.blockHash} is not on the chain`),
      ]);
    } finally {
      await there.close();
      await other.close();
    }
  });

  it('too old', async () => {
    const payment = await paid(on.minerCold, keep(on.treasury));
    on.produce(node, MAX_AGE_BLOCKS + 1);
    const { status, body } = await submit(payment);
    expect(status).toBe(400);
    expect(body.detail).toMatch(
      /^fee verification failed: payment is too old: block \d+ is \d+ blocks behind the finalized head, at most 400 are accepted$/,
    );
  });

  it('used before, by the same miner or another hotkey of the same coldkey', async () => {
    const payment = await paid(on.minerCold, keep(on.treasury));
    expect((await submit(payment)).status).toBe(200);
    for (const signer of [on.miner, twin]) {
      const { status, body } = await submit(payment, signer);
      expect([status, body.detail]).toEqual([400, 'extrinsic_hash already used for a prior submission']);
    }
  });
});

it.each([
  ['of one miner', [on.miner, on.miner]],
  ['of two miners with one coldkey', [on.miner, twin]],
])('of two uploads at once %s with one fee, exactly one is taken', async (_who, signers) => {
  const payment = await paid(on.minerCold, keep(on.treasury));
  const answers = await Promise.all(signers.map((signer) => submit(payment, signer)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
  expect(answers.find(({ status }) => status === 400)?.body.detail).toBe(
    'extrinsic_hash already used for a prior submission',
  );
  const { extrinsicHash } = payment;
  expect(await api.db.submissionFee.count({ where: { extrinsicHash } })).toBe(1);
  expect(await api.db.managedMinerSubmission.count({ where: { extrinsicHash } })).toBe(1);
});

it('may be named by its place in the block instead of its hash: used once, whichever way it is named', async () => {
  const payment = await paid(on.minerCold, keep(on.treasury));
  const byIndex = (index: string): Promise<Answer> =>
    upload(api, on.miner, archive, {
      query: `?block_hash=${payment.blockHash}`,
      fields: { extrinsic_index: index },
    });
  const details = async (answer: Promise<Answer>): Promise<unknown[]> => {
    const { status, body } = await answer;
    return [status, body.detail];
  };
  expect(await details(byIndex('99'))).toEqual([400, refused('extrinsic not found on chain')]);
  expect(await details(byIndex('-1'))).toEqual([
    400,
    refused('extrinsic lookup failed: extrinsic_index is not a whole number'),
  ]);
  // The first place holds the block's own timestamp.
  expect(await details(byIndex('0'))).toEqual([
    400,
    refused('no Balances.Transfer event found in extrinsic'),
  ]);
  const answers = await Promise.all([byIndex('1'), submit(payment)]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
  await expect(
    api.db.submissionFee.findMany({ where: { extrinsicHash: payment.extrinsicHash } }),
  ).resolves.toMatchObject([{ status: 'verified', extrinsicIndex: 1 }]);
  const used = [400, 'extrinsic_hash already used for a prior submission'];
  expect(await details(byIndex('1'))).toEqual(used);
  expect(await details(submit(payment))).toEqual(used);
});

it('is believed as pending while its block is not final: 200, and the miner can see so', async () => {
  node.setFinalityLag(5_000);
  try {
    const payment = await send(on.minerCold, keep(on.treasury));
    const { status, body } = await submit(payment);
    expect(status).toBe(200);
    await expect(
      api.db.submissionFee.findUniqueOrThrow({ where: { submissionId: body.id } }),
    ).resolves.toMatchObject({ status: 'pending', reason: expect.stringContaining('is not finalized yet') });
  } finally {
    node.setFinalityLag(2);
  }
});

it('cannot be checked while the node is away: 503, nothing stored, and the payment is good afterwards', async () => {
  const payment = await paid(on.minerCold, keep(on.treasury));
  const gone = await connectChain(
    on.configFor(node, { endpoints: ['ws://127.0.0.1:1'], callTimeoutMs: 500 }),
    quiet,
  );
  const before = await api.db.managedMinerSubmission.count();
  Object.assign(api.deps, { chain: gone });
  const { status, body, headers } = await submit(payment);
  Object.assign(api.deps, { chain });
  await gone.close();
  expect([status, headers.get('retry-after')]).toEqual([503, '30']);
  expect(body.detail).toMatch(/^the fee cannot be verified now: .*the payment is not used up/);
  expect(await api.db.managedMinerSubmission.count()).toBe(before);
  expect((await submit(payment)).status).toBe(200);
});
