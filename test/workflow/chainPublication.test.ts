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
const ATTEMPTED = {
  ...INCLUDED,
  sent: { hash: '0xe', birth: 40, death: 48 },
  commitHash: null as string | null,
};

function activities() {
  const submitted: number[] = [];
  const orders: Record<string, unknown>[] = [];
  return {
    submitted,
    orders,
    all: {
      recordOrder: async (order: Record<string, unknown>): Promise<void> => void orders.push(order),
      loadWeights: async () => ({ runId: 'run-1', weights: { miner: 1 } }),
      planVector: async () => ({
        uid: 3,
        uids: [5],
        values: [65535],
        versionKey: '0',
        mode: 'set',
        lastUpdate: 0,
        waitSeconds: 0,
        untilBlock: 0,
      }),
      submitVector: async ({ attempt }: { attempt: number }): Promise<unknown> => {
        submitted.push(attempt);
        return { kind: 'included', included: ATTEMPTED };
      },
      awaitFinality: async (): Promise<unknown> => ({ kind: 'final' }),
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
    let noticed: () => void = () => undefined;
    const seen = new Promise<void>((resolve) => (noticed = resolve));
    const early = {
      ...all,
      planVector: async () => {
        plans += 1;
        // The reason stands until there is another plan, which therefore waits until it was seen.
        if (plans > 1) await seen;
        return { ...(await all.planVector()), waitSeconds: plans === 1 ? 1 : 0, untilBlock: 99 };
      },
    };
    await env.withWorkers(early, async () => {
      const handle = await start();
      await eventually(async () => {
        const view = (await handle.query(PUBLICATION_MESSAGES.status)) as PublicationStatusView;
        expect(view.reason).toContain('block 99');
      }).finally(noticed);
      expect(await handle.result()).toMatchObject({ step: 'done', attempt: 1 });
    }, [QUEUE]);
    expect(plans).toBe(2);
    expect(submitted).toEqual([1]);
  }, 60_000);

  it('sends again what did not become final', async () => {
    const { all, submitted } = activities();
    let reorganised = true;
    const shaky = {
      ...all,
      awaitFinality: async () => {
        const gone = reorganised;
        reorganised = false;
        return gone ? { kind: 'gone', message: 're-organised away' } : { kind: 'final' };
      },
    };
    await env.withWorkers(shaky, async () => {
      expect(await (await start()).result()).toMatchObject({ step: 'done', attempt: 2 });
    }, [QUEUE]);
    expect(submitted).toEqual([1, 2]);
  }, 60_000);

  it('follows an extrinsic that a re-organisation moved to another block', async () => {
    const { all, submitted } = activities();
    const seen: number[] = [];
    const moved = {
      ...all,
      awaitFinality: async ({ included }: { included: typeof ATTEMPTED }) => {
        seen.push(included.blockNumber);
        return seen.length === 1
          ? { kind: 'moved', included: { ...ATTEMPTED, blockNumber: 43, blockHash: '0xc' } }
          : { kind: 'final' };
      },
    };
    await env.withWorkers(moved, async () => {
      expect(await (await start()).result()).toMatchObject({ step: 'done', attempt: 1, blockNumber: 43 });
    }, [QUEUE]);
    expect(seen).toEqual([42, 43]);
    expect(submitted).toEqual([1]);
  }, 60_000);

  it('reveals a commit in its window, and commits anew once when the window was missed', async () => {
    const { all, submitted } = activities();
    const states = ['waiting', 'lost', 'open', 'revealed'];
    const revealed: { attempt: number; commitAttempt: number }[] = [];
    const committing = {
      ...all,
      planVector: async () => ({ ...(await all.planVector()), mode: 'commit' }),
      submitVector: async (key: { attempt: number }) => {
        await all.submitVector(key);
        return { kind: 'included', included: { ...ATTEMPTED, commitHash: '0xd' } };
      },
      checkReveal: async () => ({ kind: states.shift(), message: 'as told', waitSeconds: 0.1 }),
      submitReveal: async ({ attempt, commitAttempt }: { attempt: number; commitAttempt: number }) => {
        revealed.push({ attempt, commitAttempt });
        return { kind: 'included', included: { ...ATTEMPTED, commitHash: '0xd' } };
      },
    };
    await env.withWorkers(committing, async () => {
      const view = (await (await start()).result()) as PublicationStatusView;
      expect(view).toMatchObject({ step: 'done', mode: 'commit', attempt: 3 });
    }, [QUEUE]);
    // The first commit was lost; the second, attempt 2, is the one that attempt 3 reveals.
    expect(submitted).toEqual([1, 2]);
    expect(revealed).toEqual([{ attempt: 3, commitAttempt: 2 }]);
  }, 60_000);

  it('takes the same trouble twice for final where once is the rule, and shows its name', async () => {
    const { all } = activities();
    const contradicted = {
      ...all,
      submitVector: async () => ({
        kind: 'again',
        label: 'COMMIT_REVEAL_CHANGED',
        message: 'commit-reveal was switched',
        waitSeconds: 0.1,
        once: true,
        counts: true,
      }),
    };
    await env.withWorkers(contradicted, async () => {
      const handle = await start();
      await expect(handle.result()).rejects.toThrow();
      const view = (await handle.query(PUBLICATION_MESSAGES.status)) as PublicationStatusView;
      expect(view).toMatchObject({ step: 'failed', outcome: 'COMMIT_REVEAL_CHANGED', attempt: 2 });
      expect(view.reason).toContain('a second time');
    }, [QUEUE]);
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
    const { all, submitted, orders } = activities();
    const waiting = { ...all, planVector: async () => ({ ...(await all.planVector()), waitSeconds: 3600 }) };
    await env.withWorkers(waiting, async () => {
      const handle = await start();
      await eventually(async () => {
        const view = (await handle.query(PUBLICATION_MESSAGES.status)) as PublicationStatusView;
        expect(view.step).toBe('waiting');
      });
      await handle.signal(PUBLICATION_MESSAGES.cancel, { actor: 'ana', reason: 'wrong weights' });
      expect(await handle.result()).toMatchObject({ step: 'cancelled' });
    }, [QUEUE]);
    expect(submitted).toEqual([]);
    expect(orders).toEqual([
      expect.objectContaining({
        action: 'publication.cancel',
        actor: 'ana',
        via: 'temporal',
        reason: 'wrong weights',
        outcome: 'applied',
      }),
    ]);
  }, 60_000);

  it('says that it is stuck and why, tries again when told, and keeps who told it', async () => {
    const { all, submitted, orders } = activities();
    let away = true;
    const down = {
      ...all,
      loadWeights: async () => {
        if (away) throw ApplicationFailure.create({ type: FAULTS.owner, message: 'the owner is away' });
        return all.loadWeights();
      },
    };
    await env.withWorkers(down, async () => {
      const handle = await start();
      await eventually(async () => {
        const view = (await handle.query(PUBLICATION_MESSAGES.status)) as PublicationStatusView;
        expect(view.reason).toMatch(/^the owner is away\. Failed 1 time; tried again at /);
      }, 45_000);
      expect(JSON.stringify((await handle.describe()).typedSearchAttributes)).toContain('EirelStuck');
      away = false;
      await handle.signal(PUBLICATION_MESSAGES.retry, 'the owner is back');
      expect(await handle.result()).toMatchObject({ step: 'done', attempt: 1 });
      await handle.signal(PUBLICATION_MESSAGES.cancel).catch(() => undefined);
    }, [QUEUE]);
    expect(submitted).toEqual([1]);
    expect(orders).toEqual([
      expect.objectContaining({
        action: 'publication.retry',
        reason: 'the owner is back',
        outcome: 'applied',
      }),
    ]);
  }, 90_000);

  it('can be cancelled while nothing answers', async () => {
    const { all, submitted } = activities();
    const down = {
      ...all,
      loadWeights: async () => {
        throw ApplicationFailure.create({ type: FAULTS.owner, message: 'the owner is away' });
      },
    };
    await env.withWorkers(down, async () => {
      const handle = await start();
      await eventually(async () => {
        const view = (await handle.query(PUBLICATION_MESSAGES.status)) as PublicationStatusView;
        expect(view.reason).toContain('tried again at');
      }, 45_000);
      await handle.signal(PUBLICATION_MESSAGES.cancel);
      expect(await handle.result()).toMatchObject({ step: 'cancelled' });
    }, [QUEUE]);
    expect(submitted).toEqual([]);
  }, 90_000);
});
