/** Days pass in a moment: the boundaries of a run are timers of the server, not of anybody who calls. */
import { setTimeout as sleep } from 'node:timers/promises';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { SEARCH_ATTRIBUTES, TASK_QUEUES, WORKFLOW_TYPES, type RunProgressView } from '../../domain/messages';
import type { RunPhase } from '../../domain/status';
import { timeSkippingServer } from '../harness/stack';
import { workflowBundle } from './environment';
import { runRecorder } from './run-recorder';

const KEYWORD = 2;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** What is not done by then is stuck: the days themselves take no time. */
const STUCK_MS = 60_000;
/** What a slow machine may take from a timer of the server to the step that it brings about. */
const SLOW_MS = 30_000;
let env: TestWorkflowEnvironment;

beforeAll(() => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
});
// Each case has a clock of its own, which no other one moves or holds up.
beforeEach(async () => {
  env = await TestWorkflowEnvironment.createTimeSkipping({ server: await timeSkippingServer() });
  // The test server answers no question about attributes, so they are simply added.
  await env.connection.operatorService.addSearchAttributes({
    namespace: env.namespace ?? 'default',
    searchAttributes: Object.fromEntries(SEARCH_ATTRIBUTES.map((name) => [name, KEYWORD])),
  });
}, 120_000);
afterEach(() => env?.teardown());

const iso = (ms: number): string => new Date(ms).toISOString();
const recorderOf = (startsAt: number, endsAt: number, phase: RunPhase = 'scheduled') => {
  const window = { startsAt: iso(startsAt), endsAt: iso(endsAt), phase };
  const recorder = runRecorder(window, () => env.currentTimeMs());
  let begun: () => void;
  const tending = new Promise<void>((resolve) => (begun = resolve));
  const activities = {
    ...recorder.activities,
    // The server skips no time while an activity runs, and the pool's runs as long as the run is open.
    tendPool: () => {
      begun();
      return Promise.resolve();
    },
    // The test server, unlike a real one, refuses to cancel what ends at the same moment, and is stuck from then on.
    awaitDeployments: async (input: unknown) => {
      await tending;
      await sleep(300);
      return recorder.activities.awaitDeployments(input);
    },
  };
  return { ...recorder, activities };
};
type Activities = ReturnType<typeof recorderOf>['activities'];

/** Runs `act` with a worker beside it. */
async function withWorker<T>(activities: Activities, act: () => Promise<T>): Promise<T> {
  const options = { connection: env.nativeConnection, workflowBundle: await workflowBundle(), activities };
  const workers = await Promise.all(
    [TASK_QUEUES.control, TASK_QUEUES.runtime].map((taskQueue) => Worker.create({ ...options, taskQueue })),
  );
  const running = workers.map((worker) => worker.run());
  const acting = act();
  try {
    return await Promise.race([acting, stuck()]);
  } finally {
    // Also when it is stuck nobody may ask the server for its result once that is gone.
    await Promise.allSettled([acting]);
    for (const worker of workers) worker.shutdown();
    await Promise.all(running);
  }
}

/** Fails after a minute with what the run did last. */
async function stuck(): Promise<never> {
  await sleep(STUCK_MS, undefined, { ref: false });
  const told: string[] = [];
  for (const workflowId of started) {
    const { events } = await env.client.workflow.getHandle(workflowId).fetchHistory();
    const last = (events ?? []).slice(-12).map((event) => {
      const { eventId, eventTime, eventType, ...rest } = JSON.parse(JSON.stringify(event)) as Record<
        string,
        unknown
      >;
      return JSON.stringify({ eventId, eventTime, eventType, rest }).slice(0, 400);
    });
    told.push(workflowId, ...last);
    await env.client.workflow.getHandle(workflowId).terminate('stuck');
  }
  throw new Error(`nothing moves at ${iso(await env.currentTimeMs())}:\n${told.join('\n')}`);
}

const started: string[] = [];
const startRun = (name: string) => {
  started.splice(0, Infinity, `run/${name}`);
  return env.client.workflow.start(WORKFLOW_TYPES.runEpoch, {
    workflowId: `run/${name}`,
    taskQueue: TASK_QUEUES.control,
    args: [{ runId: name, sequence: 1, familyId: 'general_chat' }],
  });
};

/** A step was taken when it was due: never before, and after it only by what it may take. */
const expectOnTime = (at: number, due: number, slowMs: number): void => {
  expect(at).toBeGreaterThanOrEqual(due);
  expect(at - due).toBeLessThan(slowMs);
};

/** A timer of the run went off when the step was due, to the second by the server's history, and then it was taken. */
async function expectByTimer(at: number, due: number): Promise<void> {
  const { events } = await env.client.workflow.getHandle(started[0] ?? '').fetchHistory();
  const fired = (events ?? [])
    .filter(({ timerFiredEventAttributes }) => timerFiredEventAttributes)
    .map(({ eventTime }) => Number(eventTime?.seconds) * 1000 + Number(eventTime?.nanos) / 1e6);
  expect(Math.min(...fired.map((moment) => Math.abs(moment - due)))).toBeLessThan(1000);
  expectOnTime(at, due, SLOW_MS);
}

describe('the boundaries of a run, to the second', () => {
  it('opens and closes a scheduled run of three days with nobody calling', async () => {
    const startsAt = (await env.currentTimeMs()) + DAY_MS;
    const endsAt = startsAt + 3 * DAY_MS;
    const run = recorderOf(startsAt, endsAt);
    await withWorker(run.activities, async () => {
      const result = (await (await startRun('three-days')).result()) as RunProgressView;
      expect(result).toMatchObject({ phase: 'completed', startsAt: iso(startsAt), endsAt: iso(endsAt) });
    });
    await expectByTimer(run.at('openRun'), startsAt);
    await expectByTimer(run.at('awaitDrain'), endsAt);
    expect(run.steps()).not.toContain('moveWindow');
  }, 120_000);

  it('stands still for half a day of pause and lasts six hours longer when extended', async () => {
    const startsAt = (await env.currentTimeMs()) + HOUR_MS;
    const run = recorderOf(startsAt, startsAt + 3 * DAY_MS);
    await withWorker(run.activities, async () => {
      const handle = await startRun('paused-and-extended');
      await env.sleep(HOUR_MS + DAY_MS);
      const pausedAt = await env.currentTimeMs();
      await handle.signal('pause');
      await env.sleep(12 * HOUR_MS);
      expect(await handle.query('progress')).toMatchObject({ phase: 'paused' });
      const resumedAt = await env.currentTimeMs();
      await handle.signal('resume');
      await env.sleep(6 * HOUR_MS);
      await handle.signal('extend', 6 * 3600);
      const result = (await handle.result()) as RunProgressView;
      const endsAt = Date.parse(result.endsAt);
      const expected = startsAt + 3 * DAY_MS + (resumedAt - pausedAt) + 6 * HOUR_MS;
      expect(Math.abs(endsAt - expected)).toBeLessThan(1000);
      await expectByTimer(run.at('awaitDrain'), endsAt);
    });
  }, 120_000);

  it('opens in the window that contains now when its own passed while nothing was up', async () => {
    const now = await env.currentTimeMs();
    const run = recorderOf(now - 10 * DAY_MS, now - 7 * DAY_MS);
    await withWorker(run.activities, async () => {
      const result = (await (await startRun('missed')).result()) as RunProgressView;
      expect(result).toMatchObject({ startsAt: iso(now - DAY_MS), endsAt: iso(now + 2 * DAY_MS) });
    });
    expect(run.inputOf('moveWindow')).toMatchObject({
      startsAt: iso(now - DAY_MS),
      missed: 3,
      planned: { startsAt: iso(now - 10 * DAY_MS), endsAt: iso(now - 7 * DAY_MS) },
    });
    expectOnTime(run.at('openRun'), now, 5000);
    await expectByTimer(run.at('awaitDrain'), now + 2 * DAY_MS);
  }, 120_000);

  it('closes an open run first when its end passed while nothing was up, and starts the next', async () => {
    const now = await env.currentTimeMs();
    const endsAt = now - 2 * DAY_MS;
    const run = recorderOf(endsAt - 3 * DAY_MS, endsAt, 'running');
    await withWorker(run.activities, async () => {
      const result = (await (await startRun('ended-in-the-dark')).result()) as RunProgressView;
      expect(result).toMatchObject({ phase: 'completed', endsAt: iso(endsAt) });
    });
    expectOnTime(run.at('awaitDrain'), now, 60_000);
    expect(run.steps()).toEqual([
      'loadRun',
      'awaitDrain',
      'aggregateRun',
      'publishEvidence',
      'computeWeights',
      'completeRun',
      'settleDeployments',
      'startNextRun',
    ]);
  }, 120_000);

  it('makes no empty run of a dataset that was missing for longer than the run lasts', async () => {
    const now = await env.currentTimeMs();
    const minutes = 60_000;
    const run = recorderOf(now, now + 10 * minutes);
    const activities = {
      ...run.activities,
      openRun: async (input: unknown) => {
        if ((await env.currentTimeMs()) < now + 25 * minutes) throw new Error('there is no dataset');
        return run.activities.openRun(input);
      },
    };
    await withWorker(activities, async () => {
      const result = (await (await startRun('late-dataset')).result()) as RunProgressView;
      expect(result).toMatchObject({ startsAt: iso(now + 20 * minutes), endsAt: iso(now + 30 * minutes) });
    });
    expect(run.inputOf('moveWindow')).toMatchObject({ missed: 2 });
    expect(run.at('freezeAndSeed')).toBeGreaterThanOrEqual(now + 25 * minutes);
    await expectByTimer(run.at('awaitDrain'), now + 30 * minutes);
  }, 120_000);

  it('gives a run that is opened by hand its whole length from then on', async () => {
    const startsAt = (await env.currentTimeMs()) + 2 * DAY_MS;
    const run = recorderOf(startsAt, startsAt + 3 * DAY_MS);
    await withWorker(run.activities, async () => {
      const handle = await startRun('by-hand');
      await env.sleep(DAY_MS);
      const openedAt = await env.currentTimeMs();
      await handle.signal('open');
      const result = (await handle.result()) as RunProgressView;
      const openedIn = Date.parse(result.startsAt);
      expectOnTime(openedIn, openedAt, 1000);
      await expectByTimer(run.at('awaitDrain'), openedIn + 3 * DAY_MS);
    });
  }, 120_000);
});
