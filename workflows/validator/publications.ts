import {
  ActivityCancellationType,
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  ParentClosePolicy,
  proxyActivities,
  startChild,
  WorkflowIdReusePolicy,
  type ChildWorkflowHandle,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  PUBLICATION_MESSAGES,
  publicationTaskQueue,
  WORKFLOW_TYPES,
  workflowIds,
  type ChainPublicationInput,
  type PublicationStatusView,
  type ValidatorProgressView,
} from '../../domain/messages';
import type { DuePublication } from '../../domain/validator/cadence';
import type { LoopMemory, LoopSettings } from '../../domain/validator/loop';
import type { ValidatorActivities } from '../../activities/validator';
import type { chainPublication } from '../chainPublication';

const PATIENCE_SECONDS = 600;

const watching = proxyActivities<ValidatorActivities>({
  startToCloseTimeout: '20 minutes',
  heartbeatTimeout: '30 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '500 ms', maximumInterval: '15 seconds' },
});

const counting = proxyActivities<ValidatorActivities>({
  startToCloseTimeout: '10 seconds',
  scheduleToCloseTimeout: '1 hour',
});

type PublicationView = NonNullable<ValidatorProgressView['publication']>;

/**
 * Has weights published: at once when a run completes, then every interval. Each publication is a workflow on the hotkey's
 * own queue, named by run and interval, so that none is begun twice; one at a time.
 */
export class PublicationCadence {
  view: PublicationView | null = null;
  inFlight = false;
  private scope: CancellationScope | null = null;

  constructor(
    private readonly hotkey: string,
    private readonly memory: LoopMemory,
    private readonly settings: () => LoopSettings,
  ) {}

  /** Ends the present wait, since settings or circumstances have changed. */
  reconsider(): void {
    this.scope?.cancel();
  }

  async untilRenewal(renewing: () => boolean): Promise<void> {
    while (!renewing()) {
      const settings = this.settings();
      if (!settings.weights) {
        await condition(() => renewing() || this.settings() !== settings);
        continue;
      }
      const due = await this.nextDue(settings.weights);
      if (!due || renewing()) continue;
      if (this.inFlight && this.view) {
        // One at a time: a newer run replaces what an older one still waits for, a newer interval does not.
        if (this.view.runId !== due.runId) await this.cancel(this.view.workflowId);
        await condition(() => !this.inFlight || renewing());
        continue;
      }
      await this.begin(due, settings.weights.netuid, settings.families[0] as string);
    }
  }

  private async nextDue(weights: NonNullable<LoopSettings['weights']>): Promise<DuePublication | null> {
    const scope = new CancellationScope();
    this.scope = scope;
    try {
      return await scope.run(() =>
        watching.awaitPublication({
          memory: this.memory.publication,
          intervalSeconds: weights.intervalSeconds,
          pollSeconds: weights.pollSeconds,
          patienceSeconds: PATIENCE_SECONDS,
        }),
      );
    } catch (error) {
      if (!isCancellation(error) && !scope.consideredCancelled) {
        log.warn('the weights could not be watched', { error });
      }
      return null;
    } finally {
      this.scope = null;
    }
  }

  private async begin(due: DuePublication, netuid: number, family: string): Promise<void> {
    const { hotkey, memory } = this;
    const workflowId = workflowIds.publication(due.runId, hotkey, due.interval);
    const startedAt = Date.now();
    const input: ChainPublicationInput = { runId: due.runId, hotkey, netuid };
    const first = memory.publication.runId === due.runId ? memory.publication.firstStartedAt : startedAt;
    memory.publication = { runId: due.runId, firstStartedAt: first, interval: due.interval };
    this.view = {
      workflowId,
      runId: due.runId,
      interval: due.interval,
      startedAt: new Date(startedAt).toISOString(),
      step: null,
      reason: null,
    };
    let child: ChildWorkflowHandle<typeof chainPublication>;
    try {
      child = await startChild<typeof chainPublication>(WORKFLOW_TYPES.chainPublication, {
        workflowId,
        taskQueue: publicationTaskQueue(hotkey),
        args: [input],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
        staticSummary: `weights of ${due.runId} by ${hotkey}${due.interval > 0 ? `, interval ${due.interval}` : ''}`,
      });
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      this.view = { ...this.view, step: 'done', reason: 'these weights were published before' };
      return;
    }
    this.inFlight = true;
    void this.follow(child, family, startedAt);
  }

  private async follow(
    child: ChildWorkflowHandle<typeof chainPublication>,
    family: string,
    startedAt: number,
  ): Promise<void> {
    let end: Pick<PublicationStatusView, 'step' | 'reason'>;
    try {
      const { step, reason } = await child.result();
      end = { step, reason };
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      end = { step: 'failed', reason: cause instanceof Error ? cause.message : String(cause) };
    }
    if (this.view) this.view = { ...this.view, ...end };
    const { workflowId } = child;
    const seconds = (Date.now() - startedAt) / 1000;
    await counting
      .recordPublication({ workflowId, family, ...end, seconds })
      .catch((error: unknown) => log.warn('the end of a publication was not counted', { error }));
    this.inFlight = false;
  }

  private async cancel(workflowId: string): Promise<void> {
    try {
      await getExternalWorkflowHandle(workflowId).signal(PUBLICATION_MESSAGES.cancel, {
        actor: this.hotkey,
        via: 'validator',
        reason: 'newer weights are due',
      });
    } catch (error) {
      log.info('a publication that was to be cancelled had ended', { workflowId, error });
    }
  }
}
