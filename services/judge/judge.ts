import { LlmError, type ChatMessage, type LlmClient } from '../../adapters/llm';
import { messageOf, type Logger } from '../../adapters/logging';
import {
  EVAL_OUTCOMES,
  JUDGE_RUBRIC_VERSION,
  MULTI_METRICS,
  type EvalRequest,
  type EvalResponse,
  type MultiRequest,
  type MultiResponse,
  type PairwiseRequest,
  type PairwiseResponse,
} from '../../domain/contracts/judge';
import { canonicalJson, digestOf } from '../../domain/evidence/canonical';
import { HttpError } from '../../domain/http-errors';
import { costMicroUsd, microToUsd } from '../../domain/pricing/cost';
import { findPrice } from '../../domain/pricing/prices';
import { contextOf } from './bundle';
import { ResultCache } from './cache';
import type { JudgeConfig } from './config';
import { fence, neutralise, shorten, wellFormed } from '../../domain/prompts/fence';
import { judgementFiles, type JudgementStore } from './store';
import { MalformedJudgement, parseReply, readEval, readMulti, readPairwise } from './normalise';
import { EVAL_PROMPT, EVAL_PROMPT_WITH_CLAIMS } from '../../domain/prompts/judge/eval';
import { multiPrompt } from '../../domain/prompts/judge/multi';
import { PAIRWISE_PROMPT } from '../../domain/prompts/judge/pairwise';
import { PROMPTS_VERSION } from '../../domain/prompts/judge/shared';

interface Question<T> {
  kind: 'pairwise' | 'multi' | 'eval';
  system: string;
  envelope: Record<string, unknown>;
  read: (reply: Record<string, unknown>) => T;
}

type Costed<T> = T & { cost_usd: number | null };

const MAX_CITATIONS = 50;
const MAX_CITATION_CHARS = 2048;
/** The name that the judge's own endpoint has in the model client. */
export const JUDGE_ENDPOINT = 'judge';

/**
 * Puts questions to the judge model (evaluation.md 4.2 to 4.4). The same question gives the same judgement as long as it
 * is kept, over restarts too, whatever the model would say the second time. All methods throw HttpError: 500 for a judge that is
 * not configured or does not make sense even when asked again, 503 and 504 for one that is away for a while.
 */
export class Judge {
  private readonly cache: ResultCache<object>;
  private readonly store: JudgementStore | null;

  constructor(
    private readonly config: JudgeConfig,
    private readonly llm: LlmClient,
    private readonly logger: Logger,
  ) {
    this.cache = new ResultCache(config.cacheEntries);
    this.store = config.cacheDir === null ? null : judgementFiles(config.cacheDir);
  }

  pairwise(request: PairwiseRequest): Promise<PairwiseResponse> {
    const [a = '', b = ''] = request.bundle.answers;
    const always = {
      answer_a: fence('ANSWER_A', shorten(a)),
      answer_b: fence('ANSWER_B', shorten(b)),
      ...expected(request.expected_answer),
    };
    return this.ask({
      kind: 'pairwise',
      system: PAIRWISE_PROMPT,
      envelope: contextOf(request.bundle, always, false),
      read: readPairwise,
    });
  }

  multi(request: MultiRequest): Promise<MultiResponse> {
    const metrics = MULTI_METRICS.filter((metric) => request.applicable_metrics.includes(metric));
    if (metrics.length === 0) {
      return Promise.resolve({ ...readMulti({}, []), cost_usd: 0 });
    }
    const citations = request.candidate_citations
      .slice(0, MAX_CITATIONS)
      .map((citation) => citation.slice(0, MAX_CITATION_CHARS));
    const always = {
      candidate_response: fence('CANDIDATE_RESPONSE', shorten(request.bundle.answers[0] ?? '')),
      candidate_citations: fence('CITATIONS', citations.join('\n')),
      metrics,
      ...expected(request.expected_answer),
    };
    return this.ask({
      kind: 'multi',
      system: multiPrompt(metrics),
      envelope: contextOf(request.bundle, always, false),
      read: (reply) => readMulti(reply, metrics),
    });
  }

  evaluate(request: EvalRequest): Promise<EvalResponse> {
    const always = {
      allowed_outcomes: EVAL_OUTCOMES.filter(
        (outcome) => outcome !== 'disputed' || request.oracle_source === 'three_oracle',
      ),
      candidate_response: fence('CANDIDATE_RESPONSE', shorten(request.bundle.answers[0] ?? '')),
      must_not_claim: request.must_not_claim.map(neutralise),
      oracle_source: request.oracle_source,
      ...(request.required_tool ? { required_tool: neutralise(request.required_tool) } : {}),
      ...(request.report_missing_claims ? { report_missing_claims: true } : {}),
      ...expected(request.expected_answer),
    };
    return this.ask({
      kind: 'eval',
      system: request.report_missing_claims ? EVAL_PROMPT_WITH_CLAIMS : EVAL_PROMPT,
      envelope: contextOf(request.bundle, always, true),
      read: (reply) => readEval(reply, request),
    });
  }

  private ask<T extends object>(question: Question<T>): Promise<Costed<T>> {
    const { kind, system, envelope } = question;
    // The system prompt is in the key by itself: what is asked of the model decides, not a version that someone forgot.
    const { model } = this.config;
    const rubric = JUDGE_RUBRIC_VERSION;
    const key = digestOf({ kind, system, envelope, model, rubric, version: PROMPTS_VERSION });
    return this.cache.get(key, () => this.kept(key, question)) as Promise<Costed<T>>;
  }

  /** The judgement that was kept, else a new one. A disk that fails costs a repeated judgement, not a task. */
  private async kept<T extends object>(key: string, question: Question<T>): Promise<object> {
    const { store } = this;
    if (!store) return this.judge(question);
    const lost = (error: unknown): null => {
      this.logger.error('kept judgements cannot be read or written', { reason: messageOf(error) });
      return null;
    };
    const present = await store.get(key).catch(lost);
    if (present) return present;
    const judged = await this.judge(question);
    return (await store.keep(key, judged).catch(lost)) ?? judged;
  }

  private async judge<T extends object>(question: Question<T>): Promise<Costed<T>> {
    const messages: ChatMessage[] = [
      { role: 'system', content: question.system },
      { role: 'user', content: canonicalJson(question.envelope) },
    ];
    const first = await this.call(messages);
    const read = this.tryRead(question, first.text);
    if (read.ok) return { ...read.value, cost_usd: first.costUsd };
    this.logger.warn('the judge model gave a malformed judgement and is asked again', {
      kind: question.kind,
      reason: read.reason,
    });
    const second = await this.call([
      ...messages,
      { role: 'assistant', content: first.text },
      {
        role: 'user',
        content: canonicalJson({ repair: `${read.reason}. Reply again, with the JSON object only.` }),
      },
    ]);
    const repaired = this.tryRead(question, second.text);
    if (!repaired.ok) {
      this.logger.error('the judge model gave a malformed judgement twice', {
        kind: question.kind,
        reason: repaired.reason,
      });
      throw new HttpError(500, `judge model returned malformed output: ${repaired.reason}`);
    }
    const cost = first.costUsd === null || second.costUsd === null ? null : first.costUsd + second.costUsd;
    return { ...repaired.value, cost_usd: cost === null ? null : Number(cost.toFixed(6)) };
  }

  private tryRead<T>(
    question: Question<T>,
    text: string,
  ): { ok: true; value: T } | { ok: false; reason: string } {
    try {
      return { ok: true, value: question.read(parseReply(text)) };
    } catch (error) {
      if (error instanceof MalformedJudgement) return { ok: false, reason: error.message };
      throw error;
    }
  }

  private async call(messages: ChatMessage[]): Promise<{ text: string; costUsd: number | null }> {
    const { model, maxTokens, timeoutMs } = this.config;
    try {
      const { text, usage } = await this.llm.chat({
        provider: JUDGE_ENDPOINT,
        model,
        messages,
        temperature: 0,
        maxTokens,
        responseFormat: 'json_object',
        timeoutMs,
      });
      return { text: wellFormed(text), costUsd: usage ? this.costOf(usage) : null };
    } catch (error) {
      if (error instanceof LlmError) throw this.outage(error);
      throw error;
    }
  }

  private costOf(usage: Parameters<typeof costMicroUsd>[2]): number | null {
    const { pricedAs, model, prices } = this.config;
    if (!pricedAs || !findPrice(pricedAs, model, prices)) return null;
    return microToUsd(costMicroUsd(pricedAs, model, usage, prices));
  }

  private outage(error: LlmError): HttpError {
    this.logger.warn('the judge model failed', { kind: error.kind, reason: messageOf(error) });
    switch (error.kind) {
      case 'rate_limited':
      case 'provider_down':
      case 'cancelled':
        return new HttpError(503, `judge model is unavailable: ${error.message}`);
      case 'timeout':
        return new HttpError(504, `judge model is unavailable: ${error.message}`);
      case 'not_configured':
        return new HttpError(
          500,
          'judge model is not configured: set EIREL_EVAL_JUDGE_BASE_URL, EIREL_EVAL_JUDGE_API_KEY and EIREL_EVAL_JUDGE_MODEL',
        );
      case 'unknown_model':
      case 'refused':
      case 'too_long':
        return new HttpError(500, `judge model call failed: ${error.message}`);
    }
  }
}

function expected(answer: string | null | undefined): { expected_answer?: string } {
  return answer ? { expected_answer: fence('EXPECTED_ANSWER', answer) } : {};
}
