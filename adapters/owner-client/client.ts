import { z } from 'zod';
import {
  claimResponseSchema,
  heartbeatResponseSchema,
  resultResponseSchema,
  type ClaimResponse,
  type HeartbeatResponse,
  type ResultResponse,
} from '../../domain/validator/task';
import {
  feedbackSchema,
  jobLedgerSchema,
  runSchema,
  scorecardsSchema,
  submissionSchema,
  tasksStatusSchema,
  validatorSelfSchema,
  weightsSchema,
  type FeedbackAnswer,
  type JobLedger,
  type RunAnswer,
  type Scorecards,
  type SubmissionAnswer,
  type TasksStatus,
  type ValidatorSelf,
  type WeightsAnswer,
} from './contracts';
import { multipartArchive, type FeeReference } from './multipart';
import { OwnerTransport, type OwnerCall, type OwnerClientConfig } from './transport';

const SECOND = 1000;
/** The owner refuses a longer reason. */
const MAX_REASON_CHARS = 500;

/** A task's place in the API; the family is part of the path. */
export interface TaskRef {
  familyId: string;
  taskEvaluationId: string;
}

interface Options {
  signal?: AbortSignal;
}

/**
 * The owner API by its routes. Every method throws `OwnerRefused` for a status other than 2xx, `OwnerUnreachable` when
 * nothing answered, `OwnerAnswerInvalid` for a body out of contract, and the signal's reason when it aborts. Reads,
 * heartbeats, results, releases and claims under a key are tried again after connection errors, 429, 502, 503 and 504; a
 * claim without a key and an upload are sent once, since a lost answer may have taken effect.
 */
export class OwnerClient {
  readonly transport: OwnerTransport;
  readonly baseUrl: string;

  constructor(config: OwnerClientConfig) {
    this.baseUrl = config.baseUrl.replace(/\/+$/, '');
    this.transport = new OwnerTransport({ ...config, baseUrl: this.baseUrl });
  }

  /**
   * Leases up to `batchSize` (1..40) tasks of a family; of a given run, or of the open one. Under a `claimKey` the same
   * claim is answered again, so that it may be repeated after an answer that was lost.
   */
  claimTasks(
    familyId: string,
    request: { batchSize: number; runId?: string; claimKey?: string },
    options: Options = {},
  ): Promise<ClaimResponse> {
    return this.transport.send({
      method: 'POST',
      path: `/v1/families/${encodeURIComponent(familyId)}/tasks/claim`,
      json: {
        batch_size: request.batchSize,
        ...(request.runId ? { run_id: request.runId } : {}),
        ...(request.claimKey ? { claim_key: request.claimKey } : {}),
      },
      answer: claimResponseSchema,
      timeoutMs: 30 * SECOND,
      idempotent: request.claimKey !== undefined,
      ...options,
    });
  }

  /** Extends a lease. Refused with 409 when it is not ours any more. */
  heartbeat(task: TaskRef, fencing: number | null, options: Options = {}): Promise<HeartbeatResponse> {
    return this.transport.send({
      method: 'POST',
      path: `${taskPath(task)}/heartbeat`,
      json: fencing === null ? {} : { fencing },
      answer: heartbeatResponseSchema,
      timeoutMs: 10 * SECOND,
      idempotent: true,
      ...options,
    });
  }

  /** Submits a result; sending the same again is answered with the stored one. */
  submitResult(task: TaskRef, body: object, options: Options = {}): Promise<ResultResponse> {
    return this.transport.send({
      method: 'POST',
      path: `${taskPath(task)}/result`,
      json: body,
      answer: resultResponseSchema,
      timeoutMs: 30 * SECOND,
      idempotent: true,
      ...options,
    });
  }

  /** Gives a leased task back to the pool, with the reason. */
  releaseTask(
    task: TaskRef,
    release: { fencing: number | null; reason: string },
    options: Options = {},
  ): Promise<void> {
    return this.transport
      .send({
        method: 'POST',
        path: `${taskPath(task)}/baseline-failed`,
        json: {
          reason: release.reason.slice(0, MAX_REASON_CHARS),
          ...(release.fencing === null ? {} : { fencing: release.fencing }),
        },
        answer: z.unknown(),
        timeoutMs: 15 * SECOND,
        idempotent: true,
        ...options,
      })
      .then(() => undefined);
  }

  /** The published weights of a run, or of the latest completed one. */
  weights(runId?: string, options: Options = {}): Promise<WeightsAnswer> {
    return this.get('/v1/weights', weightsSchema, { run_id: runId }, options, 15 * SECOND);
  }

  /** Tool calls that were recorded under a job. */
  jobLedger(jobId: string, options: Options = {}): Promise<JobLedger> {
    return this.get('/v1/internal/eval/job_ledger', jobLedgerSchema, { job_id: jobId }, options, 10 * SECOND);
  }

  /** How the owner knows this validator; refused with 403 when it is not on the list. */
  validatorSelf(options: Options = {}): Promise<ValidatorSelf> {
    return this.get('/v1/validators/me', validatorSelfSchema, {}, options);
  }

  /** Counts of a family's tasks in a run, or in the current one. */
  tasksStatus(familyId: string, runId?: string, options: Options = {}): Promise<TasksStatus> {
    const path = `/v1/families/${encodeURIComponent(familyId)}/tasks/status`;
    return this.get(path, tasksStatusSchema, { run_id: runId }, options);
  }

  /** Scores of a family in a run, best first. */
  scorecards(familyId: string, runId?: string, options: Options = {}): Promise<Scorecards> {
    const path = `/v1/families/${encodeURIComponent(familyId)}/scorecards`;
    return this.get(path, scorecardsSchema, { run_id: runId }, options);
  }

  currentRun(options: Options = {}): Promise<RunAnswer> {
    return this.get('/v1/runs/current', runSchema, {}, options);
  }

  /** Runs, latest first. */
  runs(page: { limit?: number; offset?: number } = {}, options: Options = {}): Promise<RunAnswer[]> {
    return this.get('/v1/runs', z.array(runSchema), page, options);
  }

  /** What the judges said about the signing miner's answers in a run. */
  feedback(runId: string, options: Options = {}): Promise<FeedbackAnswer> {
    return this.get('/v1/eval/feedback', feedbackSchema, { run_id: runId }, options);
  }

  /** The signing miner's latest submission, null without one. */
  currentSubmission(options: Options = {}): Promise<SubmissionAnswer | null> {
    return this.get('/v1/submissions/current', submissionSchema.nullable(), {}, options);
  }

  submission(id: string, options: Options = {}): Promise<SubmissionAnswer> {
    return this.get(`/v1/submissions/${encodeURIComponent(id)}`, submissionSchema, {}, options);
  }

  /**
   * Uploads an agent's archive (gzip tar), with the payment of its fee where one is asked for.
   */
  submitArchive(
    archive: Buffer,
    fee: FeeReference | null = null,
    options: Options = {},
  ): Promise<SubmissionAnswer> {
    return this.transport.send({
      method: 'POST',
      path: '/v1/submissions',
      raw: multipartArchive(archive, fee),
      answer: submissionSchema,
      timeoutMs: 300 * SECOND,
      idempotent: false,
      ...options,
    });
  }

  /** Any other route, for callers that bring their own contract. */
  send<T extends z.ZodType>(call: OwnerCall<T>): Promise<z.output<T>> {
    return this.transport.send(call);
  }

  /** Frees the connections. */
  close(): Promise<void> {
    return this.transport.close();
  }

  private get<T extends z.ZodType>(
    path: string,
    answer: T,
    query: Record<string, string | number | undefined>,
    options: Options,
    timeoutMs = 30 * SECOND,
  ): Promise<z.output<T>> {
    return this.transport.send({
      method: 'GET',
      path,
      query,
      answer,
      timeoutMs,
      idempotent: true,
      ...options,
    });
  }
}

function taskPath(task: TaskRef): string {
  const family = encodeURIComponent(task.familyId);
  return `/v1/families/${family}/task-evaluations/${encodeURIComponent(task.taskEvaluationId)}`;
}
