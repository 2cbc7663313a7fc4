/** What a task is judged against where validators ask the oracles themselves (decision 4, mode `validator`). */
import { isObject } from './clean-json';

/** The recorded truth of a task. `oracleStatus` is null until somebody settled it. */
export interface RecordedTruth {
  oracleStatus: string | null;
  expectedClaims: unknown[];
  mustNotClaim: unknown[];
}

/**
 * Takes the truth that a validator's oracles found, where the owner has none: the first valid result is kept, and every
 * later claim of the task is judged against it. A truth that is recorded already, and one of a task with a fixed answer,
 * is never replaced.
 * @param baseline `baseline_response` of a result; its `_reconciled` holds the oracles' findings
 * @returns the truth to record, or null when there is nothing to take
 */
export function truthFromBaseline(
  current: RecordedTruth,
  payload: Readonly<Record<string, unknown>>,
  baseline: Readonly<Record<string, unknown>> | null,
): RecordedTruth | null {
  const found = baseline?._reconciled;
  if (current.oracleStatus !== null || payload.oracle_source !== 'three_oracle' || !isObject(found))
    return null;
  const status = found.oracle_status;
  if (typeof status !== 'string' || !['consensus', 'majority', 'disputed'].includes(status)) return null;
  return {
    oracleStatus: status,
    expectedClaims: texts(found.expected_claims, current.expectedClaims),
    mustNotClaim: texts(found.must_not_claim, current.mustNotClaim),
  };
}

function texts(found: unknown, current: readonly unknown[]): unknown[] {
  const more = Array.isArray(found) ? found.filter((text) => typeof text === 'string') : [];
  return [...new Set([...current, ...more])];
}
