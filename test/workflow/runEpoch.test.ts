import { randomUUID } from 'node:crypto';
import { Context } from '@temporalio/activity';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  RUN_MESSAGES,
  TASK_QUEUES,
  WORKFLOW_TYPES,
  workflowIds,
  type RunEpochInput,
  type RunProgressView,
  type SteerAnswer,
} from '../../domain/messages';
import { workflowEnvironment, eventually, type WorkflowEnvironment } from './environment';
import { runRecorder } from './run-recorder';

let env: WorkflowEnvironment;
beforeAll(async () => {
  env = await workflowEnvironment();
}, 90_000);
afterAll(() => env.close());

/** Activities of a run of the given length in seconds that starts now. */
const recorder = (seconds: number) => {
  const now = Date.now();
  return runRecorder({
    startsAt: new Date(now).toISOString(),
    endsAt: new Date(now + seconds * 1000).toISOString(),
  });
};

async function start(extra: Partial<RunEpochInput> = {}) {
  const runId = `run-${randomUUID().slice(0, 6)}`;
  return env.client.workflow.start(WORKFLOW_TYPES.runEpoch, {
    workflowId: workflowIds.run(runId),
    taskQueue: TASK_QUEUES.control,
    args: [{ runId, sequence: 1, familyId: 'general_chat', ...extra }],
  });
}
type Handle = Awaited<ReturnType<typeof start>>;

const progress = (handle: Handle): Promise<RunProgressView> => handle.query(RUN_MESSAGES.progress);
const reached = (handle: Handle, phase: string): Promise<void> =>
  eventually(async () => expect((await progress(handle)).phase).toBe(phase));
const update = (handle: Handle, action: string, order: object = {}): Promise<SteerAnswer> =>
  handle.executeUpdate<SteerAnswer, [object]>(action, { args: [order] });

describe('runEpoch', () => {
  it('goes through its steps in order and closes on its own timer', async () => {
    // Long enough for the workers to start: a window that has passed by then would be moved.
    const { activities, steps, phases, at } = recorder(30);
    await env.withWorkers(activities, async () => {
      const result = (await (await start()).result()) as RunProgressView;
      expect(result.phase).toBe('completed');
      expect(result.reason).toContain('run-2');
      expect(at('awaitDrain')).toBeGreaterThanOrEqual(Date.parse(result.endsAt));
    });
    expect(steps()).toEqual([
      'loadRun',
      'openRun',
      'indexCorpora',
      'activateDeployments',
      'awaitDeployments',
      'freezeAndSeed',
      'awaitDrain',
      'aggregateRun',
      'publishEvidence',
      'computeWeights',
      'completeRun',
      'settleDeployments',
      'startNextRun',
    ]);
    expect(phases()).toEqual(['opening', 'deploying', 'running', 'draining', 'aggregating', 'publishing']);
  }, 90_000);

  it('stands still while paused, ends as much later, and keeps who paused it by signal', async () => {
    // Long enough to be paused before it closes by itself, on a slow machine too.
    const { activities, records } = recorder(20);
    await env.withWorkers(activities, async () => {
      const handle = await start();
      await reached(handle, 'running');
      const before = await progress(handle);
      await handle.signal(RUN_MESSAGES.pause, { reason: 'look at it', actor: 'op' });
      await reached(handle, 'paused');
      await sleep(2000);
      expect((await progress(handle)).phase).toBe('paused');
      await handle.signal(RUN_MESSAGES.resume);
      const result = (await handle.result()) as RunProgressView;
      expect(Date.parse(result.endsAt) - Date.parse(before.endsAt)).toBeGreaterThanOrEqual(1900);
    });
    expect(records()).toEqual([
      expect.objectContaining({
        action: 'pause',
        outcome: 'applied',
        order: expect.objectContaining({ actor: 'op', via: 'temporal', reason: 'look at it' }) as unknown,
        row: expect.objectContaining({ pausedAt: expect.any(String) as unknown }) as unknown,
      }),
      expect.objectContaining({
        action: 'resume',
        order: expect.objectContaining({ actor: 'unknown operator', via: 'temporal' }) as unknown,
        row: expect.objectContaining({ pausedAt: null }) as unknown,
      }),
    ]);
  }, 90_000);

  it('waits for leases when closed, until an operator decides to close now', async () => {
    const { activities, calls, records } = recorder(3600);
    const modes: string[] = [];
    const draining = {
      ...activities,
      awaitDrain: async (input: { mode: string }) => {
        modes.push(input.mode);
        for (;;) {
          if (input.mode === 'now') return activities.awaitDrain(input);
          Context.current().heartbeat();
          await Context.current().sleep(200);
        }
      },
    };
    await env.withWorkers(draining, async () => {
      const handle = await start();
      await reached(handle, 'running');
      const closed = await update(handle, 'close', { actor: 'op', via: 'api', reason: 'enough' });
      expect(closed).toMatchObject({ outcome: 'applied', progress: { closing: true } });
      await reached(handle, 'draining');
      await eventually(async () => expect(modes).toEqual(['drain']));
      expect(await update(handle, 'close', {})).toMatchObject({ outcome: 'unchanged' });
      await expect(update(handle, 'pause')).rejects.toThrow();
      await handle.signal('close', { mode: 'now' });
      await handle.result();
      await expect(update(handle, 'close', {})).rejects.toThrow();
    });
    expect(modes).toEqual(['drain', 'now']);
    expect(calls.some(({ name }) => name === 'aggregateRun')).toBe(true);
    expect(records().map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'close applied',
      'close unchanged',
      'pause refused',
      'close applied',
    ]);
  }, 60_000);

  it('moves its end when extended, once per order, and refuses nonsense with the reason', async () => {
    const { activities, records } = recorder(3600);
    await env.withWorkers(activities, async () => {
      const handle = await start();
      await reached(handle, 'running');
      await expect(update(handle, 'extend', { seconds: -1 })).rejects.toMatchObject({
        cause: { message: expect.stringMatching(/seconds must be above 0/) as unknown },
      });
      const before = await progress(handle);
      const order = { id: 'one', seconds: 2, via: 'api' };
      const first = await update(handle, 'extend', order);
      expect(Date.parse(first.progress.endsAt) - Date.parse(before.endsAt)).toBe(2000);
      expect(await update(handle, 'extend', order)).toMatchObject({
        outcome: 'unchanged',
        progress: { endsAt: first.progress.endsAt },
      });
      const until = new Date(Date.parse(before.endsAt) + 60_000).toISOString();
      expect((await update(handle, 'extend', { until })).progress.endsAt).toBe(until);
      expect((await update(handle, 'extend', { until })).outcome).toBe('unchanged');
      await handle.terminate();
    });
    expect(records().map(({ outcome }) => outcome)).toEqual([
      'refused',
      'applied',
      'unchanged',
      'applied',
      'unchanged',
    ]);
  }, 60_000);

  it('understands what operators send by hand, and survives what nobody understands', async () => {
    const { activities, records } = recorder(3600);
    await env.withWorkers(activities, async () => {
      const handle = await start();
      await reached(handle, 'running');
      const before = await progress(handle);
      await handle.signal('pause', 'a bare reason');
      await handle.signal('resume', [1, 2]);
      await handle.signal('resume', { reason: { nested: true }, actor: 7 });
      await handle.signal('extend', 30);
      await handle.signal('extend', { seconds: 'soon' });
      await handle.signal('extend');
      await handle.signal('close', { mode: 'tomorrow' });
      await handle.signal('stop', { please: true });
      await handle.signal('retry', null);
      await eventually(async () => expect(records()).toHaveLength(9));
      const after = await progress(handle);
      expect(after.phase).toBe('running');
      expect(Date.parse(after.endsAt) - Date.parse(before.endsAt)).toBeGreaterThanOrEqual(30_000);
      await handle.terminate();
    });
    expect(records().map(({ action, outcome, message }) => [action, outcome, message])).toEqual([
      ['pause', 'applied', expect.anything()],
      ['resume', 'refused', 'a list is not an order; send an object or nothing'],
      ['resume', 'applied', expect.anything()],
      ['extend', 'applied', expect.anything()],
      ['extend', 'refused', 'seconds is a number, not "soon"'],
      ['extend', 'refused', expect.stringMatching(/^extend needs either seconds/)],
      ['close', 'refused', 'mode is "now" or "drain", not "tomorrow"'],
      ['stop', 'refused', 'no such signal; a run knows pause, resume, open, close, extend, retry'],
      ['retry', 'refused', 'no step is stuck; there is nothing to try again'],
    ]);
    expect(records()[0]?.order?.reason).toBe('a bare reason');
  }, 60_000);

  it('shows what is stuck and why in one query, and tries again when it is told to', async () => {
    const { activities, steps, at } = recorder(3600);
    let broken = true;
    let tries = 0;
    const flaky = {
      ...activities,
      openRun: async (input: unknown) => {
        tries += 1;
        if (broken) throw new Error('the dataset at data/general_chat.json cannot be used: no such file');
        return activities.openRun(input);
      },
    };
    await env.withWorkers(flaky, async () => {
      const handle = await start();
      await eventually(async () =>
        expect(await progress(handle)).toMatchObject({
          phase: 'opening',
          stuck: {
            step: 'openRun',
            failures: 1,
            error: 'the dataset at data/general_chat.json cannot be used: no such file',
          },
        }),
      );
      expect(tries).toBeGreaterThanOrEqual(4);
      const found: Array<Record<string, unknown>> = [];
      await eventually(async () => {
        found.length = 0;
        for await (const execution of env.client.workflow.list({
          query: `EirelStuck IS NOT NULL AND WorkflowId = '${handle.workflowId}'`,
        })) {
          found.push(execution.searchAttributes);
        }
        expect(found).toHaveLength(1);
      });
      expect(found[0]).toMatchObject({
        EirelStuck: ['openRun'],
        EirelStatus: ['opening'],
        EirelReason: [expect.stringMatching(/openRun fails since .*no such file/)],
      });
      // The second pause is long enough to be cut short on a slow machine too.
      let next = 0;
      await eventually(async () => {
        const { stuck } = await progress(handle);
        expect(stuck?.failures).toBe(2);
        next = Date.parse(stuck?.nextAttempt ?? '');
      });
      broken = false;
      expect(await update(handle, 'retry', { reason: 'put it there' })).toMatchObject({ outcome: 'applied' });
      await reached(handle, 'running');
      expect(at('openRun')).toBeLessThan(next);
      await eventually(async () =>
        expect(
          await env.client.workflow.count(`EirelStuck IS NOT NULL AND WorkflowId = '${handle.workflowId}'`),
        ).toMatchObject({ count: 0 }),
      );
      await handle.terminate();
    });
    expect(steps()).toContain('freezeAndSeed');
  }, 60_000);

  it('goes on by itself once a failing step succeeds', async () => {
    const { activities } = recorder(1);
    let failures = 5;
    const flaky = {
      ...activities,
      aggregateRun: async (input: unknown) => {
        if (failures-- > 0) throw new Error('the database is away');
        return activities.aggregateRun(input);
      },
    };
    await env.withWorkers(flaky, async () => {
      const result = (await (await start()).result()) as RunProgressView;
      expect(result).toMatchObject({ phase: 'completed', stuck: null });
    });
  }, 60_000);

  it('is given up when it is closed before it could open', async () => {
    const { activities, steps, inputOf } = recorder(3600);
    const broken = { ...activities, openRun: () => Promise.reject(new Error('no dataset')) };
    await env.withWorkers(broken, async () => {
      const handle = await start();
      await eventually(async () => expect((await progress(handle)).stuck?.step).toBe('openRun'));
      await update(handle, 'close', { reason: 'there will be none' });
      expect(await handle.result()).toMatchObject({ phase: 'completed' });
    });
    expect(steps()).toEqual(['loadRun', 'abandonRun', 'settleDeployments', 'startNextRun']);
    expect(inputOf('abandonRun')).toMatchObject({
      reason: expect.stringMatching(/closed while opening/) as unknown,
    });
  }, 60_000);

  it('goes on where its row stands when it was terminated and started again', async () => {
    const now = Date.now();
    const window = {
      startsAt: new Date(now - 5000).toISOString(),
      endsAt: new Date(now + 1500).toISOString(),
    };
    const { activities, steps } = runRecorder({ ...window, phase: 'running' });
    await env.withWorkers(activities, async () => {
      expect(await (await start()).result()).toMatchObject({ phase: 'completed' });
    });
    expect(steps().slice(0, 2)).toEqual(['loadRun', 'awaitDrain']);
  }, 60_000);

  it('continues as new under an operator who never rests, and loses nothing on the way', async () => {
    const { activities, records } = recorder(3600);
    await env.withWorkers(activities, async () => {
      const handle = await start({ historyLimit: 150 });
      await reached(handle, 'running');
      const before = await progress(handle);
      const began = Date.now();
      // The orders of a round are more than a history of it holds. All at once, on a slow machine, one could hold them all.
      for (let round = 0; round < 3; round += 1) {
        const orders: Promise<unknown>[] = [];
        for (let n = round * 20; n < round * 20 + 20; n += 1) {
          orders.push(update(handle, 'extend', { id: `update-${n}`, seconds: 10 }));
          orders.push(handle.signal('extend', { id: `signal-${n}`, seconds: 1 }));
          if (n % 5 === 0) orders.push(handle.signal('pause').then(() => handle.signal('resume')));
          if (n % 4 === 3) await sleep(150);
        }
        await Promise.all(orders);
        await eventually(async () => expect((await progress(handle)).continued).toBeGreaterThan(round));
      }
      await eventually(async () => {
        const ids = new Set(
          records()
            .filter((r) => r.outcome === 'applied')
            .map((r) => r.id),
        );
        expect([...ids].filter((id) => id.startsWith('update-'))).toHaveLength(60);
        expect([...ids].filter((id) => id.startsWith('signal-'))).toHaveLength(60);
      });
      const after = await progress(handle);
      expect(after).toMatchObject({ phase: 'running', pausedAt: null });
      expect(after.continued).toBeGreaterThanOrEqual(3);
      const moved = Date.parse(after.endsAt) - Date.parse(before.endsAt);
      expect(moved).toBeGreaterThanOrEqual(660_000);
      // What is above it is the time that it stood still.
      expect(moved).toBeLessThanOrEqual(660_000 + (Date.now() - began));
      const latest = env.client.workflow.getHandle(handle.workflowId);
      const { historyLength } = await latest.describe();
      expect(historyLength).toBeLessThan(600);
      await update(handle, 'close', { mode: 'now' });
      expect(await latest.result()).toMatchObject({ phase: 'completed', endsAt: after.endsAt });
    });
  }, 120_000);
});
