import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client';
import {
  defineSearchAttributeKey,
  SearchAttributeType,
  WorkflowNotFoundError,
  type SearchAttributePair,
} from '@temporalio/common';
import { messageOf, type Logger } from '../../adapters/logging';
import { pause, type OwnerClient } from '../../adapters/owner-client';
import {
  PUBLICATION_MESSAGES,
  publicationTaskQueue,
  WORKFLOW_TYPES,
  workflowIds,
  type ChainPublicationInput,
  type PublicationStatusView,
  type SearchAttributeName,
} from '../../domain/messages';
import { duePublication } from '../../domain/validator/cadence';
import type { ValidatorMetrics } from './metrics';

export interface PublisherOptions {
  owner: OwnerClient;
  /** Connects to Temporal; called again after it failed. */
  connect: () => Promise<Client>;
  hotkey: string;
  netuid: number;
  family: string;
  intervalMs: number;
  pollMs: number;
  metrics: ValidatorMetrics;
  logger: Logger;
}

/** The latest publication, as `/v1/status` shows it. */
export interface PublicationView {
  workflow_id: string;
  run_id: string;
  interval: number;
  /** Status of the workflow: RUNNING, COMPLETED, FAILED... */
  status: string;
  /** What it says it is doing, null before its worker has taken it up. */
  step: string | null;
  /** How it ended, null while it runs. */
  reason: string | null;
  started_at: string | null;
}

const MODE = 'workflow';
const STATUS_ATTRIBUTE = keyword('EirelStatus');

/**
 * Has the validator's weights published: at once when a run completes, then every interval. The publication itself is a
 * workflow on this hotkey's own queue; this only sees to it that it is started, once per run and interval.
 */
export class WeightPublisher {
  private readonly stopper = new AbortController();
  private readonly begun = new Map<string, number>();
  private readonly counted = new Set<string>();
  private client: Client | null = null;
  private loop: Promise<void> = Promise.resolve();
  private last: PublicationView | null = null;
  private lastError: { message: string; at: string } | null = null;

  constructor(private readonly options: PublisherOptions) {}

  start(): void {
    this.loop = this.pollUntilStopped();
  }

  status(): { last_publication: PublicationView | null; last_error: { message: string; at: string } | null } {
    return { last_publication: this.last, last_error: this.lastError };
  }

  /** Stops looking; a publication that was begun goes on in its workflow. */
  async stop(): Promise<void> {
    this.stopper.abort();
    await this.loop;
    await this.client?.connection.close();
  }

  private async pollUntilStopped(): Promise<void> {
    const { signal } = this.stopper;
    const { metrics, logger, pollMs } = this.options;
    while (!signal.aborted) {
      try {
        await this.look();
        metrics.lastLoop.set({ loop_name: 'weights' }, Date.now() / 1000);
        this.lastError = null;
      } catch (error) {
        if (signal.aborted) return;
        this.lastError = { message: messageOf(error), at: new Date().toISOString() };
        logger.warn('weights could not be looked after; trying again', { error: messageOf(error) });
      }
      await pause(pollMs, signal).catch(() => undefined);
    }
  }

  private async look(): Promise<void> {
    const { owner, hotkey, intervalMs } = this.options;
    const answer = await owner.weights(undefined, { signal: this.stopper.signal });
    const weights = { ready: answer.ready, runId: answer.run_id };
    if (this.last?.status === 'RUNNING') await this.refresh(this.last.workflow_id);
    const firstStartedAt = weights.runId === null ? null : await this.firstStart(weights.runId);
    const due = duePublication({ weights, firstStartedAt, now: Date.now(), intervalMs });
    if (!due) return;
    const workflowId = workflowIds.publication(due.runId, hotkey, due.interval);
    if (this.last?.workflow_id === workflowId) return;
    if (this.last?.status === 'RUNNING') {
      // One extrinsic at a time: a newer run replaces what an older one still waits for, a newer interval does not.
      if (this.last.run_id === due.runId) return;
      await this.cancel(this.last.workflow_id);
    }
    await this.begin(workflowId, due.runId, due.interval);
  }

  /** When interval 0 of a run was begun, by this engine or an earlier one; null when it was not. */
  private async firstStart(runId: string): Promise<number | null> {
    const known = this.begun.get(runId);
    if (known !== undefined) return known;
    const client = await this.connected();
    const workflowId = workflowIds.publication(runId, this.options.hotkey, 0);
    try {
      const { startTime } = await client.workflow.getHandle(workflowId).describe();
      this.begun.set(runId, startTime.getTime());
      return startTime.getTime();
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return null;
      throw error;
    }
  }

  private async begin(workflowId: string, runId: string, interval: number): Promise<void> {
    const { hotkey, netuid, family, metrics, logger } = this.options;
    const client = await this.connected();
    const input: ChainPublicationInput = { runId, hotkey, netuid };
    try {
      await client.workflow.start(WORKFLOW_TYPES.chainPublication, {
        workflowId,
        taskQueue: publicationTaskQueue(hotkey),
        args: [input],
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
        staticSummary: `weights of ${runId} by ${hotkey}${interval > 0 ? `, interval ${interval}` : ''}`,
        typedSearchAttributes: [
          attribute('EirelKind', 'publication'),
          attribute('EirelRunId', runId),
          attribute('EirelHotkey', hotkey),
          attribute('EirelFamily', family),
          attribute('EirelStatus', 'started'),
        ],
      });
      metrics.weightSubmissions.inc({ family, mode: MODE, status: 'started' });
      logger.info('a publication of weights has begun', { workflow_id: workflowId, run_id: runId, interval });
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      logger.info('these weights were published before', { workflow_id: workflowId });
    }
    this.last = {
      workflow_id: workflowId,
      run_id: runId,
      interval,
      status: 'RUNNING',
      step: null,
      reason: null,
      started_at: null,
    };
    await this.refresh(workflowId);
  }

  /**
   * Reads how the latest publication stands, and counts its end once. The server alone answers this; a query would wait
   * for the publication's worker, which may be away.
   */
  private async refresh(workflowId: string): Promise<void> {
    const client = await this.connected();
    const handle = client.workflow.getHandle(workflowId);
    const description = await handle.describe();
    const { startTime } = description;
    const status = description.status.name;
    const last = this.last as PublicationView;
    const step = description.typedSearchAttributes.get(STATUS_ATTRIBUTE) ?? last.step;
    this.last = { ...last, status, step, started_at: startTime.toISOString() };
    if (last.interval === 0) this.begun.set(last.run_id, startTime.getTime());
    if (status === 'RUNNING' || this.counted.has(workflowId)) return;
    const view = await this.ending(handle);
    this.last = { ...this.last, step: view.step, reason: view.reason };
    this.counted.add(workflowId);
    this.count(view, startTime, description.closeTime ?? new Date());
  }

  private async ending(handle: WorkflowHandle): Promise<{ step: string; reason: string }> {
    try {
      const view = (await handle.result()) as PublicationStatusView;
      return { step: view.step, reason: view.reason };
    } catch (error) {
      if (!(error instanceof WorkflowFailedError)) throw error;
      return { step: 'failed', reason: messageOf(error.cause ?? error) };
    }
  }

  private count(view: { step: string; reason: string }, startedAt: Date, endedAt: Date): void {
    const { family, metrics, logger } = this.options;
    const outcome = view.step === 'done' ? 'success' : view.step === 'cancelled' ? 'cancelled' : 'failed';
    metrics.weightSubmissions.inc({ family, mode: MODE, status: outcome });
    metrics.weightDuration.observe({ family, mode: MODE }, (endedAt.getTime() - startedAt.getTime()) / 1000);
    if (outcome === 'success') metrics.weightSuccess.set({ family }, endedAt.getTime() / 1000);
    if (outcome !== 'failed') return;
    metrics.weightErrors.inc({ error_type: errorType(view.reason) });
    logger.error('a publication of weights failed; the next interval tries again', {
      workflow_id: this.last?.workflow_id,
      reason: view.reason,
    });
  }

  private async cancel(workflowId: string): Promise<void> {
    const client = await this.connected();
    try {
      await client.workflow.getHandle(workflowId).signal(PUBLICATION_MESSAGES.cancel);
    } catch (error) {
      // It ended in between.
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }

  private async connected(): Promise<Client> {
    return (this.client ??= await this.options.connect());
  }
}

function keyword(name: SearchAttributeName) {
  return defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);
}

function attribute(name: SearchAttributeName, value: string): SearchAttributePair {
  return { key: keyword(name), value };
}

/** The kind of a chain error, by the labels of the dashboards. */
export function errorType(reason: string): string {
  const text = reason.toLowerCase();
  if (/timed? ?out|deadline/.test(text)) return 'timeout';
  if (/rpc_down|does not answer|connection|unavailable/.test(text)) return 'connection';
  if (/too soon|rate.?limit/.test(text)) return 'rate_limited';
  if (/no_permit|not_registered|not registered|permit/.test(text)) return 'auth';
  if (/stake/.test(text)) return 'insufficient_stake';
  return text === '' ? 'other' : 'exception';
}
