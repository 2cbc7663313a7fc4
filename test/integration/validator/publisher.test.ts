import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { Registry } from 'prom-client';
import { createLogger } from '../../../adapters/logging';
import { OwnerClient } from '../../../adapters/owner-client';
import { publicationTaskQueue, WORKFLOW_TYPES, workflowIds } from '../../../domain/messages';
import { createValidatorMetrics } from '../../../services/validator-engine/metrics';
import { WeightPublisher } from '../../../services/validator-engine/publisher';
import { workflowEnvironment, type WorkflowEnvironment } from '../../workflow/environment';
import { eventually, validatorKey } from './harness';
import { TestOwner } from './owner';

jest.setTimeout(120_000);

let temporal: WorkflowEnvironment;
let owner: TestOwner;
let client: OwnerClient;
const publishers: WeightPublisher[] = [];

beforeAll(async () => {
  temporal = await workflowEnvironment();
});
afterAll(() => temporal.close());
beforeEach(async () => {
  owner = new TestOwner();
  await owner.start();
  client = new OwnerClient({ baseUrl: owner.url, hotkey: validatorKey });
});
afterEach(async () => {
  await Promise.all(publishers.splice(0).map((publisher) => publisher.stop()));
  await client.close();
  await owner.kill();
});

/** Its own hotkey per test, so that tests do not see each other's workflows. */
function publisher(hotkey: string, intervalMs = 600_000): WeightPublisher {
  const made = new WeightPublisher({
    owner: client,
    // The connection is the test's; the publisher closes its own in production.
    connect: () =>
      Promise.resolve({
        workflow: temporal.client.workflow,
        connection: { close: () => Promise.resolve() },
      } as never),
    hotkey,
    netuid: 7,
    family: 'general_chat',
    intervalMs,
    pollMs: 50,
    metrics: createValidatorMetrics(new Registry()),
    logger: createLogger('publisher-test', 'silent'),
  });
  publishers.push(made);
  made.start();
  return made;
}

const completed = (runId: string) => {
  owner.weights = { run_id: runId, ready: true, weights: { a: 1 }, family_winners: [] };
};
const last = (of: WeightPublisher) => of.status().last_publication;
const descriptionOf = (runId: string, hotkey: string, interval = 0) =>
  temporal.client.workflow.getHandle(workflowIds.publication(runId, hotkey, interval)).describe();

it('publishes nothing before a run has completed, then at once and once, also after a restart', async () => {
  const hotkey = '5PublishOnce';
  const first = publisher(hotkey);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(first.status()).toEqual({ last_publication: null, last_error: null });
  completed('run-1');
  await eventually('a publication', () => last(first) !== null);
  const begun = await descriptionOf('run-1', hotkey);
  expect(begun).toMatchObject({
    type: WORKFLOW_TYPES.chainPublication,
    taskQueue: publicationTaskQueue(hotkey),
  });
  expect(begun.status.name).toBe('RUNNING');
  for (const [name, value] of Object.entries({
    EirelKind: 'publication',
    EirelRunId: 'run-1',
    EirelHotkey: hotkey,
    EirelFamily: 'general_chat',
    EirelStatus: 'started',
  })) {
    expect(begun.typedSearchAttributes.get(defineSearchAttributeKey(name, SearchAttributeType.KEYWORD))).toBe(
      value,
    );
  }
  const history = await temporal.client.workflow.getHandle(begun.workflowId).fetchHistory();
  const payload = history.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data;
  expect(JSON.parse(Buffer.from(payload as Uint8Array).toString())).toEqual({
    runId: 'run-1',
    hotkey,
    netuid: 7,
  });

  await first.stop();
  const second = publisher(hotkey);
  await eventually('the second to see it', () => last(second) !== null);
  expect((await descriptionOf('run-1', hotkey)).runId).toBe(begun.runId);
});

it('never begins a publication again that has ended well, and goes on with the next interval', async () => {
  const hotkey = '5PublishAgain';
  completed('run-1');
  const input = { runId: 'run-1', hotkey, netuid: 7 };
  // A publication that completed before this engine began: cancelled workflows end well without a chain.
  const handle = await temporal.client.workflow.start(WORKFLOW_TYPES.chainPublication, {
    workflowId: workflowIds.publication('run-1', hotkey, 0),
    taskQueue: publicationTaskQueue(hotkey),
    args: [input],
  });
  await handle.signal('cancel');
  const activities = { loadWeights: () => Promise.resolve({ runId: 'run-1', weights: {} }) };
  await temporal.withWorkers(activities, () => handle.result(), [publicationTaskQueue(hotkey)]);
  const { startTime, runId } = await handle.describe();

  const wait = 2500;
  const engine = publisher(hotkey, wait);
  await eventually(
    'an interval',
    () => (last(engine)?.interval ?? 0) > 0 && last(engine)?.started_at != null,
  );
  const again = last(engine);
  expect((await handle.describe()).runId).toBe(runId);
  expect(again?.interval).toBe(
    Math.floor((Date.parse(again?.started_at ?? '') - startTime.getTime()) / wait),
  );
  // Another interval passes while this one still waits for its worker: one extrinsic at a time.
  await new Promise((resolve) => setTimeout(resolve, wait + 300));
  expect(last(engine)?.workflow_id).toBe(again?.workflow_id);
});

it('asks an older run to give way as soon as a newer one has completed', async () => {
  const hotkey = '5PublishNewer';
  completed('run-1');
  const engine = publisher(hotkey);
  await eventually('the first', () => last(engine)?.run_id === 'run-1');
  completed('run-2');
  await eventually('the second', () => last(engine)?.run_id === 'run-2');
  const history = await temporal.client.workflow
    .getHandle(workflowIds.publication('run-1', hotkey))
    .fetchHistory();
  const signals = (history.events ?? []).flatMap(
    ({ workflowExecutionSignaledEventAttributes: signal }) => signal?.signalName ?? [],
  );
  expect(signals).toEqual(['cancel']);
});
