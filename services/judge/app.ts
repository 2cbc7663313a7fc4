import { createLlmClient } from '../../adapters/llm';
import type { Logger } from '../../adapters/logging';
import {
  compositeRequestSchema,
  evalRequestSchema,
  JUDGE_RUBRIC_VERSION,
  multiRequestSchema,
  pairwiseRequestSchema,
  type CompositeRequest,
  type CompositeResponse,
  type JudgeHealth,
} from '../../domain/contracts/judge';
import { compositeScore } from '../../domain/scoring';
import { createService, parseBody, type Service } from '../http';
import type { JudgeConfig } from './config';
import { Judge, JUDGE_ENDPOINT } from './judge';

const BODY_LIMIT_BYTES = 16 * 1024 * 1024;
// The validator's client repeats a failed call by itself; one more try here bridges a lost connection.
const MAX_RETRIES = 1;
const RETRY_BASE_DELAY_MS = 500;

/** Builds the judge service, eiretes: stateless but for the judgements it keeps. */
export function createJudgeService(config: JudgeConfig, logger: Logger): Service {
  const llm = createLlmClient({
    endpoints: config.endpoint ? { [JUDGE_ENDPOINT]: config.endpoint } : {},
    maxRetries: MAX_RETRIES,
    retryBaseDelayMs: RETRY_BASE_DELAY_MS,
  });
  const judge = new Judge(config, llm, logger);
  return createService({
    name: 'eiretes-judge',
    logger,
    bodyLimitBytes: BODY_LIMIT_BYTES,
    health: (): JudgeHealth => ({
      status: 'ok',
      judge_model: config.model,
      rubric_version: JUDGE_RUBRIC_VERSION,
    }),
    readiness: {
      judge_model: () =>
        config.endpoint
          ? Promise.resolve()
          : Promise.reject(new Error('set EIREL_EVAL_JUDGE_BASE_URL and EIREL_EVAL_JUDGE_API_KEY')),
    },
    routes(app) {
      app.post('/v1/judge/pairwise', async (req, res) => {
        res.json(await judge.pairwise(parseBody(pairwiseRequestSchema, req)));
      });
      app.post('/v1/judge/multi', async (req, res) => {
        res.json(await judge.multi(parseBody(multiRequestSchema, req)));
      });
      app.post('/v1/judge/eval', async (req, res) => {
        res.json(await judge.evaluate(parseBody(evalRequestSchema, req)));
      });
      app.post('/v1/judge/eval/composite', (req, res) => {
        res.json(composite(parseBody(compositeRequestSchema, req), config));
      });
    },
  });
}

/** The pure formula (evaluation.md 4.5), with the operator's cost floor where the request names none. */
function composite(request: CompositeRequest, config: JudgeConfig): CompositeResponse {
  const { scoring_version: version, ...input } = request;
  const scored = compositeScore(
    { ...input, cost_floor_usd: input.cost_floor_usd ?? config.costFloorUsd },
    version,
  );
  return {
    composite: scored.composite,
    outcome_score: scored.outcome_score,
    tool_attestation_factor: scored.tool_attestation_factor,
    efficiency_factor: scored.efficiency_factor,
    hallucination_knockout: scored.hallucination_knockout,
    cost_attestation_knockout: scored.cost_attestation_knockout,
    grounded_correctness_gate: scored.grounded_correctness_gate,
    instruction_safety_gate: scored.instruction_safety_gate,
    safety_attestation_knockout: scored.safety_attestation_knockout,
    pairwise_bonus: scored.pairwise_bonus,
    knockout_reason: scored.knockout_reason,
  };
}
