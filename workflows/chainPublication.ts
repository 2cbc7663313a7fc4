import {
  ActivityFailure,
  ApplicationFailure,
  condition,
  defineQuery,
  defineSignal,
  log,
  proxyActivities,
  allHandlersFinished,
  setHandler,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import { FAULTS } from '../domain/faults';
import {
  PUBLICATION_MESSAGES,
  type ChainPublicationInput,
  type PublicationStatusView,
} from '../domain/messages';
import { readSender } from '../domain/orders';
import type {
  Attempted,
  PublicationActivities,
  SubmitOutcome,
  VectorPlan,
} from '../activities/publication-parts';
import { insist, QUICK_RETRIES, troubleText } from './insistence';
import { announce, introduce } from './visibility';

export const cancelSignal = defineSignal<[unknown?]>(PUBLICATION_MESSAGES.cancel);
export const retrySignal = defineSignal<[unknown?]>(PUBLICATION_MESSAGES.retry);
export const publicationStatusQuery = defineQuery<PublicationStatusView>(PUBLICATION_MESSAGES.status);

// All on the publishing hotkey's own queue (the workflow's): its worker holds the key and sends one extrinsic at a time.
const reading = proxyActivities<PublicationActivities>({
  startToCloseTimeout: '60 seconds',
  retry: QUICK_RETRIES,
});

const signing = proxyActivities<PublicationActivities>({
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '20 seconds',
  retry: QUICK_RETRIES,
});

// What operators ordered is written down beside everything else; a ledger that stays away does not keep the publication.
const records = proxyActivities<Pick<PublicationActivities, 'recordOrder'>>({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '10 minutes',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
});

/** Attempts that a better signature may mend, before the publication is given up; the next interval starts anew. */
const MAX_TRIES = 20;
/** After this long the weights are another interval's business. */
const PATIENCE_MS = 86_400_000;
const LONGEST_BACKOFF_SECONDS = 300;

/** Thrown where it was cancelled before anything of it was on chain. */
const CANCELLED = ApplicationFailure.nonRetryable('cancelled by an operator', FAULTS.badState);

/** Puts one set of weights on chain: read, plan, submit or commit, finalise, reveal, read back and compare. */
export async function chainPublication(input: ChainPublicationInput): Promise<PublicationStatusView> {
  const publication = new Publication(input);
  setHandler(cancelSignal, (sent?: unknown) => publication.order('cancel', sent));
  setHandler(retrySignal, (sent?: unknown) => publication.order('retry', sent));
  setHandler(publicationStatusQuery, () => publication.view);
  introduce('publication', { hotkey: input.hotkey, ...(input.runId ? { runId: input.runId } : {}) });
  return publication.live();
}

class Publication {
  view: PublicationStatusView;
  private cancelled = false;
  /** Grows whenever an operator wants a wait to end. */
  private wakes = 0;
  private tries = 0;
  private failures = 0;
  /** Labels of outcomes that are final the second time. */
  private readonly seen = new Set<string>();

  constructor(private readonly input: ChainPublicationInput) {
    this.view = {
      runId: input.runId,
      hotkey: input.hotkey,
      step: 'reading',
      reason: 'reading the weights that the owner serves',
      waits: false,
      outcome: null,
      mode: null,
      attempt: 0,
      blockNumber: null,
      blockHash: null,
      extrinsicHash: null,
    };
  }

  /** An operator has it give up, or try now what it waits for; either way it is written down who said so and why. */
  async order(action: 'cancel' | 'retry', sent: unknown): Promise<void> {
    const ended = ['done', 'failed', 'cancelled'].includes(this.view.step);
    const changed = !ended && (action === 'cancel' ? !this.cancelled : this.view.waits);
    if (changed && action === 'cancel') this.cancelled = true;
    if (changed) this.wakes += 1;
    const { id, actor, via, reason } = readSender(sent);
    // A loop that makes room for newer weights is no operator.
    if (via === 'validator') return;
    const { runId, hotkey } = this.view;
    const message = changed
      ? action === 'cancel'
        ? 'gives up before its next extrinsic'
        : `tries again now: ${this.view.reason}`
      : `nothing to ${action}: it is ${this.view.step}`;
    await records
      .recordOrder({
        id: via === 'temporal' && id !== null ? id : uuid4(),
        actor,
        via,
        action: `publication.${action}`,
        target: `${runId ?? 'latest'}/${hotkey}`,
        reason,
        outcome: changed ? 'applied' : 'unchanged',
        message,
      })
      .catch((error: unknown) => log.error('an order could not be written down', { error }));
  }

  async live(): Promise<PublicationStatusView> {
    const view = await this.toTheEnd();
    await condition(allHandlersFinished);
    return view;
  }

  private async toTheEnd(): Promise<PublicationStatusView> {
    try {
      return await this.publish();
    } catch (error) {
      if (error === CANCELLED) return this.say('cancelled', 'cancelled by an operator; nothing more is sent');
      const cause = error instanceof ActivityFailure && error.cause instanceof Error ? error.cause : error;
      this.say('failed', cause instanceof Error ? cause.message : String(cause));
      throw error;
    }
  }

  private async publish(): Promise<PublicationStatusView> {
    this.say('reading', this.view.reason);
    const served = await this.insist(() => reading.loadWeights({ runId: this.input.runId }), true);
    this.view.runId = served.runId;
    for (;;) {
      if (this.cancelled) return this.say('cancelled', 'cancelled by an operator; nothing more is sent');
      // The vector is planned anew for every attempt: uids may have moved since the last one.
      const plan = await this.insist(
        () => reading.planVector({ ...this.about, weights: served.weights }),
        true,
      );
      this.view.mode = plan.mode;
      if (plan.waitSeconds > 0) {
        const reason = `too soon: the chain takes weights again at block ${plan.untilBlock}`;
        await this.wait('TOO_SOON', reason, plan.waitSeconds);
        continue;
      }
      const what =
        plan.mode === 'set'
          ? `sending ${plan.uids.length} weights`
          : `committing to ${plan.uids.length} weights`;
      const included = await this.attempt(what, (key) => signing.submitVector({ ...key, plan }));
      if (!included) continue;
      const end =
        included.commitHash === null
          ? await this.verify(plan, included)
          : await this.reveal(plan, included.commitHash, this.view.attempt);
      if (end) return end;
    }
  }

  private async verify(plan: VectorPlan, included: Attempted): Promise<PublicationStatusView> {
    this.say('verifying', 'reading the row back');
    const check = await this.insist(() => reading.verifyVector({ netuid: this.input.netuid, plan }));
    return this.say('done', `on chain at block ${included.blockNumber}, ${check.message}`);
  }

  /** Follows a commit until its weights count. @returns null when it was lost and weights are to be committed anew */
  private async reveal(
    plan: VectorPlan,
    commitHash: string,
    commitAttempt: number,
  ): Promise<PublicationStatusView | null> {
    for (;;) {
      const state = await this.insist(() => reading.checkReveal({ ...this.about, plan, commitHash }));
      if (state.kind === 'revealed') {
        return this.say('done', `committed and revealed, ${state.message}`);
      }
      if (this.cancelled) {
        const rest = plan.mode === 'commit' ? 'it will not be revealed' : 'the chain reveals it by itself';
        return this.say('cancelled', `cancelled by an operator; a commit is on chain, ${rest}`);
      }
      if (state.kind === 'lost') {
        this.countOnce('COMMIT_LOST', state.message);
        return null;
      }
      if (state.kind === 'waiting') {
        this.say('revealing', state.message);
        await this.sleep(state.waitSeconds);
        continue;
      }
      await this.attempt('revealing the weights', (key) =>
        signing.submitReveal({ ...key, plan, commitAttempt }),
      );
    }
  }

  /** One extrinsic, until it is final. @returns null when it has to be tried again, after the wait that this needs */
  private async attempt(
    what: string,
    send: (key: AttemptAbout) => Promise<SubmitOutcome>,
  ): Promise<Attempted | null> {
    this.view.attempt += 1;
    const { attempt, runId } = this.view;
    this.say('submitting', `${what}, attempt ${attempt}`);
    const { workflowId } = workflowInfo();
    const outcome = await this.insist(() => send({ ...this.about, workflowId, attempt, runId }));
    if (outcome.kind === 'again') {
      if (outcome.once) this.countOnce(outcome.label, outcome.message);
      if (outcome.counts) this.countTry(outcome.message);
      await this.wait(outcome.label, outcome.message, this.backoff(outcome));
      return null;
    }
    this.failures = 0;
    this.view.outcome = 'INCLUDED';
    return this.finalise(outcome.included);
  }

  private async finalise(first: Attempted): Promise<Attempted | null> {
    let included = first;
    for (;;) {
      const { blockNumber, blockHash, extrinsicHash } = included;
      this.view = { ...this.view, blockNumber, blockHash, extrinsicHash };
      this.say('finalising', `included in block ${blockNumber}; waiting for finality`);
      const about = { ...this.about, included };
      const finality = await this.insist(() => signing.awaitFinality(about));
      if (finality.kind === 'final') return included;
      if (finality.kind === 'gone') {
        this.countTry(finality.message);
        this.say('waiting', finality.message);
        return null;
      }
      if (finality.kind === 'moved') included = finality.included;
      else await this.wait('INCLUDED', finality.message, 10);
    }
  }

  private get about(): { hotkey: string; netuid: number } {
    return { hotkey: this.input.hotkey, netuid: this.input.netuid };
  }

  /** Waits longer from failure to failure where nothing but the node is in the way. */
  private backoff({ label, waitSeconds }: { label: string; waitSeconds: number }): number {
    if (label !== 'RPC_DOWN') return waitSeconds;
    this.failures += 1;
    return Math.min(LONGEST_BACKOFF_SECONDS, waitSeconds * 2 ** Math.min(10, this.failures - 1));
  }

  private countTry(reason: string): void {
    this.tries += 1;
    if (this.tries >= MAX_TRIES) throw this.giveUp(`not included after ${this.tries} attempts: ${reason}`);
  }

  private countOnce(label: string, reason: string): void {
    this.view.outcome = label;
    if (this.seen.has(label)) throw this.giveUp(`${label}, a second time: ${reason}`);
    this.seen.add(label);
  }

  private giveUp(message: string): ApplicationFailure {
    return ApplicationFailure.nonRetryable(message, FAULTS.publicationRefused);
  }

  private async wait(label: string, reason: string, seconds: number): Promise<void> {
    this.view.outcome = label;
    if (Date.now() - workflowInfo().startTime.getTime() > PATIENCE_MS)
      throw this.giveUp(`given up after a day: ${reason}`);
    // Too soon is how the chain is; everything else is something that keeps it from going on.
    this.say('waiting', reason, label === 'TOO_SOON' ? null : 'submitting');
    await this.sleep(seconds);
  }

  private async sleep(seconds: number): Promise<void> {
    const seen = this.wakes;
    await condition(() => this.wakes !== seen, seconds * 1000);
  }

  /**
   * An activity that is tried again where it can be seen.
   * @param leave whether the publication may be cancelled in between, nothing of it being on chain
   */
  private insist<T>(act: () => Promise<T>, leave = false): Promise<T> {
    const { step, reason } = this.view;
    return insist(
      async (round) => {
        if (leave && this.cancelled) throw CANCELLED;
        const result = await act();
        if (round > 1) this.say(step, reason);
        return result;
      },
      {
        patienceMs: PATIENCE_MS,
        onTrouble: (trouble) => this.say(step, troubleText(trouble), step),
        wake: () => this.wakes,
      },
    );
  }

  private say(
    step: PublicationStatusView['step'],
    reason: string,
    stuck: string | null = null,
  ): PublicationStatusView {
    this.view = { ...this.view, step, reason, waits: step === 'waiting' || stuck !== null };
    announce(step, reason, stuck);
    return this.view;
  }
}

interface AttemptAbout {
  workflowId: string;
  attempt: number;
  runId: string | null;
  hotkey: string;
  netuid: number;
}
