import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { Context } from '@temporalio/activity';
import { FAULTS } from '../../domain/faults';
import {
  publicationTaskQueue,
  VALIDATOR_MESSAGES,
  validatorTaskQueue,
  WORKFLOW_TYPES,
  workflowIds,
  type ValidatorLoopInput,
  type ValidatorProgressView,
} from '../../domain/messages';
import type { DuePublication } from '../../domain/validator/cadence';
import type {
  ClaimAnswer,
  Delivered,
  Evaluated,
  LoopSettings,
  TaskTicket,
} from '../../domain/validator/loop';
import { eventually, workflowEnvironment, type WorkflowEnvironment } from './environment';

let env: WorkflowEnvironment;
beforeAll(async () => {
  env = await workflowEnvironment();
}, 90_000);
afterAll(() => env.close());

const SETTINGS: LoopSettings = {
  families: ['general_chat'],
  batchSize: 2,
  maxParallel: 2,
  pollSeconds: 0.1,
  taskCapSeconds: 60,
  claims: true,
  weights: null,
};

/** An owner's pool and a validator's hands, as the loop's activities. */
class Hands {
  pool: string[] = [];
  readonly keys: string[] = [];
  readonly batches: number[] = [];
  readonly evaluated: string[] = [];
  readonly submitted: string[] = [];
  readonly released: string[] = [];
  now = 0;
  most = 0;
  fencing = 0;
  due: DuePublication[] = [];
  /** What evaluating comes to; a rejection is retried by the policy. */
  evaluate: (ticket: TaskTicket, attempt: number) => Promise<Evaluated> = () =>
    Promise.resolve({ kind: 'judged', judged: 3, leftOut: 0 });
  submit: (ticket: TaskTicket) => Delivered = () => ({ ending: 'submitted', reason: null });

  readonly activities = {
    claimTasks: async (input: {
      batchSize: number;
      claimKey: string;
      knownWaiting: string | null;
    }): Promise<ClaimAnswer> => {
      this.keys.push(input.claimKey);
      this.batches.push(input.batchSize);
      const context = Context.current();
      const beat = setInterval(() => context.heartbeat(), 100);
      try {
        for (;;) {
          const ids = this.pool.splice(0, input.batchSize);
          if (ids.length > 0) {
            return { tickets: ids.map((id) => this.ticket(id, input.claimKey)), waiting: null };
          }
          if (input.knownWaiting !== 'nothing') return { tickets: [], waiting: 'nothing' };
          await context.sleep(50);
        }
      } finally {
        clearInterval(beat);
      }
    },
    evaluateTask: async (ticket: TaskTicket): Promise<Evaluated> => {
      this.most = Math.max(this.most, (this.now += 1));
      try {
        const evaluated = await this.evaluate(ticket, Context.current().info.attempt);
        this.evaluated.push(ticket.taskId);
        return evaluated;
      } finally {
        this.now -= 1;
      }
    },
    submitTask: (ticket: TaskTicket): Promise<Delivered> => {
      this.submitted.push(ticket.taskId);
      return Promise.resolve(this.submit(ticket));
    },
    releaseTask: ({ ticket, reason }: { ticket: TaskTicket; reason: string }): Promise<Delivered> => {
      this.released.push(`${ticket.taskId}: ${reason}`);
      return Promise.resolve({ ending: 'released', reason });
    },
    awaitPublication: async (input: { memory: { runId: string | null } }): Promise<DuePublication | null> => {
      const context = Context.current();
      for (;;) {
        const next = this.due.shift();
        if (next) return next;
        context.heartbeat(input.memory);
        await context.sleep(50);
      }
    },
    recordPublication: () => Promise.resolve(),
  };

  private ticket(id: string, claimKey: string): TaskTicket {
    const now = Date.now();
    return {
      taskEvaluationId: id,
      taskId: id,
      runId: 'run-1',
      familyId: 'general_chat',
      fencing: (this.fencing += 1),
      claimKey,
      miners: 3,
      claimedAt: new Date(now).toISOString(),
      leaseEndsAt: new Date(now + 900_000).toISOString(),
    };
  }
}

async function during(
  hands: Hands,
  input: Partial<ValidatorLoopInput>,
  test: (loop: WorkflowHandle, hotkey: string) => Promise<void>,
  more: Record<string, (...args: never[]) => Promise<unknown>> = {},
): Promise<void> {
  const hotkey = `5Validator${randomUUID().slice(0, 8)}`;
  await env.withWorkers(
    { ...hands.activities, ...more },
    async () => {
      const loop = await env.client.workflow.start(WORKFLOW_TYPES.validatorLoop, {
        workflowId: workflowIds.validator(hotkey),
        taskQueue: validatorTaskQueue(hotkey),
        args: [{ hotkey, settings: SETTINGS, ...input }],
      });
      try {
        // By its id alone: the loop continues as new.
        await test(env.client.workflow.getHandle(loop.workflowId), hotkey);
      } finally {
        await env.client.workflow.getHandle(loop.workflowId).terminate();
      }
    },
    [validatorTaskQueue(hotkey), publicationTaskQueue(hotkey)],
  );
}

const progress = (loop: WorkflowHandle) => loop.query<ValidatorProgressView>(VALIDATOR_MESSAGES.progress);
const ended = (loop: WorkflowHandle, count: number) =>
  eventually(async () => expect((await progress(loop)).ended.submitted).toBe(count));
const tasks = (count: number, prefix = 't') =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

it('works on at most so many tasks at once, each once, under a key of its own claim', async () => {
  const hands = new Hands();
  hands.pool = tasks(7);
  // The first two wait for each other: on a slow machine one may else be over before the other begins.
  let both: () => void = () => undefined;
  const together = new Promise<void>((resolve) => (both = resolve));
  hands.evaluate = async () => {
    if (hands.now === 2) both();
    await together;
    await new Promise((resolve) => setTimeout(resolve, 150));
    return { kind: 'judged', judged: 3, leftOut: 0 };
  };
  await during(hands, {}, async (loop, hotkey) => {
    await ended(loop, 7);
    expect(hands.most).toBe(2);
    expect([...hands.submitted].sort()).toEqual(tasks(7));
    expect(hands.batches.every((size) => size >= 1 && size <= 2)).toBe(true);
    const { firstExecutionRunId } = await loop.describe().then(({ raw }) => ({
      firstExecutionRunId: raw.workflowExecutionInfo?.firstRunId,
    }));
    for (const key of hands.keys) expect(key.startsWith(`${firstExecutionRunId}.`)).toBe(true);
    // What can be searched for follows what is so by a moment.
    await eventually(async () => {
      const { count } = await env.client.workflow.count(
        `EirelHotkey = '${hotkey}' AND EirelKind = 'validator' AND EirelStatus IN ('idle', 'claiming', 'working')`,
      );
      expect(count).toBe(1);
    });
    await eventually(async () => expect((await progress(loop)).phase).toBe('idle'));
    expect((await progress(loop)).reason).toBe('nothing');
  });
}, 60_000);

it('goes on with a step that failed, and counts nothing twice', async () => {
  const hands = new Hands();
  hands.pool = ['t0'];
  hands.evaluate = (_ticket, attempt) =>
    attempt < 3
      ? Promise.reject(ApplicationFailure.create({ type: FAULTS.interrupted, message: 'killed' }))
      : Promise.resolve({ kind: 'judged', judged: 1, leftOut: 0 });
  await during(hands, {}, async (loop) => {
    await ended(loop, 1);
    expect(hands.submitted).toEqual(['t0']);
  });
}, 60_000);

it('pauses at once and finishes what is leased; resumes under the key that was cut short', async () => {
  const hands = new Hands();
  hands.pool = ['t0'];
  let finish: () => void = () => undefined;
  hands.evaluate = () =>
    new Promise((resolve) => (finish = () => resolve({ kind: 'judged', judged: 1, leftOut: 0 })));
  // A task is active before its activity has begun, and only that can be finished.
  const begun = () => eventually(() => Promise.resolve(expect(hands.now).toBe(1)));
  await during(hands, {}, async (loop) => {
    await eventually(async () => expect((await progress(loop)).activeTasks).toHaveLength(1));
    await eventually(() => Promise.resolve(expect(hands.keys.length).toBeGreaterThan(1)));
    await loop.signal(VALIDATOR_MESSAGES.pause, { actor: 'ann', reason: 'an upgrade' });
    await eventually(async () => expect((await progress(loop)).phase).toBe('paused'), 40);
    expect((await progress(loop)).reason).toBe('paused by ann: an upgrade');
    hands.pool = ['t1'];
    await begun();
    finish();
    await ended(loop, 1);
    expect(hands.pool).toEqual(['t1']);
    const before = hands.keys.at(-1);
    await loop.signal(VALIDATOR_MESSAGES.resume, {});
    await eventually(async () => expect((await progress(loop)).activeTasks).toHaveLength(1));
    await begun();
    finish();
    await ended(loop, 2);
    expect(hands.keys.filter((key) => key === before).length).toBeGreaterThan(1);
  });
}, 90_000);

it('gives back what could not be judged, and claims more slowly until something is judged again', async () => {
  const hands = new Hands();
  hands.pool = ['t0'];
  hands.evaluate = () => Promise.resolve({ kind: 'give_back', cause: 'judge', reason: 'no judge' });
  await during(hands, { settings: { ...SETTINGS, pollSeconds: 10 } }, async (loop) => {
    await eventually(() => Promise.resolve(expect(hands.released).toEqual(['t0: no judge'])));
    await eventually(async () => expect((await progress(loop)).phase).toBe('cooling'));
    hands.evaluate = () => Promise.resolve({ kind: 'judged', judged: 1, leftOut: 0 });
    hands.pool = ['t0'];
    await ended(loop, 1);
    const view = await progress(loop);
    expect(view.ended).toEqual({ submitted: 1, released: 1, lost: 0, rejected: 0 });
    expect(view.lastError?.message).toBe('task t0 released: no judge');
  });
}, 60_000);

it('continues as new without losing a task, a count, a pause or a key', async () => {
  const hands = new Hands();
  hands.pool = tasks(9);
  await during(hands, { renewAfterTasks: 3 }, async (loop) => {
    await ended(loop, 9);
    expect([...hands.submitted].sort()).toEqual(tasks(9));
    const first = await loop.describe();
    expect(first.raw.workflowExecutionInfo?.firstRunId).not.toBe(first.runId);
    // One key for each claim that got something, also across executions.
    expect(new Set(hands.keys).size).toBeGreaterThanOrEqual(5);
    await loop.signal(VALIDATOR_MESSAGES.pause, {});
    await eventually(async () => expect((await progress(loop)).phase).toBe('paused'), 40);
  });
}, 90_000);

it('takes other settings up while it runs', async () => {
  const hands = new Hands();
  await during(hands, {}, async (loop) => {
    await eventually(async () => expect((await progress(loop)).phase).toBe('idle'));
    await loop.signal(VALIDATOR_MESSAGES.configure, { ...SETTINGS, claims: false });
    await eventually(async () => expect((await progress(loop)).phase).toBe('off'), 40);
    hands.pool = ['t0'];
    await loop.signal(VALIDATOR_MESSAGES.configure, { ...SETTINGS, batchSize: 1 });
    await ended(loop, 1);
    expect(hands.batches.at(-1)).toBe(1);
  });
}, 90_000);

describe('weights', () => {
  const settings: LoopSettings = {
    ...SETTINGS,
    weights: { netuid: 7, intervalSeconds: 600, pollSeconds: 0.1 },
  };
  const chain = (onPlan: () => Promise<unknown>) => ({
    loadWeights: ({ runId }: { runId: string }) => Promise.resolve({ runId, weights: { m: 1 } }),
    planVector: onPlan,
    submitVector: () =>
      Promise.resolve({
        kind: 'included',
        included: { blockNumber: 1, blockHash: '0x1', extrinsicHash: '0x2', commitHash: null },
      }),
    awaitFinality: () => Promise.resolve({ kind: 'final' }),
    verifyVector: () => Promise.resolve({ message: 'equal' }),
  });
  const plan = {
    uid: 1,
    uids: [2],
    values: [65535],
    versionKey: '0',
    mode: 'set',
    lastUpdate: 0,
    waitSeconds: 0,
    untilBlock: 0,
  };

  it('are published by a workflow of the run and interval, and never begun twice', async () => {
    const hands = new Hands();
    hands.due = [{ runId: 'run-1', interval: 0 }];
    await during(
      hands,
      { settings },
      async (loop, hotkey) => {
        await eventually(async () => expect((await progress(loop)).publication?.step).toBe('done'));
        const handle = env.client.workflow.getHandle(workflowIds.publication('run-1', hotkey));
        const { runId } = await handle.describe();
        // The same again, as after a loss of the loop's memory; then the next interval.
        hands.due = [
          { runId: 'run-1', interval: 0 },
          { runId: 'run-1', interval: 1 },
        ];
        await eventually(async () => {
          const view = (await progress(loop)).publication;
          expect([view?.interval, view?.step]).toEqual([1, 'done']);
        });
        expect((await handle.describe()).runId).toBe(runId);
      },
      chain(() => Promise.resolve(plan)),
    );
  }, 60_000);

  it('of an older run give way to a newer one', async () => {
    const hands = new Hands();
    hands.due = [{ runId: 'run-1', interval: 0 }];
    let tooSoon = true;
    await during(
      hands,
      { settings },
      async (loop, hotkey) => {
        await eventually(async () => expect((await progress(loop)).publication?.runId).toBe('run-1'));
        const older = env.client.workflow.getHandle(workflowIds.publication('run-1', hotkey));
        await eventually(async () => expect(await older.query('status')).toMatchObject({ step: 'waiting' }));
        tooSoon = false;
        hands.due = Array.from({ length: 3 }, () => ({ runId: 'run-2', interval: 0 }));
        expect(await older.result()).toMatchObject({ step: 'cancelled' });
        await eventually(async () => {
          const view = (await progress(loop)).publication;
          expect([view?.runId, view?.step]).toEqual(['run-2', 'done']);
        });
      },
      chain(() => Promise.resolve(tooSoon ? { ...plan, waitSeconds: 3600, untilBlock: 99 } : plan)),
    );
  }, 60_000);
});
