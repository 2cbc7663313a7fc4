import type { Logger } from '../../adapters/logging';
import { messageOf } from '../../adapters/logging';
import { OwnerRefused, type OwnerClient, type TaskRef } from '../../adapters/owner-client';

/** The task is not ours any more: nothing may be submitted or released for it. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

/** This attempt must stop, and another goes on from what is in the journal: the lease stays ours. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

// Kept free before the lease runs out, so that giving the task back still reaches the owner in time.
const RELEASE_MARGIN_SHARE = 0.1;
const RELEASE_MARGIN_MAX_MS = 10_000;

export interface LeaseOptions {
  client: OwnerClient;
  task: TaskRef;
  fencing: number | null;
  expiresAt: Date;
  /** Length that one heartbeat gives it, milliseconds. */
  lengthMs: number;
  /** When work must be over whatever the owner grants; ms since the epoch. */
  workUntil: number;
  logger: Logger;
}

/**
 * One leased task. Extends itself every third of the lease's length until it is closed, and aborts `signal` with
 * `LeaseLost` when the owner says that it is not ours any more, or when it ran out without an extension.
 */
export class Lease {
  private readonly controller = new AbortController();
  private readonly lengthMs: number;
  private readonly heartbeats = new AbortController();
  private expiresAtMs: number;
  private expiry: NodeJS.Timeout;
  private beat: NodeJS.Timeout;

  constructor(private readonly options: LeaseOptions) {
    this.expiresAtMs = options.expiresAt.getTime();
    this.lengthMs = Math.max(1000, options.lengthMs);
    this.expiry = this.armExpiry();
    this.beat = this.armBeat(this.lengthMs / 3);
  }

  /** Aborts with `LeaseLost`, or with what `abort` was given. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get expiresAt(): Date {
    return new Date(this.expiresAtMs);
  }

  /** Until when work may go on and still be given back in time; ms since the epoch. */
  workDeadline(): number {
    const margin = Math.min(RELEASE_MARGIN_MAX_MS, this.lengthMs * RELEASE_MARGIN_SHARE);
    return Math.min(this.expiresAtMs - margin, this.options.workUntil);
  }

  /** Stops the work for a reason of ours. */
  abort(reason: Error): void {
    if (!this.controller.signal.aborted) this.controller.abort(reason);
  }

  /** Ends the heartbeats; idempotent. */
  close(): void {
    clearTimeout(this.expiry);
    clearTimeout(this.beat);
    this.heartbeats.abort();
  }

  private armExpiry(): NodeJS.Timeout {
    const wait = Math.max(0, this.expiresAtMs - Date.now());
    return setTimeout(() => this.lose('it ran out before it could be extended'), wait);
  }

  private armBeat(ms: number): NodeJS.Timeout {
    return setTimeout(() => void this.heartbeat(), ms);
  }

  private async heartbeat(): Promise<void> {
    const { client, task, fencing, logger } = this.options;
    let next = this.lengthMs / 3;
    try {
      const answer = await client.heartbeat(task, fencing, { signal: this.heartbeats.signal });
      this.expiresAtMs = answer.claim_expires_at.getTime();
      clearTimeout(this.expiry);
      this.expiry = this.armExpiry();
    } catch (error) {
      if (this.heartbeats.signal.aborted) return;
      if (error instanceof OwnerRefused && [403, 404, 409].includes(error.status)) {
        this.lose(messageOf(error));
        return;
      }
      logger.warn('a heartbeat failed; it is tried again while the lease lives', {
        task_evaluation_id: task.taskEvaluationId,
        error: messageOf(error),
      });
      next = Math.min(next, 1000);
    }
    if (!this.heartbeats.signal.aborted && !this.controller.signal.aborted) this.beat = this.armBeat(next);
  }

  private lose(why: string): void {
    clearTimeout(this.beat);
    this.abort(new LeaseLost(`the lease of task ${this.options.task.taskEvaluationId} is lost: ${why}`));
  }
}
