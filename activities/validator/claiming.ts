import { Context } from '@temporalio/activity';
import type { z } from 'zod';
import { messageOf } from '../../adapters/logging';
import { OwnerRefused } from '../../adapters/owner-client';
import type { FamilyId } from '../../domain/status';
import type { ClaimAnswer, TaskTicket } from '../../domain/validator/loop';
import { claimedTaskSchema, type ClaimedTask, type RawClaimedTask } from '../../domain/validator/task';
import { pauseUntilStop, untilShutDown } from '../waiting';
import type { ValidatorActivityDeps } from './deps';

/** What is to be claimed, and how long to wait for it. */
export interface ClaimTasksInput {
  families: FamilyId[];
  batchSize: number;
  /** Name of this claim: repeated under it, the owner answers the same leases. */
  claimKey: string;
  pollSeconds: number;
  /** Longest wait before the loop hears of it. */
  patienceSeconds: number;
  /** What the loop shows as the reason of its waiting; another reason is told to it at once. */
  knownWaiting: string | null;
}

const FIRST_ERROR_WAIT_MS = 500;
/** No lease can be left of a task that nothing was written about for this long. */
const JOURNAL_AGE_MS = 2 * 86_400_000;

/**
 * Claims tasks, waiting until there are any: polling here, with heartbeats, writes no history. What was claimed lies in the
 * journal before this returns. A claim request that is under way is never cut off, so that what it leased is known.
 */
export function createClaiming(deps: ValidatorActivityDeps) {
  const { owner, journals, logger, metrics } = deps;
  const reconciled = { total: 0, disputed: 0 };
  let emptyPolls = 0;

  async function claimTasks(input: ClaimTasksInput): Promise<ClaimAnswer> {
    const context = Context.current();
    const until = Date.now() + input.patienceSeconds * 1000;
    const beat = setInterval(() => context.heartbeat(), 1000);
    try {
      await journals.sweep(JOURNAL_AGE_MS);
      for (let failures = 0; ;) {
        context.cancellationSignal.throwIfAborted();
        // Failing would have the server try again later and later, after the next start too.
        if (deps.stopping.aborted) await untilShutDown();
        const { tickets, waiting, failed } = await claimRound(input);
        if (tickets.length > 0) return { tickets, waiting: null };
        if (waiting !== input.knownWaiting || Date.now() >= until) return { tickets: [], waiting };
        failures = failed ? failures + 1 : 0;
        const poll = input.pollSeconds * 1000;
        await pauseUntilStop(
          failed ? Math.min(poll, FIRST_ERROR_WAIT_MS * 2 ** (failures - 1)) : poll,
          deps.stopping,
        );
      }
    } finally {
      clearInterval(beat);
    }
  }

  async function claimRound(
    input: ClaimTasksInput,
  ): Promise<{ tickets: TaskTicket[]; waiting: string; failed: boolean }> {
    try {
      // What cannot be judged is better left to others.
      await deps.judge.health();
    } catch (error) {
      return waitingFor('the judge', error);
    }
    const tickets: TaskTicket[] = [];
    for (const family of input.families) {
      const room = input.batchSize - tickets.length;
      if (room <= 0) break;
      try {
        tickets.push(...(await claimFamily(family, room, `${input.claimKey}.${family}`)));
      } catch (error) {
        if (tickets.length === 0) return waitingFor('the owner', error);
        logger.warn('no task could be claimed', { family, error: messageOf(error) });
      }
    }
    metrics.lastLoop.set({ loop_name: 'claim' }, Date.now() / 1000);
    emptyPolls = tickets.length > 0 ? 0 : emptyPolls + 1;
    if (emptyPolls > 0 && emptyPolls % deps.settings.idleHeartbeatEvery === 0) {
      logger.info('nothing to claim', { empty_polls: emptyPolls, active_tasks: deps.running.size });
    }
    return { tickets, waiting: 'the owner has no task to hand out', failed: false };
  }

  function waitingFor(
    whom: string,
    error: unknown,
  ): { tickets: TaskTicket[]; waiting: string; failed: true } {
    const hint =
      error instanceof OwnerRefused && error.status === 403
        ? '; ask the owner to add this hotkey to the validators'
        : '';
    const waiting = `nothing is claimed because of ${whom}: ${messageOf(error)}${hint}`;
    logger.warn('no task could be claimed', { error: messageOf(error) + hint });
    return { tickets: [], waiting, failed: true };
  }

  async function claimFamily(family: FamilyId, batchSize: number, claimKey: string): Promise<TaskTicket[]> {
    let raw: RawClaimedTask[];
    try {
      ({ tasks: raw } = await owner.claimTasks(family, { batchSize, claimKey }));
    } catch (error) {
      // The owner has nothing to claim from: no such run or family now.
      if (error instanceof OwnerRefused && error.status === 404) return [];
      throw error;
    }
    const tickets: TaskTicket[] = [];
    for (const item of raw) {
      const task = claimedTaskSchema.safeParse(item);
      if (!task.success) {
        await giveBack(family, item, task.error.issues[0]);
        continue;
      }
      tickets.push(await take(task.data, item, claimKey));
    }
    return tickets;
  }

  async function take(task: ClaimedTask, item: RawClaimedTask, claimKey: string): Promise<TaskTicket> {
    const fencing = task.fencing ?? null;
    await journals.begin({ taskEvaluationId: task.task_evaluation_id, fencing }, item);
    countOracle(task);
    return {
      taskEvaluationId: task.task_evaluation_id,
      taskId: task.task_id,
      runId: task.run_id,
      familyId: task.family_id,
      fencing,
      claimKey,
      miners: task.miners.length,
      claimedAt: new Date().toISOString(),
      leaseEndsAt: task.claim_expires_at.toISOString(),
    };
  }

  /** A task that cannot be read is somebody else's to judge, or the owner's to mend. */
  async function giveBack(familyId: string, raw: RawClaimedTask, issue?: z.core.$ZodIssue): Promise<void> {
    const where = issue?.path.join('.') || 'the task';
    const reason = `the claimed task cannot be read: ${where}: ${issue?.message ?? 'invalid'}`;
    const { task_evaluation_id: taskEvaluationId, fencing } = raw;
    metrics.tasksReleased.inc({ cause: 'unreadable' });
    logger.error(reason, { task_evaluation_id: taskEvaluationId });
    await owner
      .releaseTask({ familyId, taskEvaluationId }, { fencing: fencing ?? null, reason })
      .catch((error: unknown) =>
        logger.warn('a task could not be given back; its lease will expire by itself', {
          task_evaluation_id: taskEvaluationId,
          error: messageOf(error),
        }),
      );
  }

  function countOracle(task: ClaimedTask): void {
    const family = task.family_id;
    const status = task.oracle_status ?? 'unknown';
    metrics.oracleStatus.inc({ family, oracle_status: status });
    if (status === 'deterministic' || status === 'unknown') return;
    reconciled.total += 1;
    if (status === 'disputed') reconciled.disputed += 1;
    metrics.disputedRate.set({ family }, reconciled.disputed / reconciled.total);
  }

  return { claimTasks };
}
