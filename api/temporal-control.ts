/** What handlers say to workflows, each with a deadline: a request must not hang because no worker is there. */
import { WorkflowIdReusePolicy, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import type { Client } from '@temporalio/client';
import { messageOf } from '../adapters/logging';
import { keyword } from '../adapters/temporal/keyword';
import { HttpError } from '../domain/http-errors';
import { SUBMISSION_MESSAGES, TASK_QUEUES, WORKFLOW_TYPES, workflowIds } from '../domain/messages';
import type { RetireRequest, SubmissionLifecycleInput } from '../domain/messages';

/** How long a call that only has to reach the server may take, in milliseconds. */
export const CALL_MS = 5_000;

/**
 * Starts a submission's workflow; one that runs, or has run, is left alone.
 * @param facts what the memo shows to an operator
 */
export async function startSubmissionLifecycle(
  client: Client,
  input: SubmissionLifecycleInput,
  facts: { archiveSha256: string; sizeBytes: number; agent: string },
): Promise<void> {
  const start = client.withDeadline(Date.now() + CALL_MS, () =>
    client.workflow.start(WORKFLOW_TYPES.submissionLifecycle, {
      workflowId: workflowIds.submission(input.submissionId),
      taskQueue: TASK_QUEUES.control,
      args: [input],
      workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
      typedSearchAttributes: new TypedSearchAttributes([
        keyword('EirelKind', 'submission'),
        keyword('EirelHotkey', input.minerHotkey),
        keyword('EirelFamily', input.familyId),
        keyword('EirelRunId', input.introducedRunId),
        keyword('EirelStatus', 'received'),
      ]),
      memo: {
        submission: input.submissionId,
        deployment: input.deploymentId,
        hotkey: input.minerHotkey,
        agent: facts.agent,
        archive: `sha256 ${facts.archiveSha256}, ${facts.sizeBytes} bytes`,
      },
      staticSummary: `submission of ${input.minerHotkey.slice(0, 8)} for ${input.introducedRunId}`,
      staticDetails: `Agent ${facts.agent}, archive ${facts.archiveSha256}, to take part in ${input.introducedRunId}.`,
    }),
  );
  try {
    await start;
  } catch (error) {
    if ((error as Error).name !== 'WorkflowExecutionAlreadyStartedError') throw error;
  }
}

/** Tells a submission's workflow that it is superseded; one that has ended needs no telling. */
export async function retireSubmission(client: Client, submissionId: string, reason: string): Promise<void> {
  const request: RetireRequest = { reason };
  try {
    await client.withDeadline(Date.now() + CALL_MS, () =>
      client.workflow
        .getHandle(workflowIds.submission(submissionId))
        .signal(SUBMISSION_MESSAGES.retire, request),
    );
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

/** A query's answer, or null when the workflow has no worker, is gone, or does not answer in time. */
export async function tryQuery<T>(
  client: Client,
  workflowId: string,
  query: string,
  waitMs = 2_000,
): Promise<T | null> {
  try {
    return await client.withDeadline(Date.now() + waitMs, () =>
      client.workflow.getHandle(workflowId).query<T>(query),
    );
  } catch {
    // The row in the database is the answer that counts; this one only adds words to it.
    return null;
  }
}

/** A workflow's status, such as `RUNNING`; null when there is none. @throws the client's error when the server does not answer */
export async function workflowStatus(client: Client, workflowId: string): Promise<string | null> {
  try {
    const found = await client.withDeadline(Date.now() + CALL_MS, () =>
      client.workflow.getHandle(workflowId).describe(),
    );
    return found.status.name;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

export async function signalWorkflow(
  client: Client,
  workflowId: string,
  signal: string,
  arg: object,
): Promise<void> {
  try {
    await client.withDeadline(Date.now() + CALL_MS, () =>
      client.workflow.getHandle(workflowId).signal(signal, arg),
    );
  } catch (error) {
    throw workflowRefusal(error, workflowId);
  }
}

/**
 * Sends an update and waits for its result.
 * @param waitMs longest wait, in milliseconds
 * @param updateId sent twice under one id, it is carried out once and answered twice
 * @throws HttpError 409 with the workflow's own words when it refused, 503 when it does not answer
 */
export async function updateWorkflow<T>(
  client: Client,
  workflowId: string,
  update: string,
  arg: object,
  waitMs: number,
  updateId?: string,
): Promise<T> {
  try {
    return await client.withDeadline(Date.now() + waitMs, () =>
      client.workflow
        .getHandle(workflowId)
        .executeUpdate<T, [object]>(update, { args: [arg], ...(updateId ? { updateId } : {}) }),
    );
  } catch (error) {
    throw workflowRefusal(error, workflowId);
  }
}

function workflowRefusal(error: unknown, workflowId: string): HttpError {
  if (error instanceof WorkflowUpdateFailedError) return new HttpError(409, messageOf(error.cause ?? error));
  if (error instanceof WorkflowNotFoundError) {
    return new HttpError(
      503,
      `workflow ${workflowId} is not running, so nothing was changed: check that the workers are up, then try again`,
      {},
      { 'retry-after': '5' },
    );
  }
  return new HttpError(
    503,
    `workflow ${workflowId} did not answer in time (${messageOf(error)}): the request may still be carried out; ` +
      'check that the workers are up, look at its state, then try again',
    {},
    { 'retry-after': '10' },
  );
}
