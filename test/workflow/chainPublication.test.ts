import { randomUUID } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import { FAULTS } from '../../domain/faults';
import {
  PUBLICATION_MESSAGES,
  WORKFLOW_TYPES,
  publicationTaskQueue,
  workflowIds,
  type ChainPublicationInput,
  type PublicationStatusView,
} from '../../domain/messages';
import { workflowEnvironment, eventually, type WorkflowEnvironment } from './environment';

let env: WorkflowEnvironment;
beforeAll(async () => {
  env = await workflowEnvironment();
}, 90_000);
afterAll(() => env.close());

const HOTKEY = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
const QUEUE = publicationTaskQueue(HOTKEY);
const INCLUDED = { blockNumber: 42, blockHash: '0xb', extrinsicHash: '0xe' };

function activities() {
  const submitted: number[] = [];
  return {
    submitted,
    all: {
      loadWeights: async () => ({ runId: 'run-1', weights: { miner: 1 } }),
      planVector: async () => ({
        uid: 3,
        uids: [5],
        values: [65535],
        versionKey: '0',
        lastUpdate: 0,
        waitSeconds: 0,
        untilBlock: 0,
      }),
      submitVector: async ({ attempt }: { attempt: number }): Promise<unknown> => {
        submitted.push(attempt);
        return { kind: 'included', included: INCLUDED };
      },
      awaitFinality: async () => ({ finalized: true, message: 'final', waitSeconds: 0 }),
      verifyVector: async () => ({ message: 'read back and equal (1 entries)' }),
    },
  };
}

async function start() {
  const runId = `run-${randomUUID().slice(0, 6)}`;
  const input: ChainPublicationInput = { runId, hotkey: HOTKEY, netuid: 7 };
  return env.client.workflow.start(WORKFLOW_TYPES.chainPublication, {
    workflowId: workflowIds.publication(runId, HOTKEY),
    taskQueue: QUEUE,
    args: [input],
  });
}

describe('chainPublication', () => {
  it('goes from weights to a row that was read back', async () => {
    const { all, submitted } = activities();
    await env.withWorkers(all, async () => {
      const result = (await (await start()).result()) as PublicationStatusView;
      expect(result).toMatchObject({ step: 'done', attempt: 1, ...INCLUDED });
    }, [QUEUE]);
    expect(submitted).toEqual([1]);
  }, 60_000);

  it('waits out the rate limit and plans anew', async () => {
    const { all, submitted } = activities();
    let plans = 0;
    const early = {
      ...all,
      planVector: async () => {
        plans += 1;
        return { ...(await all.planVector()), waitSeconds: plans === 1 ? 1 : 0, untilBlock: 99 };
      },
    };
    await env.withWorkers(early, async () => {
      const handle = await start();
      await eventually(async () => {
        const view = (await handle.query(PUBLICATION_MESSAGES.status)) as PublicationStatusView;
        expect(view.reason).toContain('block 99');
      });
      expect(await handle.result()).toMatchObject({ step: 'done', attempt: 2 });
    }, [QUEUE]);
    expect(plans).toBe(2);
    expect(submitted).toEqual([2]);
  }, 60_000);

  it('sends again what did not become final', async () => {
    const { all, submitted } = activities();
    let reorganised = true;
    const shaky = {
      ...all,
      awaitFinality: async () => {
        const finalized = !reorganised;
        reorganised = false;
        return { finalized, message: finalized ? 'final' : 're-organised away', waitSeconds: 1 };
      },
    };
    await env.withWorkers(shaky, async () => {
      expect(await (await start()).result()).toMatchObject({ step: 'done', attempt: 2 });
    }, [QUEUE]);
    expect(submitted).toEqual([1, 2]);
  }, 60_000);

  it('fails, visibly, when an operator must act', async () => {
    const { all, submitted } = activities();
    const refused = {
      ...all,
      planVector: async () => {
        throw ApplicationFailure.nonRetryable('uid 3 has no validator permit', FAULTS.publicationRefused);
      },
    };
    await env.withWorkers(refused, async () => {
      const handle = await start();
      await expect(handle.result()).rejects.toThrow();
      const view = (await handle.query(PUBLICATION_MESSAGES.status)) as PublicationStatusView;
      expect(view).toMatchObject({ step: 'failed' });
      expect(view.reason).toContain('no validator permit');
    }, [QUEUE]);
    expect(submitted).toEqual([]);
  }, 60_000);

  it('stops before the next extrinsic when cancelled', async () => {
    const { all, submitted } = activities();
    const waiting = { ...all, planVector: async () => ({ ...(await all.planVector()), waitSeconds: 3600 }) };
    await env.withWorkers(waiting, async () => {
      const handle = await start();
      await eventually(async () => {
        const view = (await handle.query(PUBLICATION_MESSAGES.status)) as PublicationStatusView;
        expect(view.step).toBe('waiting');
      });
      await handle.signal(PUBLICATION_MESSAGES.cancel);
      expect(await handle.result()).toMatchObject({ step: 'cancelled' });
    }, [QUEUE]);
    expect(submitted).toEqual([]);
  }, 60_000);
});
