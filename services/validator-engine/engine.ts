import type { z } from 'zod';
import { messageOf } from '../../adapters/logging';
import { OwnerRefused } from '../../adapters/owner-client';
import type { FamilyId } from '../../domain/status';
import { claimedTaskSchema, type ClaimedTask, type RawClaimedTask } from '../../domain/validator/task';
import { EngineStopping, Lease, LeaseLost } from './lease';
import { TaskRun, type TaskDeps, type TaskEnding } from './task-run';

/** One task under way, as `/v1/status` shows it. */
export interface ActiveTaskView {
  task_evaluation_id: string;
  task_id: string;
  run_id: string;
  family_id: string;
  fencing: number | null;
  phase: string;
  miners: number;
  claimed_at: string;
  lease_expires_at: string;
}

export interface EngineStatus {
  phase: 'starting' | 'claiming' | 'idle' | 'stopping' | 'stopped' | 'off';
  active_tasks: ActiveTaskView[];
  ended: Record<TaskEnding, number>;
  last_claim_at: string | null;
  last_error: { message: string; at: string } | null;
}

interface Active {
  run: TaskRun;
  claimedAt: Date;
  ended: Promise<void>;
}

// The last part of a stop's grace is for giving back what could not be finished.
const RELEASE_SHARE = 1 / 3;
const RELEASE_MAX_MS = 6_000;
const FIRST_ERROR_WAIT_MS = 500;
const MAX_COOL_DOWN_MS = 600_000;

/** Claims tasks, runs up to `maxParallel` of them at once, and stops without losing any. */
export class ValidatorEngine {
  private readonly active = new Map<string, Active>();
  private readonly ended: Record<TaskEnding, number> = { submitted: 0, released: 0, lost: 0, rejected: 0 };
  private readonly reconciled = { total: 0, disputed: 0 };
  private phase: EngineStatus['phase'];
  private stopping = false;
  private readonly claims = new AbortController();
  private wake: () => void = () => undefined;
  private loop: Promise<void> = Promise.resolve();
  private stopped: Promise<void> | undefined;
  private lastClaimAt: Date | null = null;
  private lastError: { message: string; at: Date } | null = null;
  private emptyPolls = 0;
  private failedPolls = 0;
  private fruitlessInARow = 0;
  private pausedUntil = 0;

  constructor(private readonly deps: TaskDeps) {
    this.phase = deps.config.autoLoop ? 'starting' : 'off';
  }

  /** Begins to claim, unless the loop is switched off. */
  start(): void {
    if (this.deps.config.autoLoop) this.loop = this.claimUntilStopped();
  }

  status(): EngineStatus {
    const tasks = [...this.active.values()].map(({ run, claimedAt }): ActiveTaskView => ({
      task_evaluation_id: run.task.task_evaluation_id,
      task_id: run.task.task_id,
      run_id: run.task.run_id,
      family_id: run.task.family_id,
      fencing: run.task.fencing ?? null,
      phase: run.phase,
      miners: run.task.miners.length,
      claimed_at: claimedAt.toISOString(),
      lease_expires_at: run.lease.expiresAt.toISOString(),
    }));
    return {
      phase: this.phase,
      active_tasks: tasks,
      ended: { ...this.ended },
      last_claim_at: this.lastClaimAt?.toISOString() ?? null,
      last_error: this.lastError && { message: this.lastError.message, at: this.lastError.at.toISOString() },
    };
  }

  /** Stops claiming, lets tasks end within the grace, gives the others back. Idempotent. */
  stop(): Promise<void> {
    return (this.stopped ??= this.drain());
  }

  private async drain(): Promise<void> {
    const graceMs = this.deps.config.shutdownGraceSeconds * 1000;
    const finishMs = graceMs - Math.min(RELEASE_MAX_MS, graceMs * RELEASE_SHARE);
    this.stopping = true;
    this.phase = 'stopping';
    this.wake();
    const timer = setTimeout(() => this.abortAll(), finishMs);
    await this.loop;
    await Promise.all([...this.active.values()].map((task) => task.ended));
    clearTimeout(timer);
    this.phase = 'stopped';
  }

  private abortAll(): void {
    this.claims.abort();
    for (const { run } of this.active.values()) {
      run.lease.abort(new EngineStopping('the validator is shutting down and could not finish the task'));
    }
  }

  private async claimUntilStopped(): Promise<void> {
    while (!this.stopping) {
      const free = this.deps.config.maxParallel - this.active.size;
      if (free <= 0) {
        await this.sleep(null);
        continue;
      }
      const wait = await this.notYet();
      if (wait > 0) {
        this.phase = this.active.size > 0 ? 'claiming' : 'idle';
        await this.sleep(wait);
        continue;
      }
      let claimed = 0;
      let failed = false;
      for (const family of this.deps.config.families) {
        const room = this.deps.config.maxParallel - this.active.size;
        if (room <= 0 || this.stopping) break;
        try {
          claimed += await this.claim(family, Math.min(room, this.deps.config.batchSize));
        } catch (error) {
          failed = true;
          this.note(error, family);
        }
      }
      if (this.stopping) break;
      this.phase = this.active.size > 0 ? 'claiming' : 'idle';
      if (claimed === 0) await this.idle(failed);
      else this.emptyPolls = this.failedPolls = 0;
    }
  }

  private async claim(family: FamilyId, batchSize: number): Promise<number> {
    const { owner, metrics } = this.deps;
    let tasks: RawClaimedTask[];
    try {
      ({ tasks } = await owner.claimTasks(family, { batchSize }, { signal: this.claims.signal }));
    } catch (error) {
      // The owner has nothing to claim from: no such run or family now.
      if (error instanceof OwnerRefused && error.status === 404) tasks = [];
      else throw error;
    }
    metrics.lastLoop.set({ loop_name: 'claim' }, Date.now() / 1000);
    let begun = 0;
    for (const raw of tasks) {
      const task = claimedTaskSchema.safeParse(raw);
      if (task.success) {
        this.take(task.data);
        begun += 1;
      } else await this.giveBack(family, raw, task.error.issues[0]);
    }
    if (begun > 0) this.lastClaimAt = new Date();
    return begun;
  }

  /** A task that cannot be read is somebody else's to judge, or the owner's to mend. */
  private async giveBack(familyId: string, raw: RawClaimedTask, issue?: z.core.$ZodIssue): Promise<void> {
    const { owner, metrics, logger } = this.deps;
    const where = issue?.path.join('.') || 'the task';
    const reason = `the claimed task cannot be read: ${where}: ${issue?.message ?? 'invalid'}`;
    const { task_evaluation_id: taskEvaluationId, fencing } = raw;
    metrics.tasksReleased.inc({ cause: 'unreadable' });
    this.lastError = { message: reason, at: new Date() };
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

  /** Begins a claimed task, unless it is under way already under the same or a newer lease. */
  private take(task: ClaimedTask): void {
    const id = task.task_evaluation_id;
    const earlier = this.active.get(id);
    if (earlier) {
      const [mine, theirs] = [earlier.run.task.fencing ?? 0, task.fencing ?? 0];
      if (theirs <= mine) return;
      earlier.run.lease.abort(new LeaseLost(`task ${id} was claimed again under lease ${theirs}`));
    }
    const lease = new Lease({
      client: this.deps.owner,
      task: { familyId: task.family_id, taskEvaluationId: id },
      fencing: task.fencing ?? null,
      expiresAt: task.claim_expires_at,
      capMs: this.deps.config.taskCapSeconds * 1000,
      logger: this.deps.logger,
    });
    const run = new TaskRun(task, lease, this.deps);
    const entry: Active = { run, claimedAt: new Date(), ended: Promise.resolve() };
    this.active.set(id, entry);
    this.deps.metrics.leases.set(this.active.size);
    this.countOracle(task);
    if (this.stopping) lease.abort(new EngineStopping('the validator is shutting down'));
    // The earlier attempt has lost its lease; it must have let go of everything before the task is begun again.
    entry.ended = (earlier?.ended ?? Promise.resolve())
      .then(() => run.run())
      .then((ending) => {
        this.ended[ending] += 1;
        this.coolDown(ending, run.fruitless);
        if (this.active.get(id) === entry) this.active.delete(id);
        this.deps.metrics.leases.set(this.active.size);
        this.wake();
      });
  }

  /**
   * Work that came to nothing through our side or the owner's would be claimed again at once, and use up the attempts
   * that a task has while the cause lasts. So claiming pauses, longer each time, until something is judged again.
   */
  private coolDown(ending: TaskEnding, fruitless: boolean): void {
    if (ending === 'submitted' && !fruitless) {
      this.fruitlessInARow = 0;
      this.pausedUntil = 0;
      return;
    }
    if (!fruitless || this.stopping) return;
    const pollMs = this.deps.config.pollIntervalSeconds * 1000;
    const wait = Math.min(MAX_COOL_DOWN_MS, pollMs * 2 ** this.fruitlessInARow);
    this.fruitlessInARow += 1;
    this.pausedUntil = Date.now() + wait;
    this.deps.logger.warn('a task came to nothing; claiming pauses', { seconds: Math.round(wait / 1000) });
  }

  /** Milliseconds that claiming must still wait for: a pause, or a judge that does not answer. */
  private async notYet(): Promise<number> {
    const left = this.pausedUntil - Date.now();
    if (left > 0) return left;
    try {
      await this.deps.judge.health(this.claims.signal);
      return 0;
    } catch (error) {
      // What cannot be judged is better left to others.
      this.note(error, 'all');
      this.failedPolls += 1;
      return Math.min(
        this.deps.config.pollIntervalSeconds * 1000,
        FIRST_ERROR_WAIT_MS * 2 ** (this.failedPolls - 1),
      );
    }
  }

  private countOracle(task: ClaimedTask): void {
    const { metrics } = this.deps;
    const family = task.family_id;
    const status = task.oracle_status ?? 'unknown';
    metrics.oracleStatus.inc({ family, oracle_status: status });
    if (status === 'deterministic' || status === 'unknown') return;
    this.reconciled.total += 1;
    if (status === 'disputed') this.reconciled.disputed += 1;
    metrics.disputedRate.set({ family }, this.reconciled.disputed / this.reconciled.total);
  }

  private note(error: unknown, family: string): void {
    this.lastError = { message: messageOf(error), at: new Date() };
    const hint =
      error instanceof OwnerRefused && error.status === 403
        ? 'ask the owner to add this hotkey to the validators'
        : undefined;
    this.deps.logger.warn('no task could be claimed', { family, error: messageOf(error), hint });
  }

  private async idle(failed: boolean): Promise<void> {
    const pollMs = this.deps.config.pollIntervalSeconds * 1000;
    if (failed) {
      this.failedPolls += 1;
      await this.sleep(Math.min(pollMs, FIRST_ERROR_WAIT_MS * 2 ** (this.failedPolls - 1)));
      return;
    }
    this.failedPolls = 0;
    this.emptyPolls += 1;
    if (this.emptyPolls % this.deps.config.idleHeartbeatEvery === 0) {
      this.deps.logger.info('nothing to claim', {
        empty_polls: this.emptyPolls,
        active_tasks: this.active.size,
      });
    }
    await this.sleep(pollMs);
  }

  /** Waits for the time to pass (for ever with null), a task to end while all slots are taken, or the stop. */
  private async sleep(ms: number | null): Promise<void> {
    if (this.stopping) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.wake = () => {
        if (this.stopping || ms === null) resolve();
      };
      if (ms !== null) timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.wake = () => undefined;
  }
}
