/** Three days pass in a moment: the boundaries of a run are timers of the server, not of anybody who calls. */
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { SEARCH_ATTRIBUTES, TASK_QUEUES, WORKFLOW_TYPES, type RunProgressView } from '../../domain/messages';
import { timeSkippingServer } from '../harness/stack';
import { workflowBundle } from './environment';

const KEYWORD = 2;
const DAY_MS = 86_400_000;
let env: TestWorkflowEnvironment;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  env = await TestWorkflowEnvironment.createTimeSkipping({ server: await timeSkippingServer() });
  // The test server answers no question about attributes, so they are simply added.
  await env.connection.operatorService.addSearchAttributes({
    namespace: env.namespace ?? 'default',
    searchAttributes: Object.fromEntries(SEARCH_ATTRIBUTES.map((name) => [name, KEYWORD])),
  });
}, 120_000);
afterAll(() => env?.teardown());

it('opens and closes a scheduled run of three days to the second, with nobody calling', async () => {
  const now = await env.currentTimeMs();
  const startsAt = now + DAY_MS;
  const endsAt = startsAt + 3 * DAY_MS;
  const at: Record<string, number> = {};
  const note =
    <T>(name: string, answer: T) =>
    async (): Promise<T> => {
      at[name] = await env.currentTimeMs();
      return answer;
    };
  const activities = {
    loadRun: note('loadRun', {
      startsAt: new Date(startsAt).toISOString(),
      endsAt: new Date(endsAt).toISOString(),
    }),
    openRun: note('openRun', { taskCount: 100 }),
    indexCorpora: note('indexCorpora', { corpora: 0, chunks: 0 }),
    activateDeployments: note('activateDeployments', { activated: 1 }),
    awaitDeployments: note('awaitDeployments', { healthy: 1, waiting: 0 }),
    freezeAndSeed: note('freezeAndSeed', { members: 1, tasks: 100 }),
    setPhase: note('setPhase', undefined),
    awaitDrain: note('awaitDrain', { expiredRows: 0, unscoredRows: 0 }),
    completeRun: note('completeRun', undefined),
    settleDeployments: note('settleDeployments', { kept: 1, retired: 0 }),
    startNextRun: note('startNextRun', { runId: 'run-2' }),
    aggregateRun: note('aggregateRun', { miners: 1, winner: null }),
    publishEvidence: note('publishEvidence', { key: 'k', sha256: 's' }),
    computeWeights: note('computeWeights', { digest: 'd', weights: {} }),
  };
  const worker = await Worker.create({
    connection: env.nativeConnection,
    taskQueue: TASK_QUEUES.control,
    workflowBundle: await workflowBundle(),
    activities,
  });
  const result = (await worker.runUntil(
    env.client.workflow.execute(WORKFLOW_TYPES.runEpoch, {
      workflowId: 'run/three-days',
      taskQueue: TASK_QUEUES.control,
      args: [{ runId: 'run-1', sequence: 1, familyId: 'general_chat' }],
    }),
  )) as RunProgressView;
  expect(result.phase).toBe('completed');
  expect(Math.abs((at.openRun ?? 0) - startsAt)).toBeLessThan(1000);
  expect(Math.abs((at.awaitDrain ?? 0) - endsAt)).toBeLessThan(1000);
}, 120_000);
