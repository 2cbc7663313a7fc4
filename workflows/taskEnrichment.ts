import {
  ActivityFailure,
  ApplicationFailure,
  condition,
  defineQuery,
  defineSignal,
  isCancellation,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { FAULTS, FINAL_FAULTS } from '../domain/faults';
import {
  ENRICHMENT_MESSAGES,
  oracleTaskQueue,
  type EnrichmentView,
  type OracleProgress,
  type SteerRequest,
  type TaskEnrichmentInput,
} from '../domain/messages';
import type { OracleVendor } from '../domain/oracle/record';
import type {
  EnrichmentActivities,
  EnrichmentPlan,
  OracleAbsence,
  OraclePlan,
} from '../activities/enrichment';
import { announce, introduce } from './visibility';

export const askAgainSignal = defineSignal<[SteerRequest?]>(ENRICHMENT_MESSAGES.askAgain);
export const enrichmentStatusQuery = defineQuery<EnrichmentView>(ENRICHMENT_MESSAGES.status);

const USABLE_MIN = 2;
const ROUND_MAX_SECONDS = 600;

/**
 * The truth of one task, found once (evaluation.md section 3): the oracles in parallel, each by its own time limit, retry
 * policy and queue, then the reconciler. An outage is waited out in rounds; at the end of its time the task counts as
 * the owner's failure, is not scored, and this workflow fails where operators see it (decision 7). Started again
 * after that, it asks only those that have not answered.
 */
export async function taskEnrichment(input: TaskEnrichmentInput): Promise<EnrichmentView> {
  const work = new Enrichment(input);
  setHandler(askAgainSignal, () => work.askAgain());
  setHandler(enrichmentStatusQuery, () => work.view);
  introduce('enrichment', { family: input.familyId, runId: input.runId });
  return work.live();
}

class Enrichment {
  readonly view: EnrichmentView;
  private readonly key: { runId: string; familyId: string; taskId: string };
  private readonly startedAt = workflowInfo().startTime.toISOString();
  private readonly store: EnrichmentActivities;
  private impatient = false;

  constructor(private readonly input: TaskEnrichmentInput) {
    const { runId, familyId, taskId, queue } = input;
    this.key = { runId, familyId, taskId };
    this.view = {
      runId,
      taskId,
      step: 'planning',
      reason: 'looking what there is to do',
      oracles: {},
      round: 0,
      nextAttempt: null,
      oracleStatus: null,
      expectedClaims: 0,
    };
    this.store = proxyActivities<EnrichmentActivities>({
      taskQueue: queue,
      startToCloseTimeout: '1 minute',
      retry: {
        initialInterval: '500 ms',
        maximumInterval: '30 seconds',
        nonRetryableErrorTypes: [...FINAL_FAULTS],
      },
    });
  }

  askAgain(): void {
    this.impatient = true;
  }

  async live(): Promise<EnrichmentView> {
    const begun = Date.now();
    for (;;) {
      const plan = await this.store.planEnrichment(this.key);
      if (plan.state !== 'wanted') return this.notNeeded(plan);
      this.view.round += 1;
      const waitingFor = await this.round(plan);
      if (waitingFor === null) return this.view;
      const wait = Math.min(ROUND_MAX_SECONDS, plan.roundSeconds * 2 ** (this.view.round - 1)) * 1000;
      if (Date.now() + wait - begun > plan.giveUpSeconds * 1000) return this.giveUp(waitingFor);
      await this.pause(waitingFor, wait);
    }
  }

  /** One round of asking. Settles the task and answers null, or tells what it has to wait for. */
  private async round(plan: EnrichmentPlan): Promise<string | null> {
    const vendors = Object.entries(plan.vendors) as [OracleVendor, OraclePlan][];
    for (const { vendor, status, reason } of plan.stored) this.note(vendor, status, reason);
    if (vendors.length < USABLE_MIN || plan.reconciler === null) return this.settle([]);
    const stored = new Set(plan.stored.map((outcome) => outcome.vendor));
    const open = this.usable() >= USABLE_MIN ? [] : vendors.filter(([vendor]) => !stored.has(vendor));
    for (const [vendor] of open) this.view.oracles[vendor] = { state: 'asking', reason: null };
    if (open.length > 0) this.say('asking', this.asking());
    await Promise.all(open.map(([vendor, oracle]) => this.ask(vendor, oracle)));

    const absent = Object.entries(this.view.oracles).flatMap(([vendor, progress]): OracleAbsence[] =>
      progress.state === 'waiting' && vendor !== 'reconciler'
        ? [{ vendor: vendor as OracleVendor, reason: progress.reason ?? 'no answer' }]
        : [],
    );
    if (this.usable() < USABLE_MIN) {
      // Those that answered what cannot be used will answer it again; an outage is worth waiting for.
      return absent.length > 0 ? this.waitingFor() : this.settle(absent);
    }
    this.view.oracles.reconciler = { state: 'asking', reason: null };
    this.say('reconciling', `${this.usable()} answers, waiting for the reconciler ${plan.reconciler.model}`);
    const reconciled = await this.reconcile(plan.reconciler);
    return reconciled ? this.settle(absent) : this.waitingFor();
  }

  private async ask(vendor: OracleVendor, oracle: OraclePlan): Promise<void> {
    const away = await this.call(vendor, oracle, async (activities) => {
      const outcome = await activities.askOracle({ ...this.key, vendor });
      this.note(vendor, outcome.status, outcome.reason);
    });
    if (away !== null) this.view.oracles[vendor] = { state: 'waiting', reason: away };
    this.say('asking', this.asking());
  }

  private async reconcile(reconciler: OraclePlan): Promise<boolean> {
    const away = await this.call('reconciler', reconciler, async (activities) => {
      await activities.reconcileAnswers(this.key);
    });
    this.view.oracles.reconciler =
      away === null ? { state: 'answered', reason: null } : { state: 'waiting', reason: away };
    return away === null;
  }

  /** Calls a model by its own queue and policy. @returns why it is away, or null when it answered */
  private async call(
    role: string,
    oracle: OraclePlan,
    act: (activities: EnrichmentActivities) => Promise<void>,
  ): Promise<string | null> {
    const activities = proxyActivities<EnrichmentActivities>({
      taskQueue: oracleTaskQueue(this.input.queue, role),
      summary: `${role} ${oracle.model}`,
      // A malformed reply is asked for once more within the same attempt.
      startToCloseTimeout: 2 * oracle.timeoutMs + 10_000,
      heartbeatTimeout: '20 seconds',
      retry: {
        initialInterval: '500 ms',
        backoffCoefficient: 2,
        maximumAttempts: oracle.attempts,
        nonRetryableErrorTypes: [...FINAL_FAULTS],
      },
    });
    try {
      await act(activities);
      return null;
    } catch (error) {
      if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
      const cause = error.cause;
      if (cause instanceof ApplicationFailure && cause.type === FAULTS.badState) throw error;
      return cause?.message ?? error.message;
    }
  }

  private async settle(absent: OracleAbsence[]): Promise<null> {
    this.say('settling', 'storing what was found');
    const settled = await this.store.settleEnrichment({ ...this.key, absent, startedAt: this.startedAt });
    this.view.oracleStatus = settled.oracleStatus;
    this.view.expectedClaims = settled.expectedClaims;
    const note = settled.note ? `: ${settled.note}` : '';
    this.say('settled', `${settled.oracleStatus}, ${settled.expectedClaims} expected claims${note}`);
    announce(settled.oracleStatus, this.view.reason);
    return null;
  }

  private notNeeded(plan: EnrichmentPlan): EnrichmentView {
    this.view.oracleStatus = plan.oracleStatus;
    this.view.expectedClaims = plan.expectedClaims;
    this.say(plan.state === 'settled' ? 'settled' : 'not_needed', plan.reason);
    return this.view;
  }

  private async pause(waitingFor: string, wait: number): Promise<void> {
    const next = new Date(Date.now() + wait).toISOString();
    this.view.nextAttempt = next;
    this.say('waiting', `waiting for ${waitingFor}; asked again at ${next}, or now by the signal askAgain`);
    await this.store.noteWaiting({ ...this.key, reason: this.view.reason });
    await condition(() => this.impatient, wait);
    this.impatient = false;
    this.view.nextAttempt = null;
  }

  private async giveUp(waitingFor: string): Promise<never> {
    const reason = `no answer after ${this.view.round} rounds: ${waitingFor}`;
    await this.store.failEnrichment({ ...this.key, reason });
    this.say('failed', `${reason}; the task is not scored until it is enriched again`);
    throw ApplicationFailure.nonRetryable(this.view.reason, FAULTS.enrichmentFailed);
  }

  private note(vendor: OracleVendor, status: 'ok' | 'error' | 'blocked', reason: string | null): void {
    const state = ({ ok: 'answered', error: 'failed', blocked: 'blocked' } as const)[status];
    this.view.oracles[vendor] = { state, reason } satisfies OracleProgress;
  }

  private usable(): number {
    return Object.entries(this.view.oracles).filter(
      ([role, { state }]) => role !== 'reconciler' && state === 'answered',
    ).length;
  }

  private asking(): string {
    const by = (state: OracleProgress['state']): string =>
      Object.entries(this.view.oracles)
        .filter(([, progress]) => progress.state === state)
        .map(([role]) => role)
        .join(', ');
    const answered = by('answered');
    return `waiting for ${by('asking') || 'nobody'}${answered ? `; ${answered} answered` : ''}`;
  }

  private waitingFor(): string {
    return Object.entries(this.view.oracles)
      .filter(([, { state }]) => state === 'waiting')
      .map(([role, { reason }]) => `${role} (${reason ?? 'no answer'})`)
      .join(', ');
  }

  private say(step: EnrichmentView['step'], reason: string): void {
    this.view.step = step;
    this.view.reason = reason;
    const stuck = step === 'waiting' || step === 'failed' ? 'oracles' : null;
    announce(step, `task ${this.input.taskId}: ${reason}`, stuck);
  }
}
