/** The oracle layer as a workflow, on a real Temporal server, with real activities over a local store and real HTTP. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEnrichmentActivities, type EnrichmentActivities } from '../../activities/enrichment';
import { filesystemEnrichmentStore, type LocalEnrichmentStore } from '../../adapters/enrichment-store';
import { createOracleClient, oracleConfigFromEnv } from '../../adapters/oracle';
import {
  ENRICHMENT_MESSAGES,
  oracleTaskQueue,
  TASK_QUEUES,
  WORKFLOW_TYPES,
  workflowIds,
  type EnrichmentView,
} from '../../domain/messages';
import { startLlmStandin, type LlmStandin, type ScriptedAnswer } from '../../demo/standins/llm';
import { eventually, workflowEnvironment, type WorkflowEnvironment } from './environment';

type Role = 'openai' | 'gemini' | 'grok' | 'reconciler';
const MODEL_ROLE: Record<string, Role> = {
  'gpt-5.4': 'openai',
  'gemini-3.1-pro-preview': 'gemini',
  'grok-4.3': 'grok',
  'zai-org/GLM-5.1-TEE': 'reconciler',
};
const ROLES: Role[] = ['openai', 'gemini', 'grok', 'reconciler'];

/** The workers are the same for all tests, and each run has activities of its own settings. */
const benches = new Map<string, EnrichmentActivities>();
const activitiesOfRuns = Object.fromEntries(
  (
    [
      'planEnrichment',
      'askOracle',
      'reconcileAnswers',
      'noteWaiting',
      'settleEnrichment',
      'failEnrichment',
    ] satisfies (keyof EnrichmentActivities)[]
  ).map((name) => [
    name,
    (input: { runId: string }) => {
      const activities = benches.get(input.runId);
      if (activities === undefined) throw new Error(`no bench has run ${input.runId}`);
      return activities[name](input as never);
    },
  ]),
);
let workers: Promise<void>;
let stopWorkers: () => void;

let env: WorkflowEnvironment;
let standin: LlmStandin;
let root: string;
let script: (role: Role, count: number) => ScriptedAnswer | undefined = () => undefined;
const counts: Record<Role, number> = { openai: 0, gemini: 0, grok: 0, reconciler: 0 };

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'enrichment-'));
  standin = await startLlmStandin({
    script: ({ model }) => {
      const role = MODEL_ROLE[model];
      if (!role) return undefined;
      counts[role] += 1;
      return script(role, counts[role]);
    },
  });
  env = await workflowEnvironment();
  await new Promise<void>((ready, failed) => {
    workers = env
      .withWorkers(
        activitiesOfRuns,
        () => {
          ready();
          return new Promise<void>((resolve) => (stopWorkers = resolve));
        },
        ROLES.map((role) => oracleTaskQueue(TASK_QUEUES.llm, role)),
      )
      .catch(failed);
  });
}, 90_000);
afterAll(async () => {
  stopWorkers();
  await workers;
  await env.close();
  await standin.close();
  await rm(root, { recursive: true, force: true });
});
beforeEach(() => {
  for (const role of ROLES) counts[role] = 0;
  script = () => undefined;
});

const says = (answer: string): ScriptedAnswer => ({ content: JSON.stringify({ answer }) });
/** Oracles say what the table says, the reconciler works by itself. */
const saying = (table: Partial<Record<Role, ScriptedAnswer>>) => (role: Role) => table[role];

interface Bench {
  store: LocalEnrichmentStore;
  key: { runId: string; familyId: string; taskId: string };
  start: () => ReturnType<typeof env.client.workflow.start>;
}

async function onBench<T>(
  test: (bench: Bench) => Promise<T>,
  options: { without?: Role[]; env?: NodeJS.ProcessEnv; payload?: object } = {},
): Promise<T> {
  const base = standin.baseUrl.replace(/\/v1$/, '');
  const settings: NodeJS.ProcessEnv = { EIREL_ENRICHMENT_ROUND_SECONDS: '1', ...options.env };
  for (const role of ROLES.filter((name) => !options.without?.includes(name))) {
    const prefix = role === 'reconciler' ? 'EIREL_RECONCILER' : `EIREL_ORACLE_${role.toUpperCase()}`;
    settings[`${prefix}_API_KEY`] = `sk-key-of-${role}`;
    settings[`${prefix}_BASE_URL`] = `${base}/${role === 'gemini' ? 'v1beta' : 'v1'}`;
    settings[`${prefix}_ATTEMPTS`] ??= '2';
  }
  const config = oracleConfigFromEnv(settings);
  const store = filesystemEnrichmentStore(join(root, randomUUID()), '5Validator');
  const key = { runId: `run-${randomUUID()}`, familyId: 'general_chat', taskId: 'task-1' };
  await store.offer(key, {
    prompt: 'Which?',
    oracle_source: 'three_oracle',
    expected_output: { must_not_claim: ['the moon'] },
    ...options.payload,
  });
  benches.set(key.runId, createEnrichmentActivities({ store, oracles: createOracleClient(config), config }));
  return test({
    store,
    key,
    start: () =>
      env.client.workflow.start(WORKFLOW_TYPES.taskEnrichment, {
        workflowId: workflowIds.enrichment(key.runId, key.taskId),
        taskQueue: TASK_QUEUES.control,
        args: [{ ...key, queue: TASK_QUEUES.llm }],
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
      }),
  });
}

describe('taskEnrichment', () => {
  it('finds consensus, majority and dispute, each vendor asked once', async () => {
    for (const [answers, status, claims] of [
      [['Blue.', 'Blue.', 'Blue.'], 'consensus', ['Blue.']],
      [['Blue.', 'Blue.', 'Green.'], 'majority', ['Blue.']],
      [['Blue.', 'Red.', 'Green.'], 'disputed', []],
    ] as const) {
      for (const role of ROLES) counts[role] = 0;
      script = saying({ openai: says(answers[0]), gemini: says(answers[1]), grok: says(answers[2]) });
      await onBench(async ({ start, store, key }) => {
        const view = (await (await start()).result()) as EnrichmentView;
        expect(view).toMatchObject({ step: 'settled', oracleStatus: status, round: 1 });
        const record = await store.record(key);
        expect(record).toMatchObject({
          side: 'validator',
          validator_hotkey: '5Validator',
          oracle_status: status,
          expected_claims: claims,
          must_not_claim: ['the moon'],
          reference: { text: 'Blue.', source: 'openai' },
        });
        expect(record?.vendors.map((vendor) => vendor.vendor)).toEqual(['openai', 'gemini', 'grok']);
        expect(record?.cost_micro_usd).toBeGreaterThan(0);
        expect(record?.reconciliation?.prompt_version).toMatch(/^reconciler_v1#/);
      });
      expect(counts).toEqual({ openai: 1, gemini: 1, grok: 1, reconciler: 1 });
    }
  }, 120_000);

  it('settles by two answers when the third stays away, and tells its reason', async () => {
    script = (role) =>
      role === 'grok' ? { status: 503 } : role === 'reconciler' ? undefined : says('Blue.');
    await onBench(async ({ start, store, key }) => {
      const view = (await (await start()).result()) as EnrichmentView;
      expect(view.oracleStatus).toBe('consensus');
      expect(view.oracles.grok).toMatchObject({ state: 'waiting' });
      const record = await store.record(key);
      expect(record?.vendors[2]).toMatchObject({ vendor: 'grok', status: 'error' });
      expect(record?.vendors[2]?.error_msg).toMatch(/^provider_error: HTTP 503/);
    });
    expect(counts.grok).toBe(2);
  }, 60_000);

  it('works with two oracles; with one it is disputed and nobody is asked', async () => {
    script = saying({ openai: says('Blue.'), grok: says('Blue.') });
    await onBench(
      async ({ start, store, key }) => {
        expect(((await (await start()).result()) as EnrichmentView).oracleStatus).toBe('consensus');
        expect((await store.record(key))?.vendors).toHaveLength(2);
      },
      { without: ['gemini'] },
    );
    for (const role of ROLES) counts[role] = 0;
    await onBench(
      async ({ start, store, key }) => {
        await (await start()).result();
        expect(await store.record(key)).toMatchObject({
          oracle_status: 'disputed',
          disagreement_note: 'oracle_layer_not_configured',
          expected_claims: [],
          must_not_claim: ['the moon'],
        });
      },
      { without: ['gemini', 'grok'] },
    );
    expect(counts).toEqual({ openai: 0, gemini: 0, grok: 0, reconciler: 0 });
  }, 90_000);

  it('is disputed when answers are blocked and malformed: asking again would change nothing', async () => {
    script = saying({
      openai: says('Blue.'),
      gemini: { body: { promptFeedback: { blockReason: 'SAFETY' } } },
      grok: { content: 'no JSON' },
    });
    await onBench(async ({ start, store, key }) => {
      await (await start()).result();
      expect(await store.record(key)).toMatchObject({
        oracle_status: 'disputed',
        disagreement_note: 'only 1/3 oracles returned usable answers',
        expected_claims: [],
        reconciliation: null,
        reference: { text: 'Blue.', source: 'openai' },
      });
    });
    expect(counts).toEqual({ openai: 1, gemini: 1, grok: 2, reconciler: 0 });
  }, 60_000);

  it('says who it waits for and when it asks again, and asks now when told to', async () => {
    let down = true;
    script = (role) => {
      if (role === 'reconciler') return undefined;
      return role !== 'openai' && down ? { status: 401 } : says('Blue.');
    };
    await onBench(
      async ({ start }) => {
        const handle = await start();
        await eventually(async () => {
          const view = (await handle.query(ENRICHMENT_MESSAGES.status)) as EnrichmentView;
          expect(view.step).toBe('waiting');
          expect(view.reason).toMatch(
            /waiting for gemini \(provider_error: HTTP 401.*grok.*asked again at 20/,
          );
          expect(view.nextAttempt).not.toBeNull();
          expect(view.oracles.openai?.state).toBe('answered');
        });
        down = false;
        await handle.signal(ENRICHMENT_MESSAGES.askAgain);
        const view = (await handle.result()) as EnrichmentView;
        expect(view).toMatchObject({ oracleStatus: 'consensus', round: 2 });
      },
      { env: { EIREL_ENRICHMENT_ROUND_SECONDS: '600' } },
    );
    // The one that had answered was not paid again.
    expect(counts.openai).toBe(1);
  }, 60_000);

  it('gives up after its time, fails visibly, and goes on where it was when it is started again', async () => {
    let down = true;
    script = (role) =>
      role === 'reconciler' && down ? { status: 503 } : role === 'reconciler' ? undefined : says('Blue.');
    await onBench(
      async ({ start, store, key }) => {
        await expect((await start()).result()).rejects.toMatchObject({
          cause: {
            type: 'EnrichmentFailed',
            message: expect.stringMatching(/reconciler \(provider_error: HTTP 503/) as string,
          },
        });
        expect(await store.record(key)).toBeNull();
        down = false;
        const view = (await (await start()).result()) as EnrichmentView;
        expect(view.oracleStatus).toBe('consensus');
      },
      { env: { EIREL_ENRICHMENT_GIVE_UP_SECONDS: '2' } },
    );
    expect(counts).toMatchObject({ openai: 1, gemini: 1, grok: 1 });
  }, 60_000);

  it('is disputed when the reconciler makes no sense twice', async () => {
    script = saying({
      openai: says('Blue.'),
      gemini: says('Blue.'),
      grok: says('Blue.'),
      reconciler: { content: '{"claims": NaN}' },
    });
    await onBench(async ({ start, store, key }) => {
      await (await start()).result();
      const record = await store.record(key);
      expect(record).toMatchObject({ oracle_status: 'disputed', expected_claims: [] });
      expect(record?.disagreement_note).toMatch(/^reconciler_malformed_json: /);
    });
  }, 60_000);

  it('never calls a vendor for a task with a fixed answer', async () => {
    await onBench(
      async ({ start }) => {
        const view = (await (await start()).result()) as EnrichmentView;
        expect(view).toMatchObject({ step: 'not_needed', oracleStatus: 'deterministic' });
      },
      { payload: { oracle_source: 'deterministic' } },
    );
    expect(counts).toEqual({ openai: 0, gemini: 0, grok: 0, reconciler: 0 });
  }, 60_000);
});
