import { WorkflowIdReusePolicy, WorkflowNotFoundError, type Client } from '@temporalio/client';
import {
  SUBMISSION_MESSAGES,
  TASK_QUEUES,
  WORKFLOW_TYPES,
  workflowIds,
  type DeploymentLifecycleInput,
  type RetireRequest,
  type RunEpochInput,
  type SubmissionLifecycleInput,
  type TaskEnrichmentInput,
} from '../domain/messages';

/** The columns of a deployment that its workflow's input is made of. */
export interface DeploymentIdentity {
  id: string;
  submissionId: string;
  minerHotkey: string;
  familyId: string;
}

/** Starts and signals workflows from activities; every call may be repeated. */
export class WorkflowSignaller {
  constructor(private readonly client: Client) {}

  /** Signals a deployment's workflow, starting it when a crash kept it from being started. */
  async signalDeployment(deployment: DeploymentIdentity, signal: string, request: object): Promise<void> {
    const input: DeploymentLifecycleInput = {
      deploymentId: deployment.id,
      submissionId: deployment.submissionId,
      minerHotkey: deployment.minerHotkey,
      familyId: deployment.familyId,
    };
    await this.client.workflow.signalWithStart(WORKFLOW_TYPES.deploymentLifecycle, {
      workflowId: workflowIds.deployment(deployment.id),
      taskQueue: TASK_QUEUES.control,
      args: [input],
      signal,
      signalArgs: [request],
    });
  }

  /** Tells a submission's workflow to retire; one that has ended needs no telling. */
  async retireSubmission(submissionId: string, reason: string): Promise<void> {
    const request: RetireRequest = { reason };
    try {
      await this.client.workflow
        .getHandle(workflowIds.submission(submissionId))
        .signal(SUBMISSION_MESSAGES.retire, request);
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }

  /** @returns true when it was started now, false when it runs or has run already */
  async startSubmission(input: SubmissionLifecycleInput): Promise<boolean> {
    return this.startOnce(
      WORKFLOW_TYPES.submissionLifecycle,
      workflowIds.submission(input.submissionId),
      input,
      {
        summary: `submission of ${input.minerHotkey.slice(0, 8)} for ${input.introducedRunId}`,
      },
    );
  }

  /**
   * A run whose workflow was cancelled or terminated by hand is started again and goes on where its row stands.
   * @returns true when it was started now, false when it runs or has run to its end
   */
  async startRun(input: RunEpochInput): Promise<boolean> {
    return this.startOnce(WORKFLOW_TYPES.runEpoch, workflowIds.run(input.runId), input, {
      summary: `evaluation run ${input.sequence} of ${input.familyId}`,
      reuse: WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
    });
  }

  /**
   * Asks the oracles about a task; again only where they failed before.
   * @returns true when it was started now, false when it runs or has been settled
   */
  async startEnrichment(task: Omit<TaskEnrichmentInput, 'queue'>): Promise<boolean> {
    const input: TaskEnrichmentInput = { ...task, queue: TASK_QUEUES.llm };
    const id = workflowIds.enrichment(task.runId, task.taskId);
    return this.startOnce(WORKFLOW_TYPES.taskEnrichment, id, input, {
      summary: `truth of task ${task.taskId} of ${task.runId}`,
      reuse: WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
    });
  }

  private async startOnce(
    type: string,
    workflowId: string,
    input: object,
    options: { summary: string; reuse?: WorkflowIdReusePolicy },
  ): Promise<boolean> {
    try {
      await this.client.workflow.start(type, {
        workflowId,
        taskQueue: TASK_QUEUES.control,
        args: [input],
        workflowIdReusePolicy: options.reuse ?? WorkflowIdReusePolicy.REJECT_DUPLICATE,
        staticSummary: options.summary,
      });
      return true;
    } catch (error) {
      if (error instanceof Error && error.name === 'WorkflowExecutionAlreadyStartedError') return false;
      throw error;
    }
  }
}
