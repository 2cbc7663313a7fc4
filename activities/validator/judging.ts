import { randomInt } from 'node:crypto';
import { JudgeUnavailable, type JudgeClient, type JudgeRole } from '../../adapters/judge-client';
import { messageOf, type Logger } from '../../adapters/logging';
import { pause } from '../../adapters/owner-client';
import type { ScoringVersion } from '../../domain/scoring';
import {
  compositeRequest,
  evalRequest,
  multiRequest,
  pairwiseDisagrees,
  pairwisePositions,
  pairwiseRequest,
  pairwiseScore,
  type JudgeInput,
  type Judgement,
  type Measurement,
  type PairwiseCall,
  type Position,
} from '../../domain/validator/judging';
import type { ValidatorMetrics } from './metrics';

/** The judge stayed away for as long as the lease could be held: the task goes back (decision 12). */
export class JudgeExhausted extends Error {
  override readonly name = 'JudgeExhausted';
}

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;

export interface JudgeAnswerOptions {
  client: JudgeClient;
  metrics: ValidatorMetrics;
  logger: Logger;
  judgeModel: string;
  familyId: string;
  version: ScoringVersion;
  /** Until when to go on trying; ms since the epoch, asked anew each time. */
  deadline: () => number;
  signal: AbortSignal;
  /** Remembers judgements obtained, so that an attempt which goes on after another does not ask for them again. */
  remember: <T>(name: string, judge: () => Promise<T>) => Promise<T>;
}

/**
 * Judges one answer: pairwise, multi and eval, then the composite from all of them. Every call is repeated until it
 * succeeds: nothing is scored without it.
 * @throws JudgeExhausted when the deadline comes first or the judge refuses the request, else the signal's reason
 */
export async function judgeAnswer(
  input: JudgeInput,
  measured: Measurement,
  options: JudgeAnswerOptions,
): Promise<Judgement> {
  const { client, version, metrics, familyId } = options;
  const startedAt = performance.now();
  const call = <T>(
    role: JudgeRole,
    send: (signal: AbortSignal) => Promise<T>,
    name: string = role,
  ): Promise<T> => options.remember(name, () => untilJudged(role, send, options));

  const coin = await options.remember<Position>('coin', async () => (randomInt(2) === 0 ? 'A' : 'B'));
  const positions = pairwisePositions(version, coin);
  const [pairwiseCalls, multi, evaluation] = await Promise.all([
    Promise.all(
      positions.map(async (position): Promise<PairwiseCall> => {
        const request = pairwiseRequest(input, position);
        const send = (signal: AbortSignal) => client.pairwise(request, signal);
        return { position, response: await call('pairwise', send, `pairwise ${position}`) };
      }),
    ),
    call('multi', (signal) => client.multi(multiRequest(input), signal)),
    call('eval', (signal) => client.evaluate(evalRequest(input), signal)),
  ]);
  const request = compositeRequest(
    input,
    measured,
    { pairwise: pairwiseScore(pairwiseCalls), multi, evaluation },
    version,
  );
  const composite = await call('composite', (signal) => client.composite(request, signal));
  const seconds = (performance.now() - startedAt) / 1000;

  metrics.judgeDuration.observe({ family: familyId }, seconds);
  if (pairwiseDisagrees(pairwiseCalls)) metrics.judgeDisagreements.inc({ family: familyId });
  metrics.evalOutcome.inc({ family: familyId, outcome: evaluation.outcome });
  metrics.composite.observe({ family: familyId }, composite.composite);
  for (const [factor, value] of Object.entries(composite)) {
    const gate =
      factor.endsWith('_knockout') || factor.endsWith('_gate') || factor === 'tool_attestation_factor';
    if (gate && value === 0) metrics.knockouts.inc({ family: familyId, knockout_factor: factor });
  }
  return { pairwiseCalls, multi, evaluation, composite, seconds };
}

async function untilJudged<T>(
  role: JudgeRole,
  send: (signal: AbortSignal) => Promise<T>,
  options: JudgeAnswerOptions,
): Promise<T> {
  const { metrics, judgeModel: model, logger } = options;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await send(options.signal);
      metrics.judgeInvocations.inc({ judge_model: model, outcome: 'ok' });
      return answer;
    } catch (error) {
      if (!(error instanceof JudgeUnavailable)) throw error;
      metrics.judgeInvocations.inc({ judge_model: model, outcome: error.outcome });
      if (error.outcome === 'malformed') metrics.judgeMalformed.inc({ judge_role: role });
      const full = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
      const wait = full / 2 + (Math.random() * full) / 2;
      if (!error.retryable || Date.now() + wait >= options.deadline()) {
        const tries = attempt === 1 ? 'one attempt' : `${attempt} attempts`;
        throw new JudgeExhausted(`no judgement after ${tries}: ${messageOf(error)}`, { cause: error });
      }
      if (attempt === 1) logger.warn('the judge is away; trying again', { role, error: messageOf(error) });
      await pause(wait, options.signal);
    }
  }
}
