import {
  ActivityCancellationType,
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { RetryPolicy } from '@temporalio/common';
import { FINAL_FAULTS } from '../domain/faults';
import {
  VALIDATOR_MESSAGES,
  type SteerRequest,
  type ValidatorLoopInput,
  type ValidatorPhase,
  type ValidatorProgressView,
  type ValidatorTaskView,
} from '../domain/messages';
import {
  claimKeyOf,
  countEnding,
  emptyMemory,
  isFruitless,
  silenceAllowedMs,
  type ClaimAnswer,
  type Delivered,
  type Evaluated,
  type LoopMemory,
  type LoopSettings,
  type TaskTicket,
} from '../domain/validator/loop';
import type { ValidatorActivities } from '../activities/validator';
import { PublicationCadence } from './validator/publications';
import { announce, introduce } from './visibility';

export const pauseValidatorSignal = defineSignal<[SteerRequest?]>(VALIDATOR_MESSAGES.pause);
export const resumeValidatorSignal = defineSignal<[SteerRequest?]>(VALIDATOR_MESSAGES.resume);
export const configureSignal = defineSignal<[LoopSettings]>(VALIDATOR_MESSAGES.configure);
export const validatorProgressQuery = defineQuery<ValidatorProgressView>(VALIDATOR_MESSAGES.progress);

const retry: RetryPolicy = {
  initialInterval: '500 ms',
  maximumInterval: '15 seconds',
  nonRetryableErrorTypes: [...FINAL_FAULTS],
};

/** Claiming waits for tasks inside its activity; the loop hears of it at least this often. */
const CLAIM_PATIENCE_SECONDS = 600;

/** Well below the server's limit of 51,200 events. */
const TOO_LONG_EVENTS = 20_000;

const claiming = proxyActivities<ValidatorActivities>({
  startToCloseTimeout: '20 minutes',
  heartbeatTimeout: '30 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry,
});

// An owner that is away longer than this has ended the lease long since.
const delivering = proxyActivities<ValidatorActivities>({
  startToCloseTimeout: '3 minutes',
  scheduleToCloseTimeout: '6 hours',
  retry,
});

/**
 * A validator at work, for as long as it is one: claims tasks, works on up to `maxParallel` of them at once, delivers, and
 * has weights published on their cadence. Every step is an activity that may be begun again; what was obtained already lies
 * in the validator's journal.
 */
export async function validatorLoop(input: ValidatorLoopInput): Promise<void> {
  const loop = new ValidatorLoop(input);
  setHandler(pauseValidatorSignal, (request) => loop.pause(request ?? {}));
  setHandler(resumeValidatorSignal, () => loop.resume());
  setHandler(configureSignal, (settings) => loop.configure(settings));
  setHandler(validatorProgressQuery, () => loop.view());
  introduce('validator', { hotkey: input.hotkey, family: input.settings.families.join(',') });
  await loop.live();
  await condition(allHandlersFinished);
  await continueAsNew<typeof validatorLoop>(loop.next());
}

class ValidatorLoop {
  private readonly memory: LoopMemory;
  private settings: LoopSettings;
  private readonly active = new Map<string, ValidatorTaskView>();
  private readonly publications: PublicationCadence;
  private phase: ValidatorPhase = 'claiming';
  private reason = 'begins to claim';
  private waiting: string | null = null;
  private renewing = false;
  private tasksOfThisRun = 0;
  /** What `pause` and `configure` cut short: the wait for tasks. */
  private claimScope: CancellationScope | null = null;

  constructor(private readonly input: ValidatorLoopInput) {
    this.memory = input.memory ?? emptyMemory(workflowInfo().firstExecutionRunId);
    this.settings = input.settings;
    this.publications = new PublicationCadence(input.hotkey, this.memory, () => this.settings);
  }

  pause(request: SteerRequest): void {
    if (this.memory.paused) return;
    const by = request.actor ? ` by ${request.actor}` : '';
    const why = request.reason ? `: ${request.reason}` : '';
    this.memory.paused = { reason: `paused${by}${why}`, since: new Date().toISOString() };
    this.interruptClaim();
  }

  resume(): void {
    this.memory.paused = null;
    this.memory.coolUntil = 0;
  }

  configure(settings: LoopSettings): void {
    if (JSON.stringify(settings) === JSON.stringify(this.settings)) return;
    this.settings = settings;
    this.interruptClaim();
    this.publications.reconsider();
  }

  view(): ValidatorProgressView {
    const { ended, lastClaimAt, lastError, paused } = this.memory;
    return {
      hotkey: this.input.hotkey,
      phase: this.phase,
      reason: this.reason,
      paused,
      activeTasks: [...this.active.values()],
      ended: { ...ended },
      lastClaimAt,
      lastError,
      publication: this.publications.view,
    };
  }

  /** Runs until it is time to continue as new, with nothing under way any more. */
  async live(): Promise<void> {
    await Promise.all([this.claimUntilRenewal(), this.publications.untilRenewal(() => this.renewing)]);
    await condition(() => this.active.size === 0 && (!this.publications.inFlight || this.isLong()));
  }

  next(): ValidatorLoopInput {
    return { ...this.input, settings: this.settings, memory: this.memory };
  }

  private async claimUntilRenewal(): Promise<void> {
    for (;;) {
      if (this.shouldRenew()) break;
      const { settings, memory } = this;
      const cooling = memory.coolUntil - Date.now();
      if (!settings.claims) {
        this.say('off', 'claiming is switched off (EIREL_VALIDATOR_AUTO_LOOP)');
        await condition(() => this.settings !== settings);
      } else if (memory.paused) {
        this.say('paused', memory.paused.reason);
        await condition(() => memory.paused === null || this.shouldRenew());
      } else if (this.active.size >= settings.maxParallel) {
        this.saySituation();
        await condition(() => this.active.size < settings.maxParallel || memory.paused !== null);
      } else if (cooling > 0) {
        this.say('cooling', `tasks came to nothing; claims again in ${Math.ceil(cooling / 1000)} s`);
        await condition(() => memory.paused !== null || memory.coolUntil <= Date.now(), cooling);
      } else {
        await this.claim();
      }
    }
    this.renewing = true;
    this.say('renewing', 'finishes what is under way, then goes on with a fresh history');
    this.publications.reconsider();
  }

  /** When the history gets long. Publications are waited for as long as there is room. */
  private shouldRenew(): boolean {
    if (this.isLong()) return true;
    const due =
      workflowInfo().continueAsNewSuggested ||
      this.tasksOfThisRun >= (this.input.renewAfterTasks ?? Infinity);
    return due && !this.publications.inFlight;
  }

  private isLong(): boolean {
    return workflowInfo().historyLength > TOO_LONG_EVENTS;
  }

  private async claim(): Promise<void> {
    const { settings, memory } = this;
    this.saySituation();
    const scope = new CancellationScope();
    this.claimScope = scope;
    let answer: ClaimAnswer;
    try {
      answer = await scope.run(() =>
        claiming.claimTasks({
          families: settings.families,
          batchSize: Math.min(settings.batchSize, settings.maxParallel - this.active.size),
          claimKey: claimKeyOf(memory),
          pollSeconds: settings.pollSeconds,
          patienceSeconds: CLAIM_PATIENCE_SECONDS,
          knownWaiting: this.waiting,
        }),
      );
    } catch (error) {
      // The key stays: what the claim may have leased is found by the next.
      if (isCancellation(error) || scope.consideredCancelled) return;
      this.note(`claiming failed: ${messageOf(error)}`);
      await condition(() => memory.paused !== null, settings.pollSeconds * 1000);
      return;
    } finally {
      this.claimScope = null;
    }
    this.waiting = answer.waiting;
    if (answer.tickets.length === 0) return;
    memory.claims += 1;
    memory.lastClaimAt = new Date().toISOString();
    for (const ticket of answer.tickets) void this.carry(ticket);
  }

  /** One task from its lease to its end; never throws. */
  private async carry(ticket: TaskTicket): Promise<void> {
    const { memory } = this;
    const view: ValidatorTaskView = {
      taskEvaluationId: ticket.taskEvaluationId,
      taskId: ticket.taskId,
      runId: ticket.runId,
      familyId: ticket.familyId,
      fencing: ticket.fencing,
      step: 'evaluating',
      miners: ticket.miners,
      claimedAt: ticket.claimedAt,
    };
    const key = `${ticket.taskEvaluationId}/${ticket.fencing}`;
    this.active.set(key, view);
    let ending: Delivered = { ending: 'lost', reason: null };
    let fruitless = false;
    try {
      const evaluated = await this.evaluating(ticket).evaluateTask(ticket);
      const delivered = await this.deliver(ticket, view, evaluated);
      ending = delivered ?? { ending: 'lost', reason: evaluated.kind === 'lost' ? evaluated.reason : null };
      fruitless = isFruitless(evaluated, delivered);
    } catch (error) {
      // Beyond every retry: the lease has ended by itself, and the task is back in the pool.
      ending = { ending: 'lost', reason: messageOf(error) };
      fruitless = true;
    }
    if (ending.ending !== 'submitted') this.note(`task ${ticket.taskId} ${ending.ending}: ${ending.reason}`);
    const pause = countEnding(memory, ending.ending, fruitless, this.settings.pollSeconds, Date.now());
    this.tasksOfThisRun += 1;
    this.active.delete(key);
    if (this.phase === 'working') this.saySituation();
    if (pause > 0 || this.shouldRenew()) this.interruptClaim();
  }

  private async deliver(
    ticket: TaskTicket,
    view: ValidatorTaskView,
    evaluated: Evaluated,
  ): Promise<Delivered | null> {
    if (evaluated.kind === 'lost') return null;
    if (evaluated.kind === 'judged') {
      view.step = 'submitting';
      return delivering.submitTask(ticket);
    }
    view.step = 'releasing';
    const { cause, reason } = evaluated;
    return delivering.releaseTask({ ticket, cause, reason });
  }

  /** The activity of one task: its silence is noticed early enough for the next attempt to keep the lease. */
  private evaluating(ticket: TaskTicket) {
    const cap = this.settings.taskCapSeconds * 1000;
    return proxyActivities<ValidatorActivities>({
      startToCloseTimeout: cap + 60_000,
      scheduleToCloseTimeout: 2 * cap + 3_600_000,
      heartbeatTimeout: silenceAllowedMs(ticket),
      retry: { ...retry, maximumInterval: '5 seconds' },
      summary: `${ticket.taskId}, ${ticket.miners} miners`,
    });
  }

  private interruptClaim(): void {
    this.claimScope?.cancel();
  }

  private note(message: string): void {
    this.memory.lastError = { message, at: new Date().toISOString() };
  }

  private saySituation(): void {
    const { size } = this.active;
    if (size > 0) this.say('working', size === 1 ? 'one task under way' : `${size} tasks under way`);
    else if (this.waiting !== null) this.say('idle', this.waiting);
    else this.say('claiming', 'asks the owner for tasks');
  }

  private say(phase: ValidatorPhase, reason: string): void {
    if (phase === this.phase && reason === this.reason) return;
    // Every change of the searchable word is an event of the history; the sentence is free.
    if (phase === this.phase) setCurrentDetails(reason);
    else announce(phase, reason);
    this.phase = phase;
    this.reason = reason;
  }
}

function messageOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
