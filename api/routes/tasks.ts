/** Claims, results, heartbeats and releases (api.md 4.2). */
import { claimOnce } from '../../adapters/postgres/claim-once';
import { heartbeatClaim, releaseClaim } from '../../adapters/postgres/claims';
import { submitResult } from '../../adapters/postgres/results';
import { SharedRead } from '../../adapters/postgres/shared-read';
import { findRun, taskProgress, type TaskProgress } from '../../adapters/postgres/task-progress';
import { familyRefusal } from '../../domain/contracts/common';
import {
  claimAnyRequestSchema,
  claimRequestSchema,
  claimResponseSchema,
  familyParams,
  familyTaskParams,
  heartbeatRequestSchema,
  heartbeatResponseSchema,
  releaseRequestSchema,
  releaseResponseSchema,
  resultRequestSchema,
  resultResponseSchema,
  taskParams,
  tasksStatusQuery,
  tasksStatusResponseSchema,
  type ResultRequest,
} from '../../domain/contracts/tasks';
import { HttpError } from '../../domain/http-errors';
import { mintJobToken } from '../../domain/job-token';
import { claimItem, JOB_GRACE_SECONDS } from '../../domain/tasks/claim-item';
import { naiveIso } from '../../domain/time';
import type { ApiDeps } from '../deps';
import { requireTokenSecret } from '../runtime-proxy/caller';
import { counterOf } from '../runtime-proxy/metrics';
import { taskSettings, type TaskSettings } from '../runtime-proxy/settings';
import { defineRoute, type Route, type RouteContext } from '../route';

type AnyContext = Pick<RouteContext<unknown, unknown, unknown>, 'deps' | 'req' | 'hotkey' | 'bodyHash'>;

const leaseRefusals = {
  403: { description: '`rejected_not_found`, or `rejected_wrong_validator`' },
  409: { description: '`rejected_not_claimed` and why, when, and what to do; or a replayed request' },
};

function requireFamily(family: string): string {
  const refusal = familyRefusal(family);
  if (refusal !== null) throw new HttpError(400, refusal);
  return family;
}

/** Base URL that validators reach this API at (decision 28). */
function publicUrl({ deps, req }: AnyContext): string {
  return (
    deps.config.publicUrl ??
    `${req.protocol}://${req.headers.host ?? `${deps.config.host}:${deps.config.port}`}`
  );
}

async function claim(
  context: AnyContext,
  settings: TaskSettings,
  request: { familyId: string; runId: string | null; batchSize: number; claimKey: string | null },
): Promise<unknown> {
  const { deps, hotkey } = context;
  const { config } = deps;
  requireFamily(request.familyId);
  if (request.runId !== null && !(await findRun(deps.db, request.runId))) {
    throw new HttpError(
      404,
      `run ${request.runId} does not exist; leave run_id out to claim from the open run`,
    );
  }
  // Before anything is leased: a claim that cannot be answered must not hold tasks.
  requireTokenSecret(deps);
  const { tasks, remainingTaskCount } = await claimOnce(deps.db, {
    ...request,
    validatorHotkey: hotkey,
    leaseSeconds: config.claimTimeoutSeconds,
    maxAttempts: config.maxTaskAttempts,
  });
  if (tasks.length > 0) progressReadsOf(deps).wrote(hotkey);
  counterOf(deps.metrics, 'claims').inc(tasks.length);
  // Good for the longest life that heartbeats can give the lease; the proxy refuses it as soon as the lease is over.
  const lifeSeconds = Math.max(config.claimTimeoutSeconds, settings.workCapSeconds) + JOB_GRACE_SECONDS;
  const base = publicUrl(context);
  return {
    tasks: tasks.map((task) =>
      claimItem(task, base, (_task, miner) =>
        mintJobToken(
          {
            jobId: miner.jobId,
            deploymentId: miner.deploymentId,
            runId: task.runId,
            expiresAt: new Date(task.claimedAt.getTime() + lifeSeconds * 1000),
          },
          config.jobTokenSecret,
        ),
      ),
    ),
    remaining_task_count: remainingTaskCount,
  };
}

async function result(
  { deps, hotkey, bodyHash }: AnyContext,
  settings: TaskSettings,
  taskEvaluationId: string,
  body: ResultRequest,
): Promise<unknown> {
  const outcome = await submitResult(deps.db, {
    taskEvaluationId,
    validatorHotkey: hotkey,
    body,
    digest: bodyHash,
    settings: {
      budgets: settings.latencyBudgets,
      costFloorUsd: settings.costFloorUsd,
    },
    logger: deps.logger,
  });
  progressReadsOf(deps).wrote(hotkey);
  if (!outcome.replayed) counterOf(deps.metrics, 'results').inc();
  counterOf(deps.metrics, 'returned').inc(outcome.returned.length);
  if (outcome.disputed.length > 0) {
    counterOf(deps.metrics, 'disputed').inc(outcome.disputed.length);
    deps.logger.warn("a validator's score differs from the official one", {
      taskEvaluationId,
      validator: hotkey,
      miners: outcome.disputed,
    });
  }
  return outcome.response;
}

async function heartbeat(
  { deps, hotkey }: AnyContext,
  settings: TaskSettings,
  taskEvaluationId: string,
  fencing: number | null | undefined,
): Promise<unknown> {
  const lease = await heartbeatClaim(deps.db, {
    taskEvaluationId,
    validatorHotkey: hotkey,
    fencing: fencing == null ? null : BigInt(fencing),
    leaseSeconds: deps.config.claimTimeoutSeconds,
    workCapSeconds: settings.workCapSeconds,
  });
  return {
    task_evaluation_id: lease.taskEvaluationId,
    claim_expires_at: naiveIso(lease.expiresAt),
    fencing: Number(lease.fencing),
  };
}

/** Progress counts every row of a run: read for all who ask, and when validators last wrote through this process. */
class ProgressReads extends SharedRead<TaskProgress> {
  private readonly writes = new Map<string, number>();
  private lastWrite = 0;

  /** Notes that something of a validator was committed. */
  wrote(hotkey: string): void {
    this.lastWrite = performance.now();
    this.writes.set(hotkey, this.lastWrite);
  }

  /** For a validator, which finds what it wrote. */
  getFor(hotkey: string, key: string, read: () => Promise<TaskProgress>): Promise<TaskProgress> {
    return this.get(key, read, { own: this.writes.get(hotkey), anyone: this.lastWrite });
  }
}

const progressReads = new WeakMap<ApiDeps['db'], ProgressReads>();

function progressReadsOf(deps: ApiDeps): ProgressReads {
  let reads = progressReads.get(deps.db);
  if (!reads) progressReads.set(deps.db, (reads = new ProgressReads(1_000)));
  return reads;
}

async function status({ deps, hotkey }: AnyContext, family: string, runId: string | null): Promise<unknown> {
  requireFamily(family);
  const run = await findRun(deps.db, runId);
  if (!run) throw new HttpError(404, runId === null ? 'there is no run yet' : `run ${runId} does not exist`);
  const progress = await progressReadsOf(deps).getFor(hotkey, `${run.id} ${family}`, () =>
    taskProgress(deps.db, run.id, family),
  );
  return {
    run_id: run.id,
    family_id: family,
    total_tasks: progress.total,
    pending_tasks: progress.pending,
    claimed_tasks: progress.claimed,
    evaluated_tasks: progress.evaluated,
    miners: progress.miners.map((miner) => ({
      miner_hotkey: miner.hotkey,
      judgments_received: miner.judgments,
    })),
  };
}

/** The routes of claims; each exists under its family, and under /v1/tasks as the original's README has it. */
export function createTaskRoutes(settings: () => TaskSettings): Route[] {
  const tags = ['tasks'];
  const auth = 'validator' as const;
  const claimed = {
    200: {
      description: 'Tasks under a lease, none when there is nothing to do',
      schema: claimResponseSchema,
    },
    404: { description: 'Unknown run' },
  };
  const accepted = {
    200: { description: 'Accepted, now or by the same lease before', schema: resultResponseSchema },
    400: { description: 'Entries for miners that were not offered, or two for one miner' },
    ...leaseRefusals,
  };
  const beaten = {
    200: { description: 'The new end of the lease', schema: heartbeatResponseSchema },
    ...leaseRefusals,
  };
  const family = '/v1/families/{family}/task-evaluations/{id}';
  return [
    defineRoute(
      {
        method: 'post',
        path: '/v1/families/{family}/tasks/claim',
        auth,
        summary: 'Claim tasks',
        tags,
        request: { params: familyParams, body: claimRequestSchema },
        responses: { ...claimed, 400: { description: 'Unknown family' } },
      },
      (context) =>
        claim(context, settings(), {
          familyId: context.params.family,
          runId: context.body.run_id ?? null,
          batchSize: context.body.batch_size,
          claimKey: context.body.claim_key ?? null,
        }),
    ),
    defineRoute(
      {
        method: 'post',
        path: '/v1/tasks/claim',
        auth,
        summary: 'Claim tasks of the default family, or of the one in the body',
        tags,
        request: { body: claimAnyRequestSchema },
        responses: { ...claimed, 400: { description: 'Unknown family' } },
      },
      (context) =>
        claim(context, settings(), {
          familyId: context.body.family_id,
          runId: context.body.run_id ?? null,
          batchSize: context.body.batch_size,
          claimKey: context.body.claim_key ?? null,
        }),
    ),
    defineRoute(
      {
        method: 'post',
        path: `${family}/result`,
        auth,
        summary: 'Settle a lease with its result',
        description:
          'The official score is computed here. Offered miners that the body leaves out go back to the pool; the same ' +
          'lease sent again gets the stored answer.',
        tags,
        request: { params: familyTaskParams, body: resultRequestSchema },
        responses: accepted,
      },
      (context) => result(context, settings(), context.params.id, context.body),
    ),
    defineRoute(
      {
        method: 'post',
        path: '/v1/tasks/{id}/result',
        auth,
        summary: 'Settle a lease with its result',
        tags,
        request: { params: taskParams, body: resultRequestSchema },
        responses: accepted,
      },
      (context) => result(context, settings(), context.params.id, context.body),
    ),
    defineRoute(
      {
        method: 'post',
        path: `${family}/heartbeat`,
        auth,
        summary: 'Keep a lease, up to the work cap',
        tags,
        request: { params: familyTaskParams, body: heartbeatRequestSchema },
        responses: beaten,
      },
      (context) => heartbeat(context, settings(), context.params.id, context.body?.fencing),
    ),
    defineRoute(
      {
        method: 'post',
        path: '/v1/tasks/{id}/heartbeat',
        auth,
        summary: 'Keep a lease, up to the work cap',
        tags,
        request: { params: taskParams, body: heartbeatRequestSchema },
        responses: beaten,
      },
      (context) => heartbeat(context, settings(), context.params.id, context.body?.fencing),
    ),
    defineRoute(
      {
        method: 'post',
        path: `${family}/baseline-failed`,
        auth,
        summary: 'Give a lease back',
        tags,
        request: { params: familyTaskParams, body: releaseRequestSchema },
        responses: { 200: { description: 'Released', schema: releaseResponseSchema }, ...leaseRefusals },
      },
      async ({ deps, hotkey, params, body }) => {
        await releaseClaim(deps.db, {
          taskEvaluationId: params.id,
          validatorHotkey: hotkey,
          fencing: body?.fencing == null ? null : BigInt(body.fencing),
          reason: body?.reason || 'baseline failed',
        });
        progressReadsOf(deps).wrote(hotkey);
        return { status: 'released' };
      },
    ),
    defineRoute(
      {
        method: 'get',
        path: '/v1/families/{family}/tasks/status',
        auth,
        summary: 'How far the tasks of a run are',
        tags,
        request: { params: familyParams, query: tasksStatusQuery },
        responses: {
          200: { description: 'Counts', schema: tasksStatusResponseSchema },
          400: { description: 'Unknown family' },
          404: { description: 'Unknown run' },
        },
      },
      (context) =>
        status(context, context.params.family, context.query.run_id ?? context.query.epoch_id ?? null),
    ),
  ];
}

export const taskRoutes: readonly Route[] = createTaskRoutes(taskSettings);
