import {
  ApplicationFailure,
  CancellationScope,
  allHandlersFinished,
  condition,
  continueAsNew,
  isCancellation,
  log,
  proxyActivities,
  setDefaultSignalHandler,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { FAULTS } from '../domain/faults';
import {
  TASK_QUEUES,
  type RunEpochInput,
  type RunEpochState,
  type RunProgressView,
  type StuckStep,
} from '../domain/messages';
import { STEER_ACTIONS } from '../domain/run-steering';
import { currentWindow } from '../domain/schedule';
import type { RunPhase } from '../domain/status';
import type { CorpusActivities } from '../activities/corpora';
import type { RunClosingActivities } from '../activities/run-closing';
import type { RunPoolActivities } from '../activities/run-pool';
import type { RunActivities } from '../activities/runs';
import type { ScoringActivities } from '../activities/scoring';
import { STEP_OPTIONS, StepLeft, retriedStep, type StepOwner } from './retried-step';
import { BESIDE_RETRY, RunSteering, iso, runProgressQuery, steerSignals, steerUpdates } from './run/steering';
import { announce, introduce } from './visibility';

// The steps of a run; `retriedStep` repeats them for as long as the run is wanted.
const runs = proxyActivities<RunActivities & RunClosingActivities>({
  taskQueue: TASK_QUEUES.control,
  startToCloseTimeout: '2 minutes',
  ...STEP_OPTIONS,
});

const waits = proxyActivities<RunActivities & RunClosingActivities>({
  taskQueue: TASK_QUEUES.control,
  startToCloseTimeout: '1 day',
  heartbeatTimeout: '15 seconds',
  ...STEP_OPTIONS,
});

const corpora = proxyActivities<CorpusActivities>({
  taskQueue: TASK_QUEUES.control,
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: '6 minutes',
  ...STEP_OPTIONS,
});

const scoring = proxyActivities<ScoringActivities>({
  taskQueue: TASK_QUEUES.control,
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '30 seconds',
  ...STEP_OPTIONS,
});

// Beside the steps: agents get their turn, for as long as that takes.
const pools = proxyActivities<RunPoolActivities>({
  taskQueue: TASK_QUEUES.runtime,
  startToCloseTimeout: '1 day',
  heartbeatTimeout: '30 seconds',
  retry: BESIDE_RETRY,
});

/** One evaluation run: opens on time, is held open by a durable timer, drained, scored, published, followed by the next. */
export async function runEpoch(input: RunEpochInput): Promise<RunProgressView> {
  const run = new RunEpoch(input);
  setHandler(runProgressQuery, () => run.view());
  for (const action of STEER_ACTIONS) {
    setHandler(steerSignals[action], async (sent?: unknown) => {
      await run.steering.steer(action, sent);
    });
    setHandler(steerUpdates[action], async (sent?: unknown) => {
      const answer = await run.steering.steer(action, sent);
      if (answer.outcome === 'refused') {
        throw ApplicationFailure.nonRetryable(answer.message, FAULTS.badState);
      }
      return answer;
    });
  }
  setDefaultSignalHandler((name: string) => run.steering.unknownSignal(name));
  introduce('run', { family: input.familyId, runId: input.runId });
  return run.live();
}

class RunEpoch implements StepOwner {
  readonly steering: RunSteering;
  private reason = 'reading the run';
  private loaded: boolean;
  /** True once the next run has been started. */
  private followed = false;
  private readonly state: RunEpochState;

  constructor(private readonly input: RunEpochInput) {
    this.loaded = input.state !== undefined;
    this.state = input.state ?? {
      phase: 'scheduled',
      startsAt: 0,
      endsAt: 0,
      pausedAt: null,
      opened: false,
      closing: null,
      summary: '',
      stuck: null,
      orders: [],
      continued: 0,
    };
    this.steering = new RunSteering(
      input.runId,
      this.state,
      () => this.loaded,
      () => this.view(),
    );
  }

  get retries(): number {
    return this.steering.retries;
  }

  get stuck(): StuckStep | null {
    return this.state.stuck;
  }
  set stuck(stuck: StuckStep | null) {
    this.state.stuck = stuck;
  }

  get full(): boolean {
    const { continueAsNewSuggested, historyLength } = workflowInfo();
    return this.loaded && (continueAsNewSuggested || historyLength > (this.input.historyLimit ?? Infinity));
  }

  view(): RunProgressView {
    const { phase, startsAt, endsAt, pausedAt, closing, stuck, continued } = this.state;
    const until = pausedAt ?? Date.now();
    return {
      runId: this.input.runId,
      phase,
      reason: this.reason,
      startsAt: iso(startsAt),
      endsAt: iso(endsAt),
      pausedAt: pausedAt === null ? null : iso(pausedAt),
      remainingSeconds: endsAt === 0 ? 0 : Math.max(0, Math.round((endsAt - until) / 1000)),
      closing: closing !== null,
      stuck: stuck && {
        step: stuck.step,
        failures: stuck.failures,
        error: stuck.error,
        since: iso(stuck.since),
        nextAttempt: iso(stuck.nextAttemptAt),
      },
      continued,
    };
  }

  private window(): { startsAt: string; endsAt: string } {
    return { startsAt: iso(this.state.startsAt), endsAt: iso(this.state.endsAt) };
  }

  // ---------------------------------------------------------------------------------------------- the run's life

  async live(): Promise<RunProgressView> {
    for (;;) {
      if (this.full) await this.continueAnew();
      try {
        await this.advance();
      } catch (error) {
        // Told to close, or to continue as new, in the middle of a step: what is next is decided anew.
        if (!(error instanceof StepLeft)) throw error;
        continue;
      }
      if (!this.followed) continue;
      await condition(allHandlersFinished);
      return this.view();
    }
  }

  /** Goes through one phase; every step in it may be repeated, so a phase that was left is simply entered again. */
  private async advance(): Promise<void> {
    const { phase, closing } = this.state;
    if (!this.loaded) return this.load();
    if (closing !== null && (phase === 'opening' || phase === 'deploying')) return this.abandon();
    switch (phase) {
      case 'scheduled':
        return this.waitForStart();
      case 'opening':
        return this.open();
      case 'deploying':
        return this.deploy();
      case 'running':
      case 'paused':
        return this.hold();
      case 'draining':
        return this.drain();
      case 'aggregating':
        return this.aggregate();
      case 'publishing':
        return this.publish();
      case 'completed':
        return this.handOver();
    }
  }

  /** Reads the row; a workflow that was ended by hand and started again goes on where its row stands. */
  private async load(): Promise<void> {
    const row = await this.step('loadRun', () => runs.loadRun(this.input.runId));
    this.state.phase = row.phase;
    this.state.startsAt = Date.parse(row.startsAt);
    this.state.endsAt = Date.parse(row.endsAt);
    this.state.pausedAt = row.pausedAt === null ? null : Date.parse(row.pausedAt);
    this.state.summary = row.summary;
    this.loaded = true;
  }

  private async waitForStart(): Promise<void> {
    const { state } = this;
    const { startsAt, endsAt } = state;
    if (!state.opened && Date.now() < startsAt) {
      this.say(`opens at ${iso(startsAt)}`);
      await condition(() => state.opened || state.endsAt !== endsAt || this.full, startsAt - Date.now());
      if (!state.opened && Date.now() < startsAt) return;
    }
    await this.catchUp();
    await this.enter('opening', 'drawing its tasks');
  }

  /** After downtime a run opens in the window that contains now, never in one that has passed (decision 17). */
  private async catchUp(): Promise<void> {
    const { state } = this;
    if (state.pausedAt !== null) return;
    const planned = this.window();
    const window = currentWindow(
      { startsAt: new Date(state.startsAt), endsAt: new Date(state.endsAt) },
      new Date(),
    );
    if (window.missed === 0) return;
    state.startsAt = window.startsAt.getTime();
    state.endsAt = window.endsAt.getTime();
    await this.step('moveWindow', () =>
      runs.moveWindow({ runId: this.input.runId, ...this.window(), planned, missed: window.missed }),
    );
  }

  private async open(): Promise<void> {
    const { runId } = this.input;
    const opening = await this.step(
      'openRun',
      () => runs.openRun({ runId, ...this.window() }),
      this.isClosing,
    );
    this.say(`indexing the documents of ${opening.taskCount} tasks`);
    await this.step('indexCorpora', () => corpora.indexCorpora(runId), this.isClosing);
    // A dataset that was missing for longer than the run lasts must not make an empty run of it.
    await this.catchUp();
    await this.enter('deploying', `${opening.taskCount} tasks drawn; starting the agents`);
  }

  private async deploy(): Promise<void> {
    const { runId } = this.input;
    await this.step('activateDeployments', () => runs.activateDeployments(runId), this.isClosing);
    const pool = this.tendPool();
    try {
      await this.step('awaitDeployments', () => waits.awaitDeployments(runId), this.isClosing);
    } finally {
      await pool.end();
    }
    const seeded = await this.step('freezeAndSeed', () => runs.freezeAndSeed(runId), this.isClosing);
    this.state.summary = `${seeded.members} miners, ${seeded.tasks} tasks`;
    await this.enter('running', this.state.summary);
  }

  /** Holds the run open until its timer ends or an operator closes it; a pause stops the timer. */
  private async hold(): Promise<void> {
    const { state } = this;
    const pool = this.tendPool();
    try {
      while (state.closing === null && !this.full) {
        const { pausedAt, endsAt } = state;
        const left = endsAt - Date.now();
        if (pausedAt === null && left <= 0) {
          state.closing = 'drain';
          break;
        }
        this.say(
          pausedAt === null
            ? `${state.summary}, open for validators; closes at ${iso(endsAt)}`
            : `paused since ${iso(pausedAt)}: no new claims, the clock stands still`,
        );
        const changed = (): boolean =>
          state.closing !== null || state.pausedAt !== pausedAt || state.endsAt !== endsAt || this.full;
        await (pausedAt === null ? condition(changed, left) : condition(changed));
      }
    } finally {
      await pool.end();
    }
    if (state.closing !== null) await this.enter('draining', 'no new claims; running leases finish');
  }

  private async drain(): Promise<void> {
    const { runId } = this.input;
    const mode = this.state.closing ?? 'drain';
    // Whoever closed after draining may still decide to close now: then the wait for leases is left.
    const escalated = (): boolean => mode === 'drain' && this.state.closing === 'now';
    await this.step('awaitDrain', () => waits.awaitDrain({ runId, mode }), escalated);
    await this.enter('aggregating', 'computing scores');
  }

  private async aggregate(): Promise<void> {
    await this.step('aggregateRun', () => scoring.aggregateRun(this.input.runId));
    await this.enter('publishing', 'writing the evidence and the weights');
  }

  private async publish(): Promise<void> {
    const { runId } = this.input;
    await this.step('publishEvidence', () => scoring.publishEvidence(runId));
    await this.step('computeWeights', () => scoring.computeWeights(runId));
    await this.step('completeRun', () => runs.completeRun(runId));
    this.state.phase = 'completed';
  }

  /** Who stays, who goes, and the next run. */
  private async handOver(): Promise<void> {
    const { runId } = this.input;
    await this.step('settleDeployments', () => runs.settleDeployments(runId));
    const next = await this.step('startNextRun', () => runs.startNextRun(runId));
    this.say(`completed; ${next.runId} follows`);
    this.followed = true;
  }

  /** Closed before anybody was frozen into it: nothing is scored, and its submissions go to the next run. */
  private async abandon(): Promise<void> {
    const { runId } = this.input;
    const reason = `closed while ${this.state.phase}, before any task was handed out`;
    const left = await this.step('abandonRun', () => runs.abandonRun({ runId, reason }));
    if (left.seeded) return this.enter('draining', 'no new claims; running leases finish');
    this.state.phase = 'completed';
  }

  // ---------------------------------------------------------------------------------------------- tools

  private readonly isClosing = (): boolean => this.state.closing !== null;

  private step<T>(name: string, act: () => Promise<T>, giveUp?: () => boolean): Promise<T> {
    return retriedStep(this, name, act, giveUp);
  }

  /** The phase counts once the row shows it; whether `running` is `paused` follows from the clock. */
  private async enter(phase: RunPhase, reason: string): Promise<void> {
    await this.step('setPhase', () => runs.setPhase({ runId: this.input.runId, phase }));
    this.state.phase = phase === 'running' && this.state.pausedAt !== null ? 'paused' : phase;
    this.say(reason);
  }

  /** Gives agents their turn while the run is open, as a capacity that is too small for all allows (evaluation.md 1.10). */
  private tendPool(): { end(): Promise<void> } {
    const scope = new CancellationScope();
    const work = scope
      .run(() => pools.tendPool(this.input.runId))
      .catch((error: unknown) => {
        if (!isCancellation(error)) log.error('the pool of agents is not tended any more', { error });
      });
    return {
      end: async () => {
        scope.cancel();
        await work;
      },
    };
  }

  private async continueAnew(): Promise<never> {
    await condition(allHandlersFinished);
    return continueAsNew<typeof runEpoch>({
      ...this.input,
      state: { ...this.state, continued: this.state.continued + 1 },
    });
  }

  private say(reason: string): void {
    this.reason = reason;
    this.tell();
  }

  tell(): void {
    const { phase, stuck } = this.state;
    if (stuck === null) return announce(phase, this.reason);
    const ways = phase === 'opening' || phase === 'deploying' ? ', and "close" gives the run up' : '';
    announce(
      phase,
      `${stuck.step} fails since ${iso(stuck.since)} (${stuck.failures} times): ${stuck.error} ` +
        `Tried again at ${iso(stuck.nextAttemptAt)}; the signal "retry" tries now${ways}.`,
      stuck.step,
    );
  }
}
