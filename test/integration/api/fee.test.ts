/** Fees against a local chain that runs the genuine runtime metadata. */
import { connectChain } from '../../../adapters/chain/client';
import type { ChainClient, TransferReceipt } from '../../../adapters/chain/types';
import { createLogger } from '../../../adapters/logging';
import { startChainNode } from '../../../demo/standins/chain/node';
import type { ChainNode } from '../../../demo/standins/chain/node';
import {
  afterLibraryTimers,
  configFor,
  FEE,
  genesis,
  miner,
  minerCold,
  produce,
  stranger,
  treasury,
  withBlocks,
} from '../chain/support';
import { agentArchive, register, startApi, upload } from './harness';
import type { ApiUnderTest } from './harness';

describe('the submission fee', () => {
  let node: ChainNode;
  let chain: ChainClient;
  let api: ApiUnderTest;
  let archive: Buffer;

  beforeAll(async () => {
    node = await startChainNode({ genesis, blockMs: 0, finalityLag: 2 });
    chain = await connectChain(configFor(node), createLogger('test', 'error'));
    api = await startApi({
      chain,
      env: {
        EIREL_SUBMISSION_TREASURY_ADDRESS: treasury.ss58,
        EIREL_SUBMISSION_RATE_LIMIT_REQUESTS: '0',
        EIREL_SUBMISSION_LIFETIME_CAP: '0',
      },
    });
    archive = await agentArchive();
    await register(api, miner, stranger);
  });
  afterAll(async () => {
    await api.close();
    await chain.close();
    await node.close();
    await afterLibraryTimers();
  });

  const pay = (amountRao = FEE, from = minerCold, to = treasury.ss58): Promise<TransferReceipt> =>
    withBlocks(node, chain.transferKeepAlive({ from, to, amountRao, deadlineMs: 30_000 }));
  const query = (paid: { extrinsicHash: string; blockHash: string }): string =>
    `?extrinsic_hash=${paid.extrinsicHash}&block_hash=${paid.blockHash}`;
  const details = async (answer: ReturnType<typeof upload>) => {
    const { status, body } = await answer;
    return [status, body.detail];
  };

  it('is asked for, and checked before anything is stored', async () => {
    expect(await details(upload(api, miner, archive))).toEqual([
      400,
      'submission fee payment required: provide extrinsic_hash of 0.1 TAO transfer to treasury',
    ]);
    expect(await details(upload(api, miner, archive, { query: '?extrinsic_hash=0xabc' }))).toEqual([
      400,
      'fee verification failed: block_hash is required for extrinsic verification',
    ]);
    const [status, detail] = await details(
      upload(api, miner, archive, { query: '?extrinsic_hash=0xabc&block_hash=0x1' }),
    );
    expect([status, detail]).toEqual([
      400,
      expect.stringMatching(/^fee verification failed: extrinsic lookup failed: /),
    ]);
    expect(await api.db.managedMinerSubmission.count()).toBe(0);
  });

  it('is verified on a final block, once, also when named in the form', async () => {
    const paid = await pay();
    produce(node, 4);
    const { body, status } = await upload(api, miner, archive, {
      fields: { extrinsic_hash: paid.extrinsicHash, block_hash: paid.blockHash },
      // The form is signed and a query may not be: what somebody put there on the way changes nothing.
      query: `?extrinsic_hash=0x${'7'.repeat(64)}&block_hash=0x${'7'.repeat(64)}`,
    });
    expect(status).toBe(200);
    const fee = await api.db.submissionFee.findUniqueOrThrow({ where: { submissionId: body.id } });
    expect(fee).toMatchObject({
      status: 'verified',
      amountRao: FEE,
      payer: minerCold.ss58,
      blockHash: paid.blockHash,
      extrinsicHash: paid.extrinsicHash,
    });
    const again = query({ ...paid, extrinsicHash: paid.extrinsicHash.toUpperCase().replace('0X', '0x') });
    for (const spelled of [query(paid), again]) {
      expect(await details(upload(api, miner, archive, { query: spelled }))).toEqual([
        400,
        'extrinsic_hash already used for a prior submission',
      ]);
    }
  });

  it('pays for one of several concurrent submissions', async () => {
    const paid = await pay();
    produce(node, 4);
    const answers = await Promise.all(
      [1, 2, 3].map(() => upload(api, miner, archive, { query: query(paid) })),
    );
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 400, 400]);
    for (const answer of answers.filter((entry) => entry.status === 400)) {
      expect(answer.body.detail).toBe('extrinsic_hash already used for a prior submission');
    }
    expect(await api.db.submissionFee.count({ where: { extrinsicHash: paid.extrinsicHash } })).toBe(1);
  });

  it('is believed while it is not final yet', async () => {
    const paid = await pay();
    const { body, status } = await upload(api, miner, archive, { query: query(paid) });
    expect(status).toBe(200);
    const fee = await api.db.submissionFee.findUniqueOrThrow({ where: { submissionId: body.id } });
    expect(['pending', 'verified']).toContain(fee.status);
  });

  it('is refused with the reason of the wire', async () => {
    const little = await pay(FEE - 1n);
    const elsewhere = await pay(FEE, minerCold, stranger.ss58);
    const others = await pay(FEE, stranger);
    produce(node, 4);
    const reasons: [{ extrinsicHash: string; blockHash: string }, string][] = [
      [little, 'transferred amount below required fee'],
      [elsewhere, 'destination does not match treasury'],
      [others, 'sender does not match hotkey owner'],
      [{ ...little, extrinsicHash: `0x${'7'.repeat(64)}` }, 'extrinsic not found on chain'],
    ];
    for (const [paid, reason] of reasons) {
      expect(await details(upload(api, miner, archive, { query: query(paid) }))).toEqual([
        400,
        `fee verification failed: ${reason}`,
      ]);
    }
  });

  it('leaves the payment unused when the chain cannot be asked', async () => {
    const paid = await pay();
    produce(node, 4);
    const before = await api.db.managedMinerSubmission.count();
    Object.assign(api.deps, { chain: null });
    const answer = await upload(api, miner, archive, { query: query(paid) });
    expect([answer.status, answer.body.detail]).toEqual([
      503,
      expect.stringMatching(/payment is not used up/),
    ]);
    expect(answer.headers.get('retry-after')).toBe('30');
    expect(await api.db.managedMinerSubmission.count()).toBe(before);
    Object.assign(api.deps, { chain });
    expect((await upload(api, miner, archive, { query: query(paid) })).status).toBe(200);
    expect((await api.call('GET', '/healthz')).body.checks.fee).toBe('on: 0.1 TAO');
  });
});
