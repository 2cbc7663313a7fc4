/** Whose fault it is when a miner gave no usable answer (decisions 7, 12 and 20). */
import { answerText } from '../contracts/invocation';
import type { TurnResponse } from './answer';

/**
 * `miner`: the answer is a scored zero. `owner`: the row goes back to the pool and nothing is held against the miner.
 */
export type FaultOf = 'miner' | 'owner';

export interface Failure {
  of: FaultOf;
  /** One sentence for the miner or the operator. */
  reason: string;
}

/** What the unary route says when the agent itself failed; every other error status speaks of the owner's side. */
const AGENT_FAILED = 'runtime invocation failed';

/**
 * Judges an HTTP status that an invocation was answered with.
 * @param status 400..599
 * @param detail the body's `detail`, '' when there is none
 * @param failureClass the body's `failure_class`, when the owner says whose fault it was
 * @param reason the body's own words for the failure, beside the fixed detail
 */
export function failureOfStatus(
  status: number,
  detail: string,
  failureClass?: unknown,
  reason?: string | null,
): Failure {
  const words = [detail, reason].filter(Boolean).join(', ');
  const said = words ? `: ${words}` : '';
  if (failureClass === 'miner' || (failureClass !== 'owner' && status === 502 && detail === AGENT_FAILED)) {
    return { of: 'miner', reason: `the agent failed (HTTP ${status}${said})` };
  }
  return { of: 'owner', reason: `the owner API answered the invocation with HTTP ${status}${said}` };
}

/** Judges a response whose status is not `completed`; null for one that is. */
export function failureOfResponse(response: TurnResponse): Failure | null {
  if (response.status === 'completed') return null;
  const said = response.error ? `: ${response.error}` : '';
  const of = response.metadata.failure_class === 'owner' ? 'owner' : 'miner';
  return { of, reason: `the invocation ended with status ${response.status}${said}` };
}

/** A completed response that says nothing is the miner's failure; null when there is an answer. */
export function failureOfEmptyAnswer(response: TurnResponse): Failure | null {
  return answerText({ output: response.output }).trim() === ''
    ? { of: 'miner', reason: 'the agent completed without an answer text' }
    : null;
}

/**
 * Judges an invocation that was cut off by the cap on all turns together. The miner is late only where the turn that
 * was running had used up a whole turn's time; otherwise the cap is ours and the row goes back.
 * @param turnSeconds how long the running turn had taken
 * @param allowedSeconds what one turn may take: the mode's budget, or the cap itself where the mode has none
 */
export function failureOfCap(turnSeconds: number, allowedSeconds: number, capSeconds: number): Failure {
  return turnSeconds >= allowedSeconds
    ? { of: 'miner', reason: `no answer within ${Math.floor(turnSeconds)} s` }
    : {
        of: 'owner',
        reason: `all turns together reached the cap of ${capSeconds} s while no single one was late`,
      };
}
