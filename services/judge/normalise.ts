import {
  categoryScoresSchema,
  EVAL_OUTCOMES,
  FAILURE_MODES,
  GUIDANCE_MAX_CHARS,
  metricScoreSchema,
  MULTI_METRICS,
  PAIRWISE_CATEGORIES,
  type CategoryScores,
  type EvalOutcome,
  type EvalRequest,
  type EvalResponse,
  type FailureMode,
  type MultiMetric,
  type MultiResponse,
  type PairwiseResponse,
} from '../../domain/contracts/judge';

/** What the model said cannot be read as a judgement; the message tells the model what to mend. */
export class MalformedJudgement extends Error {
  override readonly name = 'MalformedJudgement';
}

type Verdict<T> = Omit<T, 'cost_usd'>;

/**
 * Reads a model's reply as a JSON object; one code fence around it is forgiven.
 * @throws MalformedJudgement
 */
export function parseReply(text: string): Record<string, unknown> {
  const inner = /^\s*```(?:json)?\s*([\s\S]*?)\s*```\s*$/.exec(text)?.[1] ?? text;
  let value: unknown;
  try {
    value = JSON.parse(inner);
  } catch {
    throw new MalformedJudgement('the reply is not JSON');
  }
  if (!isObject(value)) throw new MalformedJudgement('the reply is not a JSON object');
  return value;
}

/**
 * evaluation.md 4.2. Scores of a category that are not two whole numbers from 0 to 5 are left out; they inform only.
 * @throws MalformedJudgement without a winner, or with a confidence out of range
 */
export function readPairwise(reply: Record<string, unknown>): Verdict<PairwiseResponse> {
  const said = typeof reply.winner === 'string' ? reply.winner.trim().toLowerCase() : '';
  const winner = ({ a: 'A', b: 'B', tie: 'tie' } as const)[said as 'a'];
  if (!winner) throw new MalformedJudgement('winner must be "A", "B" or "tie"');
  const confidence = reply.confidence ?? 0.5;
  if (typeof confidence !== 'number' || !(confidence >= 0 && confidence <= 1)) {
    throw new MalformedJudgement('confidence must be a number from 0 to 1');
  }
  return {
    winner,
    confidence,
    reason: textOf(reply.reason),
    category_scores: readCategories(reply.category_scores),
  };
}

function readCategories(value: unknown): CategoryScores | null {
  if (!isObject(value)) return null;
  const scores: CategoryScores = {};
  for (const category of PAIRWISE_CATEGORIES) {
    const one = categoryScoresSchema.safeParse({ [category]: value[category] });
    if (one.success) Object.assign(scores, one.data);
  }
  return Object.keys(scores).length > 0 ? scores : null;
}

/**
 * evaluation.md 4.3. A dimension that was asked for and left out is null, as is one that was not asked for.
 * @throws MalformedJudgement for a score that is not a number from 0 to 1
 */
export function readMulti(
  reply: Record<string, unknown>,
  metrics: readonly MultiMetric[],
): Verdict<MultiResponse> {
  const result: Verdict<MultiResponse> = {
    grounded_correctness: null,
    retrieval_quality: null,
    instruction_safety: null,
  };
  for (const metric of MULTI_METRICS) {
    const value = reply[metric];
    if (!metrics.includes(metric) || value === null || value === undefined) continue;
    const parsed = metricScoreSchema.safeParse(
      isObject(value) ? { ...value, rationale: textOf(value.rationale) } : value,
    );
    if (!parsed.success) throw new MalformedJudgement(`${metric}.score must be a number from 0 to 1`);
    result[metric] = parsed.data;
  }
  return result;
}

const OUTCOME_ALIASES: Readonly<Record<string, readonly [EvalOutcome, FailureMode]>> = {
  incomplete: ['partial', 'incomplete'],
  missing: ['partial', 'incomplete'],
  over_refusal: ['refused', 'over_refusal'],
  hallucinated_claim: ['hallucinated', 'hallucinated_claim'],
  missing_grounding: ['wrong', 'missing_grounding'],
  wrong_fact: ['wrong', 'wrong_fact'],
  off_topic: ['wrong', 'off_topic'],
  irrelevant: ['wrong', 'off_topic'],
  missing_tool_use: ['wrong', 'missing_tool_use'],
};

/**
 * evaluation.md 4.4: aliases of outcomes are understood, an unknown outcome is wrong, an unknown failure mode none, and
 * only what three oracles were asked about can be disputed. Guidance that quotes the expected answer loses the quote.
 * @throws MalformedJudgement without an outcome
 */
export function readEval(
  reply: Record<string, unknown>,
  request: Pick<EvalRequest, 'expected_answer' | 'oracle_source'> & { report_missing_claims?: boolean },
): Verdict<EvalResponse> {
  if (typeof reply.outcome !== 'string' || !reply.outcome.trim()) {
    throw new MalformedJudgement(`outcome must be one of ${EVAL_OUTCOMES.join(', ')}`);
  }
  const said = reply.outcome.trim().toLowerCase();
  const given = oneOf(
    FAILURE_MODES,
    typeof reply.failure_mode === 'string' ? reply.failure_mode.trim().toLowerCase() : '',
  );
  const alias = Object.hasOwn(OUTCOME_ALIASES, said) ? OUTCOME_ALIASES[said] : undefined;
  let outcome = oneOf(EVAL_OUTCOMES, said) ?? alias?.[0] ?? 'wrong';
  if (outcome === 'disputed' && request.oracle_source !== 'three_oracle') outcome = 'wrong';
  return {
    outcome,
    failure_mode: given ?? alias?.[1] ?? null,
    guidance: withoutQuotes(textOf(reply.guidance), request.expected_answer)
      .trim()
      .slice(0, GUIDANCE_MAX_CHARS),
    ...(request.report_missing_claims && Array.isArray(reply.missing_claims)
      ? { missing_claims: placesOf(reply.missing_claims, request.expected_answer.split('\n').length) }
      : {}),
  };
}

/** Distinct line numbers that exist. */
function placesOf(found: readonly unknown[], lines: number): number[] {
  const places = found.filter((item): item is number => Number.isInteger(item));
  return [...new Set(places.filter((place) => place >= 1 && place <= lines))].sort((a, b) => a - b);
}

/** Guidance goes to the miner while the run is open, so the gold answer must not travel in it. */
function withoutQuotes(guidance: string, expected: string): string {
  const claims = expected
    .split('\n')
    .map((claim) => claim.trim().replace(/[.!?]+$/, ''))
    .filter(Boolean)
    .sort((a, b) => b.length - a.length);
  return claims.reduce((text, claim) => {
    const pattern = claim.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\s+/g, '\\s+');
    return text.replace(new RegExp(`(?<![\\p{L}\\p{N}])${pattern}(?![\\p{L}\\p{N}])`, 'giu'), '[withheld]');
  }, guidance);
}

function oneOf<T extends string>(values: readonly T[], value: string): T | null {
  return values.find((candidate) => candidate === value) ?? null;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
