import {
  ActivityFailure,
  ApplicationFailure,
  condition,
  defineQuery,
  defineSignal,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { FAULTS, FINAL_FAULTS } from '../domain/faults';
import {
  PUBLICATION_MESSAGES,
  type ChainPublicationInput,
  type PublicationStatusView,
} from '../domain/messages';
import type { PublicationActivities } from '../activities/publication';
import { announce, introduce } from './visibility';

export const cancelSignal = defineSignal(PUBLICATION_MESSAGES.cancel);
export const publicationStatusQuery = defineQuery<PublicationStatusView>(PUBLICATION_MESSAGES.status);

// All on the publishing hotkey's own queue (the workflow's): its worker holds the key and sends one extrinsic at a time.
const reading = proxyActivities<PublicationActivities>({
  startToCloseTimeout: '60 seconds',
  scheduleToCloseTimeout: '1 day',
  retry: {
    initialInterval: '2 seconds',
    maximumInterval: '1 minute',
    nonRetryableErrorTypes: [...FINAL_FAULTS],
  },
});

const signing = proxyActivities<PublicationActivities>({
  startToCloseTimeout: '5 minutes',
  scheduleToCloseTimeout: '1 hour',
  heartbeatTimeout: '20 seconds',
  retry: {
    initialInterval: '2 seconds',
    maximumInterval: '30 seconds',
    nonRetryableErrorTypes: [...FINAL_FAULTS],
  },
});

/** Attempts to get one vector included before the publication is given up; the next interval starts anew. */
const MAX_SUBMISSIONS = 20;

/** Puts one set of weights on chain: read, plan, submit, finalise, read back and compare. */
export async function chainPublication(input: ChainPublicationInput): Promise<PublicationStatusView> {
  const publication = new Publication(input);
  setHandler(cancelSignal, () => publication.cancel());
  setHandler(publicationStatusQuery, () => publication.view);
  introduce('publication', { hotkey: input.hotkey, ...(input.runId ? { runId: input.runId } : {}) });
  return publication.live();
}

class Publication {
  view: PublicationStatusView;
  private cancelled = false;

  constructor(private readonly input: ChainPublicationInput) {
    this.view = {
      runId: input.runId,
      hotkey: input.hotkey,
      step: 'reading',
      reason: 'reading the weights that the owner serves',
      attempt: 0,
      blockNumber: null,
      blockHash: null,
      extrinsicHash: null,
    };
  }

  cancel(): void {
    this.cancelled = true;
  }

  async live(): Promise<PublicationStatusView> {
    try {
      return await this.publish();
    } catch (error) {
      const cause = error instanceof ActivityFailure && error.cause instanceof Error ? error.cause : error;
      this.say('failed', cause instanceof Error ? cause.message : String(cause));
      throw error;
    }
  }

  private async publish(): Promise<PublicationStatusView> {
    const { hotkey, netuid } = this.input;
    this.say('reading', this.view.reason);
    const served = await reading.loadWeights({ runId: this.input.runId });
    this.view.runId = served.runId;
    for (let attempt = 1; attempt <= MAX_SUBMISSIONS; attempt += 1) {
      this.view.attempt = attempt;
      if (this.cancelled) return this.say('cancelled', 'cancelled by an operator; nothing was sent');
      // The vector is planned anew for every attempt: uids may have moved since the last one.
      const plan = await reading.planVector({ hotkey, netuid, weights: served.weights });
      if (plan.waitSeconds > 0) {
        await this.wait(
          `too soon: the chain takes weights again at block ${plan.untilBlock}`,
          plan.waitSeconds,
        );
        continue;
      }
      this.say('submitting', `sending ${plan.uids.length} weights, attempt ${attempt}`);
      const outcome = await signing.submitVector({
        workflowId: workflowInfo().workflowId,
        attempt,
        runId: served.runId,
        hotkey,
        netuid,
        plan,
      });
      if (outcome.kind === 'too_soon') {
        await this.wait(
          `too soon: the chain takes weights again at block ${outcome.untilBlock}`,
          outcome.waitSeconds,
        );
        continue;
      }
      if (outcome.kind === 'again') {
        await this.wait(outcome.message, outcome.waitSeconds);
        continue;
      }
      this.view = { ...this.view, ...outcome.included };
      this.say('finalising', `included in block ${outcome.included.blockNumber}; waiting for finality`);
      const final = await signing.awaitFinality(outcome.included);
      if (!final.finalized) {
        await this.wait(final.message, final.waitSeconds);
        continue;
      }
      this.say('verifying', 'reading the row back');
      const check = await reading.verifyVector({
        netuid,
        uid: plan.uid,
        uids: plan.uids,
        values: plan.values,
      });
      return this.say('done', `on chain at block ${outcome.included.blockNumber}, ${check.message}`);
    }
    throw ApplicationFailure.nonRetryable(
      `not included after ${MAX_SUBMISSIONS} attempts: ${this.view.reason}`,
      FAULTS.publicationRefused,
    );
  }

  private async wait(reason: string, seconds: number): Promise<void> {
    this.say('waiting', reason);
    await condition(() => this.cancelled, seconds * 1000);
  }

  private say(step: PublicationStatusView['step'], reason: string): PublicationStatusView {
    this.view = { ...this.view, step, reason };
    announce(step, reason);
    return this.view;
  }
}
