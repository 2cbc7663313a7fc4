import type { TaskTicket } from '../../domain/validator/loop';
import { Interrupted, LeaseLost, type Lease } from './lease';

/** A task under way in this process, as `/v1/status` shows it. */
export interface RunningTaskView {
  task_evaluation_id: string;
  task_id: string;
  run_id: string;
  family_id: string;
  fencing: number | null;
  miners: number;
  /** Miners whose answer, or failure, is known. */
  answered: number;
  judged: number;
  lease_expires_at: string;
}

interface Running {
  ticket: TaskTicket;
  lease: Lease;
  ended: Promise<unknown>;
  answered: number;
  judged: number;
}

/** The tasks that this process works on: one attempt at a time for each, whoever started it. */
export class RunningTasks {
  private readonly tasks = new Map<string, Running>();

  get size(): number {
    return this.tasks.size;
  }

  views(): RunningTaskView[] {
    return [...this.tasks.values()].map(({ ticket, lease, answered, judged }) => ({
      task_evaluation_id: ticket.taskEvaluationId,
      task_id: ticket.taskId,
      run_id: ticket.runId,
      family_id: ticket.familyId,
      fencing: ticket.fencing,
      miners: ticket.miners,
      answered,
      judged,
      lease_expires_at: lease.expiresAt.toISOString(),
    }));
  }

  /**
   * Ends an earlier attempt at the task, and waits until it has let go of everything: one under an older lease has lost it,
   * one under the same lease was given up by the server, which took its silence for death.
   */
  async supersede(ticket: TaskTicket): Promise<void> {
    for (;;) {
      const earlier = this.tasks.get(ticket.taskEvaluationId);
      if (!earlier) return;
      const same = earlier.ticket.fencing === ticket.fencing;
      earlier.lease.abort(
        same
          ? new Interrupted('another attempt at the task has begun')
          : new LeaseLost(`task ${ticket.taskEvaluationId} was claimed again under lease ${ticket.fencing}`),
      );
      await earlier.ended.catch(() => undefined);
    }
  }

  /** Runs the work on a task, visibly; call `supersede` first. */
  async during<T>(
    ticket: TaskTicket,
    lease: Lease,
    work: (progress: TaskProgress) => Promise<T>,
  ): Promise<T> {
    const entry: Running = { ticket, lease, ended: Promise.resolve(), answered: 0, judged: 0 };
    this.tasks.set(ticket.taskEvaluationId, entry);
    const working = work({
      answered: () => (entry.answered += 1),
      judged: () => (entry.judged += 1),
      view: () => ({ miners: ticket.miners, answered: entry.answered, judged: entry.judged }),
    });
    entry.ended = working;
    try {
      return await working;
    } finally {
      this.tasks.delete(ticket.taskEvaluationId);
    }
  }
}

/** Told how far a task is. */
export interface TaskProgress {
  answered(): void;
  judged(): void;
  view(): { miners: number; answered: number; judged: number };
}
