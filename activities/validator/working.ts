import { ApplicationFailure, Context } from '@temporalio/activity';
import { messageOf } from '../../adapters/logging';
import { isTransient, OwnerAnswerInvalid, OwnerRefused } from '../../adapters/owner-client';
import type { TaskJournal } from '../../adapters/task-journal';
import type { Delivered, Evaluated, ReleaseCause, TaskTicket } from '../../domain/validator/loop';
import type { ResultBody } from '../../domain/validator/result';
import { claimedTaskSchema, type ClaimedTask } from '../../domain/validator/task';
import { FAULTS } from '../../domain/faults';
import { ownerFault } from '../failures';
import type { ValidatorActivityDeps } from './deps';
import { TaskEvaluation } from './evaluation';
import { JudgeExhausted } from './judging';
import { Interrupted, Lease, LeaseLost } from './lease';
import { OraclesAway } from './truth';

const RESULT = 'result';
const LEASE_IS_OVER = [403, 404, 409];

export interface ReleaseTaskInput {
  ticket: TaskTicket;
  cause: ReleaseCause;
  reason: string;
}

/** The record of a task to work on, or why there is nothing to work on. */
type Opened = { journal: TaskJournal; task: ClaimedTask } | { lost: string } | { ended: Delivered };

/** The steps of one leased task. Each may be begun again at any point, and goes on from what is in the journal. */
export function createWorking(deps: ValidatorActivityDeps) {
  const { owner, journals, running, metrics, logger } = deps;

  /**
   * Asks the miners of a task and judges their answers, keeping the lease meanwhile. The result lies in the journal when
   * this returns `judged`.
   */
  async function evaluateTask(ticket: TaskTicket): Promise<Evaluated> {
    await running.supersede(ticket);
    const opened = await openTask(ticket);
    if ('lost' in opened) return lose(ticket, opened.lost);
    if ('ended' in opened) {
      return { kind: 'lost', reason: opened.ended.reason ?? `it was ${opened.ended.ending} before` };
    }
    const { journal, task } = opened;
    try {
      if (task.miners.length === 0) {
        return { kind: 'give_back', cause: 'no_miners', reason: 'the claim came without a miner to ask' };
      }
      const held = await holdLease(ticket, task);
      if ('lost' in held) return lose(ticket, held.lost);
      return await work(ticket, task, journal, held.expiresAt);
    } finally {
      await journal.close();
    }
  }

  async function openTask(ticket: TaskTicket): Promise<Opened> {
    let journal = await journals.open(ticket);
    if (!journal) {
      // The journal stayed on another disk: the owner answers the claim again under its key.
      const { tasks } = await reachOwner(() =>
        owner.claimTasks(ticket.familyId, { batchSize: 1, claimKey: ticket.claimKey }),
      );
      const item = tasks.find(
        (one) =>
          one.task_evaluation_id === ticket.taskEvaluationId && (one.fencing ?? null) === ticket.fencing,
      );
      if (!item) return { lost: 'its journal is gone, and the owner does not lease it to us any more' };
      await journals.begin(ticket, item);
      journal = await journals.open(ticket);
    }
    if (!journal) throw new Error(`the journal of task ${ticket.taskEvaluationId} cannot be written`);
    if (journal.ending !== undefined) {
      await journal.close();
      return { ended: journal.ending as Delivered };
    }
    return { journal, task: claimedTaskSchema.parse(journal.item) };
  }

  /** An attempt that goes on after another, or begins late, first makes sure that the lease still is ours. */
  async function holdLease(
    ticket: TaskTicket,
    task: ClaimedTask,
  ): Promise<{ expiresAt: Date } | { lost: string }> {
    const left = task.claim_expires_at.getTime() - Date.now();
    const fresh = Context.current().info.attempt === 1 && left > leaseMs(ticket) / 2;
    if (fresh) return { expiresAt: task.claim_expires_at };
    try {
      const answer = await reachOwner(() => owner.heartbeat(ticket, ticket.fencing));
      return { expiresAt: answer.claim_expires_at };
    } catch (error) {
      if (error instanceof OwnerRefused && LEASE_IS_OVER.includes(error.status)) {
        return { lost: messageOf(error) };
      }
      throw error;
    }
  }

  async function work(
    ticket: TaskTicket,
    task: ClaimedTask,
    journal: TaskJournal,
    expiresAt: Date,
  ): Promise<Evaluated> {
    const context = Context.current();
    const family = ticket.familyId;
    const lease = new Lease({
      client: owner,
      task: ticket,
      fencing: ticket.fencing,
      expiresAt,
      lengthMs: leaseMs(ticket),
      workUntil: Date.parse(ticket.claimedAt) + deps.settings.taskCapSeconds * 1000,
      logger,
    });
    const interrupt = (): void => lease.abort(new Interrupted('this attempt was told to stop'));
    context.cancellationSignal.addEventListener('abort', interrupt, { once: true });
    metrics.runsStarted.inc({ family });
    return running.during(ticket, lease, async (progress) => {
      metrics.leases.set(running.size);
      const beat = setInterval(() => context.heartbeat(progress.view()), 1000);
      try {
        const evaluation = new TaskEvaluation(task, lease, journal, progress, deps);
        const body = await journal.once(RESULT, () => evaluation.run());
        return { kind: 'judged', judged: body.miner_results.length, leftOut: body.released_miners.length };
      } catch (error) {
        return giveUp(ticket, lease.signal.aborted ? lease.signal.reason : error);
      } finally {
        clearInterval(beat);
        context.cancellationSignal.removeEventListener('abort', interrupt);
        // Calls that are still under way for this task have no reader any more.
        lease.abort(new Error('the attempt has ended'));
        lease.close();
        metrics.leases.set(Math.max(0, running.size - 1));
      }
    });
  }

  /** Decides what an error that ended the work means for the task. */
  async function giveUp(ticket: TaskTicket, cause: unknown): Promise<Evaluated> {
    if (cause instanceof LeaseLost) return lose(ticket, messageOf(cause));
    if (cause instanceof Interrupted) {
      throw ApplicationFailure.create({ type: FAULTS.interrupted, message: messageOf(cause) });
    }
    if (cause instanceof JudgeExhausted)
      return { kind: 'give_back', cause: 'judge', reason: messageOf(cause) };
    if (cause instanceof OraclesAway)
      return { kind: 'give_back', cause: 'oracles', reason: messageOf(cause) };
    logger.error('a task failed in this engine', { ...ids(ticket), error: cause });
    return { kind: 'give_back', cause: 'error', reason: `the validator failed: ${messageOf(cause)}` };
  }

  async function lose(ticket: TaskTicket, reason: string): Promise<Evaluated> {
    metrics.leasesLost.inc();
    logger.warn('a task is abandoned, nothing is submitted', { ...ids(ticket), reason });
    await record(ticket, { ending: 'lost', reason });
    return { kind: 'lost', reason };
  }

  /** Submits the result that is in the journal; sent again, the owner answers with what it stored. */
  async function submitTask(ticket: TaskTicket): Promise<Delivered> {
    const journal = await journals.open(ticket);
    if (journal?.ending !== undefined) {
      await journal.close();
      return journal.ending as Delivered;
    }
    const body = journal?.read(RESULT) as ResultBody | undefined;
    await journal?.close();
    if (!body) {
      return release({ ticket, cause: 'error', reason: "the validator's record of the result is gone" });
    }
    let delivered: Delivered = { ending: 'submitted', reason: null };
    try {
      await reachOwner(() => owner.submitResult(ticket, body));
    } catch (error) {
      if (error instanceof OwnerAnswerInvalid) {
        logger.warn('the result was taken, with an answer out of contract', {
          ...ids(ticket),
          error: messageOf(error),
        });
      } else if (error instanceof OwnerRefused) {
        delivered = { ending: error.status === 409 ? 'lost' : 'rejected', reason: messageOf(error) };
      } else throw error;
    }
    if (delivered.ending === 'rejected') {
      logger.error('the owner refused a result', { ...ids(ticket), error: delivered.reason });
      // Others may judge it; what was refused here will be refused again.
      await release({ ticket, cause: 'rejected', reason: `its result was refused: ${delivered.reason}` });
    } else if (delivered.ending === 'lost') metrics.leasesLost.inc();
    return finish(ticket, delivered);
  }

  /** Gives a task back to the pool; should the owner say that it is not ours any more, that is as good. */
  async function releaseTask(input: ReleaseTaskInput): Promise<Delivered> {
    return finish(input.ticket, await release(input));
  }

  async function release({ ticket, cause, reason }: ReleaseTaskInput): Promise<Delivered> {
    metrics.tasksReleased.inc({ cause });
    try {
      await reachOwner(() => owner.releaseTask(ticket, { fencing: ticket.fencing, reason }));
      logger.info('a task was given back', { ...ids(ticket), cause, reason });
      return { ending: 'released', reason };
    } catch (error) {
      if (!(error instanceof OwnerRefused)) throw error;
      metrics.leasesLost.inc();
      return { ending: 'lost', reason: messageOf(error) };
    }
  }

  async function finish(ticket: TaskTicket, delivered: Delivered): Promise<Delivered> {
    const family = ticket.familyId;
    metrics.runsCompleted.inc({ family, outcome: delivered.ending });
    metrics.runDuration.observe({ family }, (Date.now() - Date.parse(ticket.claimedAt)) / 1000);
    await record(ticket, delivered);
    return delivered;
  }

  async function record(ticket: TaskTicket, delivered: Delivered): Promise<void> {
    const journal = await journals.open(ticket);
    await journal?.end(delivered);
  }

  return { evaluateTask, submitTask, releaseTask };
}

/** Calls the owner; what may succeed later is left to the retry policy. @throws OwnerRefused, OwnerAnswerInvalid as they are */
async function reachOwner<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (isTransient(error) || (error instanceof OwnerRefused && error.status >= 500)) {
      throw ownerFault(messageOf(error), error);
    }
    throw error;
  }
}

const leaseMs = (ticket: TaskTicket): number => Date.parse(ticket.leaseEndsAt) - Date.parse(ticket.claimedAt);

function ids(ticket: TaskTicket) {
  const { taskEvaluationId, taskId, runId, fencing } = ticket;
  return { task_evaluation_id: taskEvaluationId, task_id: taskId, run_id: runId, fencing };
}
