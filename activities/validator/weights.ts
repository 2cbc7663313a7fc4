import { Context } from '@temporalio/activity';
import { messageOf } from '../../adapters/logging';
import type { PublicationStatusView } from '../../domain/messages';
import { duePublication, type DuePublication } from '../../domain/validator/cadence';
import type { PublicationMemory } from '../../domain/validator/loop';
import { pauseUntilStop, untilShutDown } from '../waiting';
import type { ValidatorActivityDeps } from './deps';

export interface AwaitPublicationInput {
  memory: PublicationMemory;
  intervalSeconds: number;
  pollSeconds: number;
  /** Longest wait before the loop hears of it. */
  patienceSeconds: number;
}

export interface PublicationEnd {
  workflowId: string;
  family: string;
  step: PublicationStatusView['step'];
  reason: string;
  seconds: number;
}

const MODE = 'workflow';

/** When weights are due, and how their publication ended. */
export function createWeights(deps: ValidatorActivityDeps) {
  const { owner, metrics, logger } = deps;

  /** Waits until a publication is due that the memory does not have; null when the patience is over. */
  async function awaitPublication(input: AwaitPublicationInput): Promise<DuePublication | null> {
    const context = Context.current();
    const until = Date.now() + input.patienceSeconds * 1000;
    const beat = setInterval(() => context.heartbeat(), 1000);
    try {
      while (Date.now() < until) {
        context.cancellationSignal.throwIfAborted();
        if (deps.stopping.aborted) await untilShutDown();
        const due = await look(input);
        if (due) return due;
        await pauseUntilStop(input.pollSeconds * 1000, deps.stopping);
      }
      return null;
    } finally {
      clearInterval(beat);
    }
  }

  async function look({ memory, intervalSeconds }: AwaitPublicationInput): Promise<DuePublication | null> {
    try {
      const served = await owner.weights();
      metrics.lastLoop.set({ loop_name: 'weights' }, Date.now() / 1000);
      const known = served.run_id !== null && served.run_id === memory.runId;
      const due = duePublication({
        weights: { ready: served.ready, runId: served.run_id },
        firstStartedAt: known ? memory.firstStartedAt : null,
        now: Date.now(),
        intervalMs: intervalSeconds * 1000,
      });
      return due && known && due.interval <= memory.interval ? null : due;
    } catch (error) {
      logger.warn('the weights could not be read; trying again', { error: messageOf(error) });
      return null;
    }
  }

  /** Counts how a publication ended. */
  async function recordPublication(end: PublicationEnd): Promise<void> {
    const { family } = end;
    const outcome = end.step === 'done' ? 'success' : end.step === 'cancelled' ? 'cancelled' : 'failed';
    metrics.weightSubmissions.inc({ family, mode: MODE, status: outcome });
    metrics.weightDuration.observe({ family, mode: MODE }, end.seconds);
    if (outcome === 'success') metrics.weightSuccess.set({ family }, Date.now() / 1000);
    if (outcome !== 'failed') return;
    metrics.weightErrors.inc({ error_type: errorType(end.reason) });
    logger.error('a publication of weights failed; the next interval tries again', {
      workflow_id: end.workflowId,
      reason: end.reason,
    });
  }

  return { awaitPublication, recordPublication };
}

/** The kind of a chain error, by the labels of the dashboards. */
export function errorType(reason: string): string {
  const text = reason.toLowerCase();
  if (/timed? ?out|deadline/.test(text)) return 'timeout';
  if (/rpc_down|does not answer|connection|unavailable/.test(text)) return 'connection';
  if (/too soon|rate.?limit/.test(text)) return 'rate_limited';
  if (/no_permit|not_registered|not registered|permit|bad_owner_signature/.test(text)) return 'auth';
  if (/stake/.test(text)) return 'insufficient_stake';
  return text === '' ? 'other' : 'exception';
}
