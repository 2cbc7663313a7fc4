import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  ParentClosePolicy,
  allHandlersFinished,
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  proxyActivities,
  setHandler,
  startChild,
  uuid4,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { FAULTS } from '../domain/faults';
import {
  DEPLOYMENT_MESSAGES,
  SUBMISSION_MESSAGES,
  TASK_QUEUES,
  workflowIds,
  type DeploymentLifecycleInput,
  type RetireRequest,
  type SubmissionLifecycleInput,
  type SubmissionStatusView,
  type WithdrawRequest,
} from '../domain/messages';
import { readSender } from '../domain/orders';
import type { SubmissionStatus } from '../domain/status';
import type { ChainActivities } from '../activities/chain';
import type { OperatorActivities } from '../activities/operator-actions';
import type { RuntimeActivities } from '../activities/runtime';
import type { SubmissionActivities } from '../activities/submissions';
import { deploymentLifecycle } from './deploymentLifecycle';
import { ROW_OPTIONS } from './activity-options';
import { logLinesOf } from './faults';
import { insist, QUICK_RETRIES, troubleText } from './insistence';
import { announce, introduce } from './visibility';

export const withdrawUpdate = defineUpdate<SubmissionStatusView, [WithdrawRequest]>(
  SUBMISSION_MESSAGES.withdraw,
);
export const withdrawSignal = defineSignal<[unknown?]>(SUBMISSION_MESSAGES.withdraw);
export const banSignal = defineSignal<[unknown?]>(SUBMISSION_MESSAGES.ban);
export const retireSignal = defineSignal<[RetireRequest?]>(SUBMISSION_MESSAGES.retire);
export const retryBuildSignal = defineSignal(SUBMISSION_MESSAGES.retryBuild);
export const submissionStatusQuery = defineQuery<SubmissionStatusView>(SUBMISSION_MESSAGES.status);

const rows = proxyActivities<SubmissionActivities & OperatorActivities>(ROW_OPTIONS);

// A payment is final some seconds after it was included; a chain that cannot be asked is the owner's problem.
const chain = proxyActivities<ChainActivities>({
  taskQueue: TASK_QUEUES.chain,
  startToCloseTimeout: '60 seconds',
  retry: QUICK_RETRIES,
});

const runtime = proxyActivities<RuntimeActivities>({
  taskQueue: TASK_QUEUES.runtime,
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '15 seconds',
  retry: QUICK_RETRIES,
});

/** After this long the owner's failures end the check of a fee, and leave a build to its operator. */
const PATIENCE_MS = 86_400_000;

/** How a submission ended, and whether that used up one of its hotkey's submissions. */
interface Ending {
  status: SubmissionStatus;
  reason: string;
  countsForCap: boolean;
  /** The end of the build's log, where that is why. */
  logLines?: string[];
}

/** One submission from receipt to its end: fee, build, deployment, and the wait for what retires it. */
export async function submissionLifecycle(input: SubmissionLifecycleInput): Promise<SubmissionStatusView> {
  const life = new SubmissionLife(input);
  setHandler(submissionStatusQuery, () => life.view);
  setHandler(retireSignal, (request) => life.retire(readSender(request).reason || 'retired by an operator'));
  setHandler(withdrawSignal, (sent?: unknown) => life.order('withdraw', sent));
  setHandler(banSignal, (sent?: unknown) => life.order('ban', sent));
  setHandler(retryBuildSignal, () => life.retryBuild());
  setHandler(
    withdrawUpdate,
    async (request) => {
      await life.order('withdraw', request);
      await condition(() => life.view.step === 'ended');
      return life.view;
    },
    {
      validator: (_request: WithdrawRequest) => {
        if (life.view.step === 'ended') {
          throw ApplicationFailure.nonRetryable(
            `the submission ended already: ${life.view.reason}`,
            FAULTS.badState,
          );
        }
      },
    },
  );
  introduce('submission', {
    hotkey: input.minerHotkey,
    family: input.familyId,
    runId: input.introducedRunId,
  });
  return life.live();
}

class SubmissionLife {
  view: SubmissionStatusView;
  private asked: Ending | null = null;
  private buildRetries = 0;

  constructor(private readonly input: SubmissionLifecycleInput) {
    this.view = {
      submissionId: input.submissionId,
      step: 'fee',
      status: 'received',
      reason: 'received; the fee is checked next',
      since: new Date().toISOString(),
    };
  }

  retire(reason: string): void {
    this.asked ??= { status: 'retired', reason, countsForCap: true };
  }

  /** The miner or the owner takes it back; a ban refuses its hotkey besides. What the API audits is not audited twice. */
  async order(action: 'withdraw' | 'ban', sent: unknown): Promise<void> {
    const { actor, via, ...sender } = readSender(sent);
    const reason = sender.reason || 'no reason given';
    const changed = this.asked === null;
    this.asked ??= {
      status: 'withdrawn',
      reason: action === 'ban' ? `banned: ${reason}` : withdrawn(actor, reason),
      countsForCap: true,
    };
    if (action === 'ban') {
      await rows.banHotkey({ hotkey: this.input.minerHotkey, reason, bannedBy: actor });
    }
    if (via === 'api') return;
    await rows.recordAction({
      id: sender.id ?? uuid4(),
      actor,
      via,
      action: `submission.${action}`,
      target: this.input.submissionId,
      reason: sender.reason,
      outcome: changed || action === 'ban' ? 'applied' : 'unchanged',
      message: this.asked.reason,
    });
  }

  retryBuild(): void {
    this.buildRetries += 1;
  }

  async live(): Promise<SubmissionStatusView> {
    await this.ownDeployment();
    const scope = new CancellationScope();
    const progress = scope.run(() => this.advance());
    const asked = condition(() => this.asked !== null).then(() => null);
    // Whichever comes first: the submission fails by itself, or somebody ends it.
    const failed = await Promise.race([progress, asked]);
    if (this.asked) scope.cancel();
    await progress.catch((error: unknown) => {
      if (!isCancellation(error)) log.warn('a step failed while the submission was being ended', { error });
    });
    const ending = this.asked ?? failed;
    if (!ending)
      throw ApplicationFailure.nonRetryable('a submission ended without a reason', FAULTS.badState);
    return this.end(ending);
  }

  /** Fee, build, deployment; then rests until somebody ends it. Returns only when it failed. */
  private async advance(): Promise<Ending | null> {
    const { submissionId, deploymentId, introducedRunId } = this.input;
    this.say('fee', 'received', 'checking the submission fee on chain');
    try {
      await this.insist('fee', 'received', () => chain.verifySubmissionFee(submissionId));
    } catch (error) {
      return endingOf(error, 'rejected', 'fee');
    }
    for (;;) {
      this.say('build', 'building', 'building the agent from its archive');
      const seen = this.buildRetries;
      try {
        const image = await this.insist('build', 'building', (round) =>
          runtime.buildSubmission({ submissionId, deploymentId, round }),
        );
        const placed = await rows.recordBuilt({ submissionId, deploymentId, imageRef: image.imageRef });
        this.say(
          'waiting_for_run',
          'received',
          placed.activated
            ? `built; being deployed for ${introducedRunId}`
            : `built; it is deployed when ${introducedRunId} opens`,
        );
        break;
      } catch (error) {
        if (isCancellation(error)) throw error;
        const ending = endingOf(error, 'build_failed', 'build');
        if (ending.countsForCap) return ending;
        await rows.recordOwnerFault({ submissionId, step: 'build', reason: ending.reason });
        this.say(
          'build',
          'received',
          `${ending.reason}; waiting for the operator to mend it (signal retryBuild)`,
          'build',
        );
        await condition(() => this.buildRetries > seen);
      }
    }
    await condition(() => false);
    return null;
  }

  /** The signal `retryBuild` ends the wait for the next round of either step. */
  private insist<T>(step: 'fee' | 'build', status: string, act: (round: number) => Promise<T>): Promise<T> {
    return insist(act, {
      patienceMs: PATIENCE_MS,
      onTrouble: (trouble) => this.say(step, status, troubleText(trouble), step),
      wake: () => this.buildRetries,
    });
  }

  private async ownDeployment(): Promise<void> {
    const { deploymentId, submissionId, minerHotkey, familyId } = this.input;
    const args: [DeploymentLifecycleInput] = [{ deploymentId, submissionId, minerHotkey, familyId }];
    try {
      await startChild(deploymentLifecycle, {
        workflowId: workflowIds.deployment(deploymentId),
        taskQueue: TASK_QUEUES.control,
        args,
        // It outlives this workflow's cache evictions and restarts, and is told by signal when to end.
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: `agent of ${minerHotkey.slice(0, 8)}, submission ${submissionId.slice(0, 8)}`,
      });
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
  }

  private async end(ending: Ending): Promise<SubmissionStatusView> {
    const { submissionId, deploymentId } = this.input;
    await rows.endSubmission({ submissionId, deploymentId, ...ending });
    await getExternalWorkflowHandle(workflowIds.deployment(deploymentId))
      .signal(DEPLOYMENT_MESSAGES.retire, { reason: ending.reason } satisfies RetireRequest)
      .catch((error: unknown) => log.info('the deployment workflow is gone already', { error }));
    this.say('ended', ending.status, ending.reason);
    await condition(allHandlersFinished);
    return this.view;
  }

  private say(
    step: SubmissionStatusView['step'],
    status: string,
    reason: string,
    stuck: string | null = null,
  ): void {
    this.view = {
      submissionId: this.input.submissionId,
      step,
      status,
      reason,
      since: new Date().toISOString(),
    };
    announce(status, reason, stuck);
  }
}

/** A ban comes as a withdrawal whose reason says so. */
function withdrawn(actor: string, reason: string): string {
  return reason.startsWith('banned: ') ? reason : `withdrawn by ${actor}: ${reason}`;
}

/** Turns the failure of a step into how the submission ends: only the miner's own fault is held against the cap. */
function endingOf(error: unknown, status: SubmissionStatus, step: string): Ending {
  if (isCancellation(error)) throw error;
  const cause = error instanceof ActivityFailure ? error.cause : error;
  const final =
    cause instanceof ApplicationFailure && (cause.type === FAULTS.miner || cause.type === FAULTS.feeRejected);
  const text = cause instanceof Error ? cause.message : String(cause);
  return final
    ? { status, reason: text, countsForCap: true, logLines: logLinesOf(cause) }
    : { status, reason: `${step} failed on the owner's side: ${text}`, countsForCap: false };
}
