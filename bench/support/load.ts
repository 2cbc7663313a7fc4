/**
 * The load generator: a process of its own, so that what it costs is not taken for the API's. What can be signed
 * beforehand is; a result is signed when its task is known.
 */
import { randomUUID } from 'node:crypto';
import { Pool } from 'undici';
import { benchHotkey } from './signer';
import { signRequest } from '../../adapters/keys/sign';
import type { Hotkey } from '../../adapters/keys/types';
import { startSeconds, type LoadOrder, type LoadReport } from './load-contract';

const CLAIM = '/v1/families/general_chat/tasks/claim';
const CLAIM_BODY = '{"batch_size": 1}';

interface Answer {
  status: number;
  text: string;
  ms: number;
}

class Load {
  private readonly pool: Pool;
  private readonly signers: Hotkey[];
  private readonly times: Record<string, number[]> = {};
  private readonly done: Record<string, number> = {};
  /** Times are kept from then on. */
  private from = 0;
  private readonly refused: Record<string, number> = {};

  constructor(private readonly order: LoadOrder) {
    this.pool = new Pool(order.url, { connections: order.clients, pipelining: 1 });
    this.signers = order.seeds.map((seed) => benchHotkey(seed));
  }

  async run(): Promise<LoadReport> {
    const { clients, seconds, kind } = this.order;
    const steps = Array.from({ length: clients }, (_, index) => this.stepOf(kind, index));
    const cpu = process.cpuUsage();
    this.from = performance.now() + startSeconds(this.order) * 1000;
    const until = this.from + seconds * 1000;
    await Promise.all(
      steps.map(async (step) => {
        while (performance.now() < until && (await step()));
      }),
    );
    const took = (performance.now() - this.from) / 1000;
    const used = process.cpuUsage(cpu);
    await this.pool.close();
    return {
      times: this.times,
      done: this.done,
      refused: this.refused,
      seconds: took,
      cpuSeconds: (used.user + used.system) / 1e6,
    };
  }

  /** What one client does again and again; false when there is nothing left to do. */
  private stepOf(kind: LoadOrder['kind'], index: number): () => Promise<boolean> {
    const signer = this.signers[index % this.signers.length] as Hotkey;
    if (kind === 'reads') return this.reader(signer);
    const claim = this.claimer(signer);
    if (kind === 'claims') return async () => (await claim()) !== null;
    const entries = (this.order.miners ?? []).map((miner) => this.entry(miner));
    const rest = Buffer.from(`,"judge_model":"bench","miner_results":[${entries.join(',')}]}`);
    return async () => {
      const began = performance.now();
      const item = await claim();
      if (!item) return false;
      const body = Buffer.concat([Buffer.from(`{"fencing":${item.fencing}`), rest]);
      const path = `/v1/families/general_chat/task-evaluations/${item.task_evaluation_id}/result`;
      const headers = signRequest(signer, { method: 'POST', path, body });
      const ok = await this.send('result', 'POST', path, headers, body);
      if (ok) this.note('cycle', performance.now() - began);
      return true;
    };
  }

  private reader(signer: Hotkey): () => Promise<boolean> {
    const path = this.order.path as string;
    // A read has no effect, so a signature may be used again; some are made so that not all are the same bytes.
    const signed = Array.from({ length: 64 }, () => signRequest(signer, { method: 'GET', path }));
    let next = 0;
    return async () => {
      await this.send('read', 'GET', path, signed[next++ % signed.length] as Record<string, string>);
      return true;
    };
  }

  private claimer(signer: Hotkey): () => Promise<{ task_evaluation_id: string; fencing: number } | null> {
    return async () => {
      const headers = signRequest(signer, { method: 'POST', path: CLAIM, body: CLAIM_BODY });
      const answer = await this.send('claim', 'POST', CLAIM, headers, CLAIM_BODY);
      if (!answer) return null;
      const { tasks } = JSON.parse(answer.text) as {
        tasks: { task_evaluation_id: string; fencing: number }[];
      };
      return tasks[0] ?? null;
    };
  }

  private async send(
    operation: string,
    method: 'GET' | 'POST',
    path: string,
    headers: Record<string, string>,
    body?: string | Buffer,
  ): Promise<Answer | null> {
    const began = performance.now();
    const response = await this.pool.request({
      method,
      path,
      headers: { ...headers, ...(body ? { 'content-type': 'application/json' } : {}) },
      body: body ?? null,
    });
    const text = await response.body.text();
    const ms = performance.now() - began;
    if (response.statusCode < 200 || response.statusCode > 299) {
      const why = `${operation} ${response.statusCode} ${text.slice(0, 120)}`;
      this.refused[why] = (this.refused[why] ?? 0) + 1;
      return null;
    }
    this.note(operation, ms);
    return { status: response.statusCode, text, ms };
  }

  private note(operation: string, ms: number): void {
    this.done[operation] = (this.done[operation] ?? 0) + 1;
    if (performance.now() - ms >= this.from) (this.times[operation] ??= []).push(ms);
  }

  /** A judged entry whose miner's answer makes up the size of the body, in words that do not compress too well. */
  private entry(miner: string): string {
    const share = (this.order.bodyBytes ?? 50_000) / Math.max(1, this.order.miners?.length ?? 1);
    let answer = '';
    while (answer.length < share - 700) answer += `${randomUUID().slice(0, 8)} is what the source says; `;
    return JSON.stringify({
      miner_hotkey: miner,
      verdict: 'matches',
      agreement_score: 1,
      miner_response: { output: { answer }, citations: [], metadata: { model: 'bench' } },
      miner_citations: [{ url: 'https://example.org/a', title: 'A' }],
      judge_output: {
        verdict: 'matches',
        metadata: {
          eval_outcome: 'correct',
          eval_guidance: 'Name the page that the number is from.',
          eval_prompt_excerpt: 'What is the number?',
          eval_response_excerpt: answer.slice(0, 120),
        },
      },
      miner_latency_seconds: 3.2,
      latency_seconds: 1.1,
      proxy_cost_usd: 0.002,
      judge_cost_usd: 0.001,
      pairwise_preference_score: 0.5,
      grounded_correctness: 0.9,
      instruction_safety: 1,
    });
  }
}

// Whoever ordered it is gone.
process.on('disconnect', () => process.exit());

process.on('message', (order: LoadOrder) => {
  new Load(order).run().then(
    (report) => process.send?.(report),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    },
  );
});
