/**
 * Validators of a bench: they claim under signature, ask every agent through the owner's proxy, judge by rote and submit. Each
 * works on one task at a time, until nothing is left.
 */
import { createHash } from 'node:crypto';
import { InvocationClient, OwnerClient } from '../../adapters/owner-client';
import { claimedTaskSchema, type ClaimedTask } from '../../domain/validator/task';
import { benchHotkey } from './signer';

export interface ValidatorsOrder {
  url: string;
  /** Hex, one for each validator. */
  seeds: string[];
  /** Agents that a validator asks at the same time. */
  parallel: number;
}

export interface ValidatorsReport {
  seconds: number;
  asked: number;
  results: number;
  /** Milliseconds of each. */
  askMs: number[];
  claimMs: number[];
  resultMs: number[];
  failed: Record<string, number>;
}

async function work(order: ValidatorsOrder): Promise<ValidatorsReport> {
  const report: ValidatorsReport = {
    seconds: 0,
    asked: 0,
    results: 0,
    askMs: [],
    claimMs: [],
    resultMs: [],
    failed: {},
  };
  const began = performance.now();
  const invocations = new InvocationClient();
  await Promise.all(
    order.seeds.map(async (seed) => {
      const hotkey = benchHotkey(seed);
      const owner = new OwnerClient({ baseUrl: order.url, hotkey });
      for (let claims = 0; ; claims += 1) {
        const claim = await timed(report.claimMs, () =>
          owner.claimTasks('general_chat', {
            batchSize: 1,
            claimKey: `${hotkey.ss58.slice(0, 12)}-${claims}`,
          }),
        );
        const [claimed] = claim.tasks;
        if (!claimed) break;
        const task = claimedTaskSchema.parse(claimed);
        const answers = await askAll(task, invocations, order.parallel, report);
        const body = {
          fencing: task.fencing,
          judge_model: 'bench',
          miner_results: answers,
        };
        const ref = { familyId: task.family_id, taskEvaluationId: task.task_evaluation_id };
        await timed(report.resultMs, () => owner.submitResult(ref, body));
        report.results += 1;
      }
      await owner.close();
    }),
  );
  await invocations.close();
  report.seconds = (performance.now() - began) / 1000;
  return report;
}

async function askAll(
  task: ClaimedTask,
  client: InvocationClient,
  parallel: number,
  report: ValidatorsReport,
): Promise<object[]> {
  const left = [...task.miners];
  const entries: object[] = [];
  const lane = async (): Promise<void> => {
    for (let miner = left.pop(); miner; miner = left.pop()) {
      const { endpoint, auth_headers: authHeaders, hotkey } = miner;
      const body = {
        turn_id: task.task_id,
        prompt: String(task.task_payload.prompt),
        mode: 'instant' as const,
        web_search: false,
        history: [],
        inputs: {},
        task_id: task.task_id,
        family_id: task.family_id,
      };
      const outcome = await timed(report.askMs, () =>
        client.stream({ endpoint, authHeaders }, body, AbortSignal.timeout(120_000)),
      );
      report.asked += 1;
      if (outcome.kind === 'answered' && outcome.response.status === 'completed') {
        entries.push(judged(task.task_id, hotkey, outcome.response));
      } else {
        const why =
          outcome.kind === 'answered' ? (outcome.response.error ?? 'failed') : JSON.stringify(outcome);
        report.failed[why] = (report.failed[why] ?? 0) + 1;
      }
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
  return entries;
}

/** Some miners are right more often than others. */
function judged(
  taskId: string,
  hotkey: string,
  response: { output: Record<string, unknown>; metadata: Record<string, unknown> },
) {
  const skill = byteOf(hotkey) / 256;
  const right = byteOf(`${hotkey} ${taskId}`) / 256 < 0.3 + 0.6 * skill;
  const cost = response.metadata.proxy_cost_usd;
  return {
    miner_hotkey: hotkey,
    verdict: right ? 'matches' : 'partially_matches',
    agreement_score: right ? 1 : 0.6,
    miner_response: { output: response.output, citations: [], metadata: response.metadata },
    miner_citations: [{ url: 'https://example.org/a', title: 'A' }],
    judge_output: {
      verdict: right ? 'matches' : 'partially_matches',
      metadata: {
        eval_outcome: right ? 'correct' : 'partial',
        eval_guidance: 'Name the page that the number is from.',
        eval_prompt_excerpt: 'What is the number?',
        eval_response_excerpt: String(response.output.answer).slice(0, 120),
      },
    },
    miner_latency_seconds: 3.2,
    latency_seconds: 1.1,
    proxy_cost_usd: typeof cost === 'number' ? cost : null,
    judge_cost_usd: 0.001,
    pairwise_preference_score: 0.5,
    grounded_correctness: 0.9,
    instruction_safety: 1,
  };
}

function byteOf(text: string): number {
  return createHash('sha256').update(text).digest()[0] ?? 0;
}

async function timed<T>(into: number[], act: () => Promise<T>): Promise<T> {
  const began = performance.now();
  try {
    return await act();
  } finally {
    into.push(performance.now() - began);
  }
}

process.on('message', (order: ValidatorsOrder) => {
  work(order).then(
    (report) => process.send?.(report),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    },
  );
});
