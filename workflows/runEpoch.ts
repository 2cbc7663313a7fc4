import {
  ApplicationFailure,
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  proxyActivities,
  setHandler,
} from '@temporalio/workflow';
import type { RetryPolicy } from '@temporalio/common';
import { FAULTS, FINAL_FAULTS } from '../domain/faults';
import {
  RUN_MESSAGES,
  TASK_QUEUES,
  type CloseRequest,
  type ExtendRequest,
  type RunEpochInput,
  type RunProgressView,
  type SteerRequest,
} from '../domain/messages';
import type { RunPhase } from '../domain/status';
import type { CorpusActivities } from '../activities/corpora';
import type { RunActivities } from '../activities/runs';
import type { ScoringActivities } from '../activities/scoring';
import { announce, introduce } from './visibility';

export const pauseSignal = defineSignal<[SteerRequest?]>(RUN_MESSAGES.pause);
export const resumeSignal = defineSignal<[SteerRequest?]>(RUN_MESSAGES.resume);
export const closeUpdate = defineUpdate<RunProgressView, [CloseRequest?]>(RUN_MESSAGES.close);
export const extendUpdate = defineUpdate<RunProgressView, [ExtendRequest]>(RUN_MESSAGES.extend);
export const openUpdate = defineUpdate<RunProgressView, [SteerRequest?]>(RUN_MESSAGES.open);
export const runProgressQuery = defineQuery<RunProgressView>(RUN_MESSAGES.progress);

// A run is worth waiting for: its steps are retried for as long as the run could last, visibly.
const retry: RetryPolicy = {
  initialInterval: '500 ms',
  maximumInterval: '30 seconds',
  nonRetryableErrorTypes: [...FINAL_FAULTS],
};

const runs = proxyActivities<RunActivities>({
  taskQueue: TASK_QUEUES.control,
  startToCloseTimeout: '2 minutes',
  scheduleToCloseTimeout: '30 days',
  retry,
});

const waits = proxyActivities<RunActivities>({
  taskQueue: TASK_QUEUES.control,
  startToCloseTimeout: '1 day',
  scheduleToCloseTimeout: '30 days',
  heartbeatTimeout: '15 seconds',
  retry,
});

const corpora = proxyActivities<CorpusActivities>({
  taskQueue: TASK_QUEUES.control,
  startToCloseTimeout: '1 hour',
  scheduleToCloseTimeout: '30 days',
  heartbeatTimeout: '6 minutes',
  retry,
});

const scoring = proxyActivities<ScoringActivities>({
  taskQueue: TASK_QUEUES.control,
  startToCloseTimeout: '10 minutes',
  scheduleToCloseTimeout: '30 days',
  heartbeatTimeout: '30 seconds',
  retry,
});

/** One evaluation run: opens on time, is held open by a durable timer, drained, scored, published, followed by the next. */
export async function runEpoch(input: RunEpochInput): Promise<RunProgressView> {
  const run = new RunEpoch(input);
  setHandler(pauseSignal, (request) => run.pause(request ?? {}));
  setHandler(resumeSignal, (request) => run.resume(request ?? {}));
  setHandler(runProgressQuery, () => run.view());
  setHandler(
    openUpdate,
    async (request) => {
      run.open(request ?? {});
      await condition(() => run.phase !== 'scheduled');
      return run.view();
    },
    {
      validator: (_request?: SteerRequest) => {
        if (run.phase !== 'scheduled') throw refusal(`the run is ${run.phase} already`);
      },
    },
  );
  setHandler(
    closeUpdate,
    async (request) => {
      run.close(request ?? {});
      await condition(() => !run.holding);
      return run.view();
    },
    {
      validator: (_request?: CloseRequest) => {
        if (run.phase === 'scheduled') throw refusal('the run is not open yet');
        if (run.phase === 'completed') throw refusal('the run is completed already');
      },
    },
  );
  setHandler(
    extendUpdate,
    async (request) => {
      await run.extend(request);
      return run.view();
    },
    {
      validator: (request) => {
        if (!Number.isFinite(request.seconds) || request.seconds <= 0) {
          throw refusal('seconds must be a positive number');
        }
        if (!run.holding)
          throw refusal(`the run is ${run.phase}; only a run that is not closing yet can be extended`);
      },
    },
  );
  introduce('run', { family: input.familyId, runId: input.runId });
  return run.live();
}

function refusal(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, FAULTS.badState);
}

class RunEpoch {
  phase: RunPhase = 'scheduled';
  private reason = 'waiting for its start';
  private startsAt = 0;
  private endsAt = 0;
  private pausedAt: number | null = null;
  private opened = false;
  private closing: 'now' | 'drain' | null = null;
  private steered: Array<{ action: string; request: SteerRequest }> = [];

  constructor(private readonly input: RunEpochInput) {}

  /** True until the run begins to close. */
  get holding(): boolean {
    return (
      ['scheduled', 'opening', 'deploying', 'running', 'paused'].includes(this.phase) && this.closing === null
    );
  }

  pause(request: SteerRequest): void {
    this.note('pause', request);
    if (this.holding && this.pausedAt === null) this.pausedAt = Date.now();
  }

  resume(request: SteerRequest): void {
    this.note('resume', request);
    if (this.pausedAt === null) return;
    this.endsAt += Date.now() - this.pausedAt;
    this.pausedAt = null;
  }

  open(request: SteerRequest): void {
    this.note('open', request);
    this.opened = true;
  }

  close(request: CloseRequest): void {
    this.note('close', request);
    this.closing ??= request.mode ?? 'drain';
  }

  async extend(request: ExtendRequest): Promise<void> {
    this.note('extend', request);
    this.endsAt += request.seconds * 1000;
    await runs.moveEnd({ runId: this.input.runId, endsAt: iso(this.endsAt) });
  }

  view(): RunProgressView {
    const until = this.pausedAt ?? Date.now();
    return {
      runId: this.input.runId,
      phase: this.phase,
      reason: this.reason,
      startsAt: iso(this.startsAt),
      endsAt: iso(this.endsAt),
      pausedAt: this.pausedAt === null ? null : iso(this.pausedAt),
      remainingSeconds: this.endsAt === 0 ? 0 : Math.max(0, Math.round((this.endsAt - until) / 1000)),
    };
  }

  async live(): Promise<RunProgressView> {
    const { runId } = this.input;
    const window = await runs.loadRun(runId);
    this.startsAt = Date.parse(window.startsAt);
    this.endsAt = Date.parse(window.endsAt);
    await this.waitForStart();

    await this.enter('opening', 'drawing its tasks');
    const opening = await runs.openRun({ runId, startsAt: iso(this.startsAt), endsAt: iso(this.endsAt) });
    announce('opening', `indexing the documents of ${opening.taskCount} tasks`);
    await corpora.indexCorpora(runId);
    await this.enter('deploying', `${opening.taskCount} tasks drawn; starting the agents`);
    await runs.activateDeployments(runId);
    await waits.awaitDeployments({ runId, endsAt: iso(this.endsAt) });
    const seeded = await runs.freezeAndSeed(runId);
    await this.hold(`${seeded.members} miners, ${seeded.tasks} tasks, open for validators`);

    await this.enter('draining', 'no new claims; running leases finish');
    await waits.awaitDrain({ runId, mode: this.closing ?? 'drain' });
    await this.enter('aggregating', 'computing scores');
    await scoring.aggregateRun(runId);
    await this.enter('publishing', 'writing the evidence and the weights');
    await scoring.publishEvidence(runId);
    await scoring.computeWeights(runId);
    await runs.completeRun(runId);
    this.phase = 'completed';
    await runs.settleDeployments(runId);
    const next = await runs.startNextRun(runId);
    this.reason = `completed; ${next.runId} follows`;
    announce('completed', this.reason);
    return this.view();
  }

  private async waitForStart(): Promise<void> {
    announce('scheduled', `opens at ${iso(this.startsAt)}`);
    const duration = this.endsAt - this.startsAt;
    while (!this.opened && Date.now() < this.startsAt) {
      await condition(() => this.opened || this.steered.length > 0, this.startsAt - Date.now());
      await this.audit();
    }
    if (this.opened) {
      // Opened by hand: the whole duration counts from now.
      this.startsAt = Date.now();
      this.endsAt = this.startsAt + duration;
    }
  }

  /** Holds the run open until its timer ends or an operator closes it; a pause stops the timer. */
  private async hold(summary: string): Promise<void> {
    for (;;) {
      await this.audit();
      if (this.closing) return;
      if (this.pausedAt !== null) {
        await this.enter('paused', 'paused: no new claims, the timer stands still', this.pausedAt);
        await condition(() => this.pausedAt === null || this.closing !== null);
        if (this.closing) return;
        await runs.moveEnd({ runId: this.input.runId, endsAt: iso(this.endsAt) });
        continue;
      }
      const left = this.endsAt - Date.now();
      if (left <= 0) return;
      await this.enter('running', `${summary}; closes at ${iso(this.endsAt)}`);
      const end = this.endsAt;
      await condition(
        () =>
          this.pausedAt !== null || this.closing !== null || this.endsAt !== end || this.steered.length > 0,
        left,
      );
    }
  }

  private async enter(phase: RunPhase, reason: string, pausedAt: number | null = null): Promise<void> {
    this.reason = reason;
    if (this.phase !== phase) {
      this.phase = phase;
      await runs.setPhase({
        runId: this.input.runId,
        phase,
        pausedAt: pausedAt === null ? null : iso(pausedAt),
      });
    }
    announce(phase, reason);
  }

  private note(action: string, request: SteerRequest): void {
    // The API audits what comes through it; what an operator signals by other means is audited here.
    if (!request.via) this.steered.push({ action, request });
  }

  private async audit(): Promise<void> {
    for (let next = this.steered.shift(); next; next = this.steered.shift()) {
      await runs.auditSteering({ runId: this.input.runId, action: next.action, request: next.request });
    }
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
