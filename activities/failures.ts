import { ApplicationFailure } from '@temporalio/activity';
import { MinerFault, OwnerFault } from '../adapters/container-runtime/types';
import { messageOf } from '../adapters/logging';
import { FAULTS } from '../domain/faults';

/** Characters of a log line that travel with a failure: histories stay small, and the whole line is in the log. */
const LOG_LINE_MAX = 500;

/** A row that should be there is not, or is in a state that the step does not apply to. */
export function badState(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, FAULTS.badState);
}

/** The owner's side could not do it now; the retry policy tries again. */
export function ownerFault(message: string, cause?: unknown): ApplicationFailure {
  return ApplicationFailure.create({
    type: FAULTS.owner,
    message,
    ...(cause instanceof Error ? { cause } : {}),
  });
}

/**
 * Runs a call to the container runtime and tells the miner's fault, which is final, from the owner's.
 * The last log lines of a miner's fault travel as details, so that they are read in the Web UI.
 */
export async function classifyRuntime<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof MinerFault) {
      throw ApplicationFailure.create({
        type: FAULTS.miner,
        nonRetryable: true,
        message: error.message,
        details: [{ code: error.code, logLines: error.logLines.map((line) => line.slice(0, LOG_LINE_MAX)) }],
      });
    }
    if (error instanceof OwnerFault) throw ownerFault(`${error.code}: ${messageOf(error)}`, error);
    throw error;
  }
}

/** Whether an error says that the owner's side could not do it now. */
export function isOwnerFault(error: unknown): boolean {
  return error instanceof ApplicationFailure && error.type === FAULTS.owner;
}
