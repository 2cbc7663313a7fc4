import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  isCancellation,
  proxyActivities,
  setHandler,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import { FAULTS, FINAL_FAULTS } from '../domain/faults';
import {
  DEPLOYMENT_MESSAGES,
  TASK_QUEUES,
  type ActivateRequest,
  type DeploymentHealthView,
  type DeploymentLifecycleInput,
  type DeploymentLifecycleState,
  type DeploymentOrderAnswer,
  type InvocationFailedSignal,
  type PoolDrain,
  type PromoteRequest,
  type RetireRequest,
} from '../domain/messages';
import { restartDelayMs } from '../domain/restart';
import { readSender } from '../domain/orders';
import type { DeploymentActivities } from '../activities/deployments';
import type { OperatorActivities } from '../activities/operator-actions';
import type { RuntimeActivities } from '../activities/runtime';
import { ROW_OPTIONS } from './activity-options';
import { logLinesOf } from './faults';
import { announce, introduce } from './visibility';

export const activateSignal = defineSignal<[ActivateRequest]>(DEPLOYMENT_MESSAGES.activate);
export const drainSignal = defineSignal<[unknown?]>(DEPLOYMENT_MESSAGES.drain);
export const undrainSignal = defineSignal<[unknown?]>(DEPLOYMENT_MESSAGES.undrain);
export const drainUpdate = defineUpdate<DeploymentOrderAnswer, [unknown?]>(DEPLOYMENT_MESSAGES.drain);
export const undrainUpdate = defineUpdate<DeploymentOrderAnswer, [unknown?]>(DEPLOYMENT_MESSAGES.undrain);
export const promoteSignal = defineSignal<[PromoteRequest]>(DEPLOYMENT_MESSAGES.promote);
export const retireDeploymentSignal = defineSignal<[RetireRequest?]>(DEPLOYMENT_MESSAGES.retire);
export const invocationFailedSignal = defineSignal<[InvocationFailedSignal]>(
  DEPLOYMENT_MESSAGES.invocationFailed,
);
export const deploymentHealthQuery = defineQuery<DeploymentHealthView>(DEPLOYMENT_MESSAGES.health);

const rows = proxyActivities<DeploymentActivities & OperatorActivities>(ROW_OPTIONS);

const waits = proxyActivities<DeploymentActivities>({
  taskQueue: TASK_QUEUES.control,
  startToCloseTimeout: '1 hour',
  scheduleToCloseTimeout: '1 day',
  heartbeatTimeout: '15 seconds',
  retry: {
    initialInterval: '1 second',
    maximumInterval: '30 seconds',
    nonRetryableErrorTypes: [...FINAL_FAULTS],
  },
});

// Backoff in place of a circuit breaker: the Web UI shows the last failure and the next attempt of the activity itself.
const runtime = proxyActivities<RuntimeActivities>({
  taskQueue: TASK_QUEUES.runtime,
  startToCloseTimeout: '10 minutes',
  scheduleToCloseTimeout: '7 days',
  heartbeatTimeout: '5 seconds',
  // A start that is being given up must be over before the stop that follows it.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: {
    initialInterval: '1 second',
    maximumInterval: '2 minutes',
    nonRetryableErrorTypes: [...FINAL_FAULTS],
  },
});

const watching = proxyActivities<RuntimeActivities>({
  taskQueue: TASK_QUEUES.runtime,
  startToCloseTimeout: '1 day',
  scheduleToCloseTimeout: '7 days',
  heartbeatTimeout: '8 seconds',
  retry: {
    initialInterval: '500 ms',
    maximumInterval: '10 seconds',
    nonRetryableErrorTypes: [...FINAL_FAULTS],
  },
});

/** Healthy for this long, and earlier crashes are forgotten. */
const STABLE_MS = 60_000;

/** Owns one miner's runtime for its whole life: placed, watched, restarted with backoff, drained, retired. */
export async function deploymentLifecycle(input: DeploymentLifecycleInput): Promise<DeploymentHealthView> {
  const life = new DeploymentLife(input);
  setHandler(activateSignal, (request) => life.activate(request));
  setHandler(drainSignal, async (sent?: unknown) => {
    if (isPools(sent)) life.drain();
    else await life.order('drain', sent);
  });
  setHandler(undrainSignal, async (sent?: unknown) => void (await life.order('undrain', sent)));
  setHandler(drainUpdate, (sent?: unknown) => life.order('drain', sent));
  setHandler(undrainUpdate, (sent?: unknown) => life.order('undrain', sent));
  setHandler(promoteSignal, (request) => life.promote(request));
  setHandler(retireDeploymentSignal, (request) =>
    life.retire(readSender(request).reason || 'retired by an operator'),
  );
  setHandler(invocationFailedSignal, (report) => life.invocationFailed(report));
  setHandler(deploymentHealthQuery, () => life.view);
  introduce('deployment', { hotkey: input.minerHotkey, family: input.familyId });
  return life.live();
}

class DeploymentLife {
  view: DeploymentHealthView;
  private readonly state: DeploymentLifecycleState;
  private retireReason: string | null = null;
  private instanceId: string | null = null;
  private suspicion: string | null = null;
  private promotion: number | null = null;
  private healthySince = 0;

  constructor(private readonly input: DeploymentLifecycleInput) {
    this.state = input.state ?? {
      activated: false,
      imageRef: null,
      restarts: 0,
      consecutiveFailures: 0,
      placed: false,
      draining: false,
      promotedRank: null,
    };
    this.view = {
      deploymentId: input.deploymentId,
      status: 'queued',
      reason: 'waiting for its run to open',
      restarts: this.state.restarts,
      endpointUrl: null,
      nextAttempt: null,
    };
  }

  activate(request: ActivateRequest): void {
    // Anybody can signal anything by hand; what makes no sense changes nothing.
    if (typeof request?.imageRef !== 'string') return;
    this.state.imageRef = request.imageRef;
    if (this.state.held) return;
    this.state.activated = true;
    this.state.draining = false;
  }

  drain(): void {
    this.state.draining = this.state.activated;
  }

  /** An operator's order: what it does to the agent, its row and the audit. */
  async order(action: 'drain' | 'undrain', sent: unknown): Promise<DeploymentOrderAnswer> {
    const { deploymentId } = this.input;
    const held = action === 'drain';
    const changed = (this.state.held ?? false) !== held;
    const sender = readSender(sent);
    this.state.held = held;
    if (held) this.drain();
    const message = !changed
      ? `it is ${held ? 'drained already' : 'not drained'}`
      : held
        ? 'no new tasks; running leases finish, then it stops until it is let go'
        : 'a run may start it again';
    await rows.holdDeployment({ deploymentId, held });
    await rows.recordAction({
      ...sender,
      id: sender.id ?? uuid4(),
      action: `deployment.${action}`,
      target: deploymentId,
      outcome: changed ? 'applied' : 'unchanged',
      message,
    });
    return { changed, message };
  }

  /** Into the active set; one that was stopped in the meantime is started for it. */
  promote(request: PromoteRequest): void {
    if (!Number.isInteger(request?.rank)) return;
    this.promotion = request.rank;
    if (this.state.imageRef !== null && !this.state.held && !this.state.draining) this.state.activated = true;
  }

  retire(reason: string): void {
    this.retireReason ??= reason;
  }

  invocationFailed(report: InvocationFailedSignal): void {
    if (typeof report?.reason !== 'string') return;
    // A report about an instance that was replaced in the meantime says nothing about this one.
    if (report.instanceId === null || report.instanceId === this.instanceId) this.suspicion = report.reason;
  }

  private get interrupted(): boolean {
    return this.retireReason !== null || this.state.draining || this.promotion !== null;
  }

  async live(): Promise<DeploymentHealthView> {
    announce('queued', this.view.reason);
    while (this.retireReason === null) {
      if (workflowInfo().continueAsNewSuggested) {
        await condition(allHandlersFinished);
        await continueAsNew<typeof deploymentLifecycle>({ ...this.input, state: this.state });
      }
      if (!this.state.activated) {
        await condition(() => this.state.activated || this.retireReason !== null);
      } else if (this.state.draining) {
        await this.coolDown();
      } else if (this.promotion !== null) {
        await this.takeRank(this.promotion);
      } else {
        await this.serve();
      }
    }
    const view = await this.close(this.retireReason);
    await condition(allHandlersFinished);
    return view;
  }

  /** Places the agent and stays with it until it fails or somebody wants something else. */
  private async serve(): Promise<void> {
    const { deploymentId } = this.input;
    this.say('building', this.state.restarts > 0 ? 'starting the agent again' : 'starting the agent');
    const placed = await this.interruptible(() =>
      runtime.placeDeployment({ deploymentId, imageRef: this.state.imageRef ?? '' }),
    );
    if (placed === 'interrupted') return;
    if (placed instanceof Error) return this.failed(placed);
    if (placed.kind === 'no_capacity') {
      return this.queue(placed.reason);
    }
    this.instanceId = placed.instanceId;
    this.state.placed = true;
    this.suspicion = null;
    this.healthySince = Date.now();
    await rows.markHealthy({ deploymentId, ...placed, rank: this.state.promotedRank });
    this.view.endpointUrl = placed.endpointUrl;
    this.say(
      'deployed_for_eval',
      `healthy on ${placed.nodeName}${placed.adopted ? ' (found running and kept)' : ''}`,
    );
    const end = await this.interruptible(
      () => watching.watchDeployment({ deploymentId, instanceId: placed.instanceId }),
      () => this.suspicion !== null,
    );
    if (end === 'interrupted' && this.suspicion === null) return;
    const reason =
      end === 'interrupted' ? (this.suspicion ?? '') : end instanceof Error ? end.message : end.reason;
    this.suspicion = null;
    await this.restart(reason);
  }

  /** Waits for room; the row, the search attribute and the details in the Web UI follow the place in the queue. */
  private async queue(refusal: string): Promise<void> {
    const { deploymentId } = this.input;
    for (let reason: string | null = refusal; reason !== null;) {
      const seen: string = reason;
      await rows.markPendingCapacity({ deploymentId, reason: seen });
      this.say('pending_capacity', seen);
      if (workflowInfo().continueAsNewSuggested) return;
      const room = await this.interruptible(() => watching.awaitRoom({ deploymentId, seen }));
      if (room === 'interrupted' || room instanceof Error) return;
      reason = room.reason;
    }
  }

  private async restart(reason: string): Promise<void> {
    if (Date.now() - this.healthySince > STABLE_MS) this.state.consecutiveFailures = 0;
    this.state.restarts += 1;
    this.state.consecutiveFailures += 1;
    const delay = restartDelayMs(this.state.consecutiveFailures);
    await rows.markUnhealthy({
      deploymentId: this.input.deploymentId,
      reason,
      restarts: this.state.restarts,
      nextAttemptMs: delay,
    });
    this.view.nextAttempt = new Date(Date.now() + delay).toISOString();
    this.say(
      'unhealthy',
      `${reason}; next start in ${Math.round(delay / 1000)} s (restart ${this.state.restarts})`,
    );
    await condition(() => this.interrupted, delay);
    this.view.nextAttempt = null;
  }

  /** A start that failed by the agent's own fault is final; anything else was retried by the activity's policy already. */
  private async failed(error: Error): Promise<void> {
    const cause = error instanceof ActivityFailure && error.cause instanceof Error ? error.cause : error;
    if (cause instanceof ApplicationFailure && cause.type === FAULTS.miner && !this.state.placed) {
      await rows.markBuildFailed({
        deploymentId: this.input.deploymentId,
        reason: cause.message,
        logLines: logLinesOf(cause),
      });
      this.say('build_failed', cause.message);
      await condition(() => this.retireReason !== null);
      return;
    }
    await this.restart(cause.message);
  }

  private async takeRank(rank: number): Promise<void> {
    this.promotion = null;
    this.state.promotedRank = rank;
    await rows.markActive({ deploymentId: this.input.deploymentId, rank });
  }

  private async coolDown(): Promise<void> {
    const { deploymentId } = this.input;
    // What does not serve has nothing in flight.
    if (['deployed_for_eval', 'active'].includes(this.view.status)) {
      this.say('draining', 'finishing what is in flight');
      await rows.markDraining({ deploymentId });
      await waits.awaitNoLeases({ deploymentId });
    }
    if (this.retireReason === null && this.state.draining) {
      await runtime.stopDeployment({ deploymentId, forget: false });
      await rows.markStandby({ deploymentId });
      this.state.activated = false;
      this.say('standby_cold', 'stopped; it starts again when a run needs it');
    }
    this.state.draining = false;
  }

  private async close(reason: string): Promise<DeploymentHealthView> {
    const { deploymentId } = this.input;
    if (this.state.activated) await runtime.stopDeployment({ deploymentId, forget: true });
    await rows.markRetired({ deploymentId, reason });
    this.view.endpointUrl = null;
    this.say('retired', reason);
    return this.view;
  }

  /** Runs an activity until it ends or somebody wants something else, in which case it is cancelled and waited for. */
  private async interruptible<T>(
    act: () => Promise<T>,
    also?: () => boolean,
  ): Promise<T | Error | 'interrupted'> {
    const scope = new CancellationScope();
    const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
    const work: Promise<T | Error> = scope.run(act).catch(asError);
    const stop = scope
      .run(() => condition(() => this.interrupted || (also?.() ?? false)))
      .then(() => 'interrupted' as const, asError);
    const first = await Promise.race([work, stop]);
    // Also ends the condition that lost the race, so that none piles up over many restarts.
    scope.cancel();
    if (first === 'interrupted') await work;
    return first instanceof Error && isCancellation(first) ? 'interrupted' : first;
  }

  private say(status: string, reason: string): void {
    this.view = { ...this.view, status, reason, restarts: this.state.restarts };
    announce(status, reason, STUCK[status] ?? null);
  }
}

/** Statuses in which something has to be mended before the agent runs, and the step that it keeps from going on. */
const STUCK: Record<string, string> = { unhealthy: 'restart', pending_capacity: 'placement' };

function isPools(sent: unknown): boolean {
  return typeof sent === 'object' && sent !== null && (sent as Partial<PoolDrain>).by === 'pool';
}
