import { randomUUID } from 'node:crypto';
import {
  RUN_MESSAGES,
  TASK_QUEUES,
  WORKFLOW_TYPES,
  workflowIds,
  type RunProgressView,
} from '../../domain/messages';
import { workflowEnvironment, eventually, type WorkflowEnvironment } from './environment';

let env: WorkflowEnvironment;
beforeAll(async () => {
  env = await workflowEnvironment();
}, 90_000);
afterAll(() => env.close());

/** Activities that record what was asked of them, over a run of the given length that starts now. */
function recorder(seconds: number) {
  const calls: Array<[string, unknown]> = [];
  const startsAt = new Date().toISOString();
  const endsAt = new Date(Date.now() + seconds * 1000).toISOString();
  const note =
    <T>(name: string, answer: T) =>
    async (input: unknown): Promise<T> => {
      calls.push([name, input]);
      return answer;
    };
  const activities = {
    loadRun: note('loadRun', { startsAt, endsAt }),
    openRun: note('openRun', { taskCount: 12 }),
    indexCorpora: note('indexCorpora', { corpora: 0, chunks: 0 }),
    activateDeployments: note('activateDeployments', { activated: 3 }),
    awaitDeployments: note('awaitDeployments', { healthy: 3, waiting: 0 }),
    freezeAndSeed: note('freezeAndSeed', { members: 3, tasks: 12 }),
    setPhase: note('setPhase', undefined),
    moveEnd: note('moveEnd', undefined),
    awaitDrain: note('awaitDrain', { expiredRows: 0, unscoredRows: 0 }),
    completeRun: note('completeRun', undefined),
    settleDeployments: note('settleDeployments', { kept: 3, retired: 0 }),
    startNextRun: note('startNextRun', { runId: 'run-2' }),
    auditSteering: note('auditSteering', undefined),
    aggregateRun: note('aggregateRun', { miners: 3, winner: 'someone' }),
    publishEvidence: note('publishEvidence', { key: 'k', sha256: 's' }),
    computeWeights: note('computeWeights', { digest: 'd', weights: {} }),
  };
  const steps = (): string[] => calls.map(([name]) => name).filter((name) => name !== 'setPhase');
  const phases = (): string[] =>
    calls.filter(([name]) => name === 'setPhase').map(([, input]) => (input as { phase: string }).phase);
  return { activities, calls, steps, phases };
}

async function start() {
  const runId = `run-${randomUUID().slice(0, 6)}`;
  return env.client.workflow.start(WORKFLOW_TYPES.runEpoch, {
    workflowId: workflowIds.run(runId),
    taskQueue: TASK_QUEUES.control,
    args: [{ runId, sequence: 1, familyId: 'general_chat' }],
  });
}

describe('runEpoch', () => {
  it('goes through its steps in order and closes on its own timer', async () => {
    const { activities, steps, phases } = recorder(10);
    const began = Date.now();
    await env.withWorkers(activities, async () => {
      const result = (await (await start()).result()) as RunProgressView;
      expect(result.phase).toBe('completed');
      expect(result.reason).toContain('run-2');
    });
    expect(Date.now() - began).toBeGreaterThanOrEqual(9000);
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
  }, 60_000);

  it('stands still while paused, and ends as much later', async () => {
    const { activities, calls, phases } = recorder(15);
    await env.withWorkers(activities, async () => {
      const handle = await start();
      await eventually(async () => expect(phases()).toContain('running'));
      const before = (await handle.query(RUN_MESSAGES.progress)) as RunProgressView;
      await handle.signal(RUN_MESSAGES.pause, { reason: 'look at it' });
      await eventually(async () => expect(phases()).toContain('paused'));
      await new Promise((resolve) => setTimeout(resolve, 3000));
      expect(((await handle.query(RUN_MESSAGES.progress)) as RunProgressView).phase).toBe('paused');
      await handle.signal(RUN_MESSAGES.resume);
      const result = (await handle.result()) as RunProgressView;
      expect(Date.parse(result.endsAt) - Date.parse(before.endsAt)).toBeGreaterThanOrEqual(2500);
    });
    const audited = calls
      .filter(([name]) => name === 'auditSteering')
      .map(([, input]) => (input as { action: string }).action);
    expect(audited).toEqual(['pause', 'resume']);
  }, 60_000);

  it('is closed now by an operator, who is answered, and a second close is refused', async () => {
    const { activities, calls } = recorder(3600);
    await env.withWorkers(activities, async () => {
      const handle = await start();
      await eventually(async () => {
        const view = (await handle.query(RUN_MESSAGES.progress)) as RunProgressView;
        expect(view.phase).toBe('running');
      });
      const view = (await handle.executeUpdate(RUN_MESSAGES.close, {
        args: [{ mode: 'now', actor: 'op', via: 'api', reason: 'enough' }],
      })) as RunProgressView;
      expect(view.runId).toMatch(/^run-/);
      await handle.result();
      await expect(handle.executeUpdate(RUN_MESSAGES.close, { args: [{}] })).rejects.toThrow();
    });
    expect(calls.find(([name]) => name === 'awaitDrain')?.[1]).toMatchObject({ mode: 'now' });
    expect(calls.some(([name]) => name === 'auditSteering')).toBe(false);
  }, 60_000);

  it('moves its end when extended, and refuses nonsense', async () => {
    const { activities, calls, phases } = recorder(3600);
    await env.withWorkers(activities, async () => {
      const handle = await start();
      await eventually(async () => expect(phases()).toContain('running'));
      await expect(handle.executeUpdate(RUN_MESSAGES.extend, { args: [{ seconds: -1 }] })).rejects.toThrow();
      const before = (await handle.query(RUN_MESSAGES.progress)) as RunProgressView;
      const after = (await handle.executeUpdate(RUN_MESSAGES.extend, {
        args: [{ seconds: 2, via: 'api' }],
      })) as RunProgressView;
      expect(Date.parse(after.endsAt) - Date.parse(before.endsAt)).toBe(2000);
      await handle.executeUpdate(RUN_MESSAGES.close, { args: [{ mode: 'now', via: 'api' }] });
      expect(((await handle.result()) as RunProgressView).endsAt).toBe(after.endsAt);
    });
    expect(calls.some(([name]) => name === 'moveEnd')).toBe(true);
  }, 60_000);

  it('retries a failing step for as long as it takes', async () => {
    const { activities, steps } = recorder(1);
    let failures = 2;
    const flaky = {
      ...activities,
      openRun: async (input: unknown) => {
        if (failures > 0) {
          failures -= 1;
          throw new Error('the dataset cannot be read');
        }
        return activities.openRun(input);
      },
    };
    await env.withWorkers(flaky, async () => {
      expect(((await (await start()).result()) as RunProgressView).phase).toBe('completed');
    });
    expect(failures).toBe(0);
    expect(steps()).toContain('startNextRun');
  }, 60_000);
});
