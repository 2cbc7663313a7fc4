import { answerText } from '../../domain/contracts/invocation';
import type { InvocationClient, InvocationOutcome, InvocationTarget } from '../../adapters/owner-client';
import { InvocationBroken, pause } from '../../adapters/owner-client';
import { executedCalls, toolNameOf, type TurnResponse } from '../../domain/validator/answer';
import {
  invocationBody,
  planTurns,
  type InvocationBody,
  type InvocationContext,
  type Message,
} from '../../domain/validator/conversation';
import {
  failureOfCap,
  failureOfEmptyAnswer,
  failureOfResponse,
  failureOfStatus,
  type Failure,
} from '../../domain/validator/failures';
import type { MinerResponse, Timing, TurnEvidence } from '../../domain/validator/result';

/** What asking one miner came to. */
export type AskOutcome =
  | {
      kind: 'answered';
      response: MinerResponse;
      timing: Timing;
      /** The tool calls that the owner attests over all turns, null when it named none. */
      attested: AttestedCall[] | null;
      /** The attempt's job, under which the ledger records; null when the owner named none. */
      jobId: string | null;
    }
  | { kind: 'failed'; failure: Failure; response: MinerResponse | null; timing: Timing };

export interface AttestedCall {
  tool_name: string;
  status: string;
}

export interface AskOptions {
  client: InvocationClient;
  target: InvocationTarget;
  context: InvocationContext;
  /** Seconds one turn may take, null without a budget. */
  latencyBudgetSeconds: number | null;
  /** Cap on all turns together. */
  capSeconds: number;
  /** Until when a broken connection to the owner is tried again; ms since the epoch, asked anew each time. */
  deadline: () => number;
  /** Aborts everything: lease lost, attempt interrupted. */
  signal: AbortSignal;
  /** Remembers turns that are done, so that an attempt which goes on after another does not ask them again. */
  remember: (turnId: string, ask: () => Promise<TurnOutcome>) => Promise<TurnOutcome>;
}

const GATEWAY_STATUSES = [502, 503, 504];
const GATEWAY_RETRY_MS = 1000;
const RECONNECT_FIRST_MS = 500;
const RECONNECT_MAX_MS = 10_000;
// An answer that breaks off again and again is not for ever asked anew: each time costs the miner a whole turn.
const MAX_BROKEN_ANSWERS = 3;

/** A turn that was asked, with the job that the owner recorded it under. */
interface AskedTurn {
  jobId: string | null;
  evidence: TurnEvidence;
}

/** What one turn came to. */
export interface TurnOutcome {
  response: TurnResponse | null;
  failure: Failure | null;
  seconds: number;
}

/** Thrown into a turn when the cap on all turns is reached. */
class CapReached extends Error {}

/**
 * Asks one miner all live turns of a task, one after the other. A turn that cannot be carried out ends it; a turn that
 * comes back with a status other than completed fails the task, but the script is played to its end.
 * @throws the reason of `options.signal` when it aborts
 */
export async function askMiner(options: AskOptions): Promise<AskOutcome> {
  const cap = new AbortController();
  const timer = setTimeout(() => cap.abort(new CapReached()), options.capSeconds * 1000);
  try {
    return await playScript(options, AbortSignal.any([options.signal, cap.signal]));
  } finally {
    clearTimeout(timer);
  }
}

async function playScript(options: AskOptions, signal: AbortSignal): Promise<AskOutcome> {
  const { context } = options;
  const history: Message[] = [];
  const turns: AskedTurn[] = [];
  const calls = new Map<string, AttestedCall[]>();
  let failure: Failure | null = null;
  let last: TurnResponse | null = null;
  for (const turn of planTurns(context.taskId, context.payload)) {
    history.push({ role: 'user', content: turn.user });
    if (turn.kind === 'scripted') {
      history.push({ role: 'assistant', content: turn.assistant });
      continue;
    }
    const body = invocationBody(context, turn, history.slice(0, -1));
    const outcome = await options.remember(turn.turnId, () => askTurn(options, body, signal));
    const answer = outcome.response ? answerText({ output: outcome.response.output }) : '';
    const jobId = outcome.response ? jobIdOf(outcome.response) : null;
    turns.push({
      jobId,
      evidence: {
        turn_id: turn.turnId,
        status: outcome.response?.status ?? 'failed',
        latency_seconds: outcome.seconds,
        proxy_cost_usd: outcome.response ? costOf(outcome.response) : null,
        answer,
      },
    });
    failure ??= outcome.failure;
    last = outcome.response ?? last;
    const attested = outcome.response && executedCalls(outcome.response.metadata);
    // As with costs: the list is that of the job so far.
    if (attested) calls.set(jobId ?? turn.turnId, attested.map(attestedCall));
    // Owner's faults and broken turns end it here; a miner's own `failed` lets the script go on.
    if (outcome.failure && (outcome.response === null || outcome.failure.of === 'owner')) {
      failure = outcome.failure;
      break;
    }
    history.push({ role: 'assistant', content: answer });
  }
  if (!failure && last) failure = failureOfEmptyAnswer(last);
  const timing = timingOf(turns);
  const response = last && {
    ...last,
    task_id: context.taskId,
    family_id: context.familyId,
    turns: turns.map(({ evidence }) => evidence),
  };
  if (!failure && response) {
    const attested = calls.size > 0 ? [...calls.values()].flat() : null;
    return { kind: 'answered', response, timing, attested, jobId: jobIdOf(response) };
  }
  failure ??= { of: 'owner', reason: 'the task has no turn to ask' };
  return { kind: 'failed', failure, response, timing };
}

/** One turn: the stream, the unary route where there is no stream, and the retries that are not the miner's doing. */
async function askTurn(options: AskOptions, body: InvocationBody, signal: AbortSignal): Promise<TurnOutcome> {
  const { client, target } = options;
  let startedAt = performance.now();
  let route: 'stream' | 'unary' = 'stream';
  let gatewayRetried = false;
  let brokenAnswers = 0;
  const elapsed = (): number => (performance.now() - startedAt) / 1000;
  const failed = (failure: Failure, response: TurnResponse | null = null): TurnOutcome => ({
    response,
    failure,
    seconds: elapsed(),
  });
  for (let connection = 1; ;) {
    let outcome: InvocationOutcome;
    try {
      outcome = await client[route](target, body, signal);
    } catch (error) {
      if (error instanceof CapReached) {
        const allowed = options.latencyBudgetSeconds ?? options.capSeconds;
        return failed(failureOfCap(elapsed(), allowed, options.capSeconds));
      }
      if (!(error instanceof InvocationBroken)) throw error;
      brokenAnswers += error.begun ? 1 : 0;
      const wait = Math.min(RECONNECT_MAX_MS, RECONNECT_FIRST_MS * 2 ** (connection - 1));
      const over = Date.now() + wait >= options.deadline() || brokenAnswers >= MAX_BROKEN_ANSWERS;
      if (over) return failed({ of: 'owner', reason: error.message });
      await pauseUnlessCapped(wait, signal, options.signal);
      connection += 1;
      // The time lost on the owner's side is not the miner's.
      startedAt = performance.now();
      continue;
    }
    if (outcome.kind === 'status') {
      if (outcome.status === 404 && route === 'stream') {
        route = 'unary';
        startedAt = performance.now();
        continue;
      }
      const failure = failureOfStatus(outcome.status, outcome.detail, outcome.failureClass, outcome.reason);
      if (GATEWAY_STATUSES.includes(outcome.status) && !gatewayRetried && route === 'stream') {
        gatewayRetried = true;
        await pauseUnlessCapped(GATEWAY_RETRY_MS, signal, options.signal);
        if (failure.of === 'owner') startedAt = performance.now();
        continue;
      }
      return failed(failure);
    }
    if (outcome.kind === 'too_large') {
      return failed({ of: 'miner', reason: `the answer is larger than ${outcome.maxBytes} bytes` });
    }
    if (outcome.kind === 'malformed') {
      return failed({ of: 'miner', reason: 'the answer is not the JSON object of the contract' });
    }
    const failure = failureOfResponse(outcome.response);
    return { response: outcome.response, failure, seconds: elapsed() };
  }
}

/** Waits; the cap ends the wait early without an error, since the next request notices it. */
async function pauseUnlessCapped(ms: number, signal: AbortSignal, outer: AbortSignal): Promise<void> {
  try {
    await pause(ms, signal);
  } catch (error) {
    outer.throwIfAborted();
    if (!(error instanceof CapReached)) throw error;
  }
}

function attestedCall(call: Record<string, unknown>): AttestedCall {
  return { tool_name: toolNameOf(call), status: typeof call.status === 'string' ? call.status : 'ok' };
}

function jobIdOf(response: TurnResponse): string | null {
  const { job_id: jobId } = response.metadata;
  return typeof jobId === 'string' && jobId ? jobId : null;
}

function costOf(response: TurnResponse): number | null {
  const cost = response.metadata.proxy_cost_usd;
  return typeof cost === 'number' && Number.isFinite(cost) && cost >= 0 ? cost : null;
}

/**
 * The worst turn's latency scores, costs are summed over the turns (decision 13). The owner's figure is that of a job so
 * far, so of several turns under one job only the last figure counts.
 */
function timingOf(turns: readonly AskedTurn[]): Timing {
  const jobs = new Map<string, number | null>();
  turns.forEach(({ evidence, jobId }, index) => jobs.set(jobId ?? `turn ${index}`, evidence.proxy_cost_usd));
  const costs = [...jobs.values()];
  const known = costs.filter((cost) => cost !== null);
  return {
    totalSeconds: turns.reduce((sum, { evidence }) => sum + evidence.latency_seconds, 0),
    maxTurnSeconds: turns.reduce((max, { evidence }) => Math.max(max, evidence.latency_seconds), 0),
    costUsd: known.length === costs.length ? known.reduce((sum, cost) => sum + cost, 0) : null,
  };
}
