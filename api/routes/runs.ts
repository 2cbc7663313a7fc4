import type { Db } from '../../adapters/postgres';
import { oracleCounts, runSpend, type RunSpend } from '../../adapters/postgres/run-spend';
import { SharedRead } from '../../adapters/postgres/shared-read';
import { z } from 'zod';
import {
  activeLeases,
  currentRun,
  findRun,
  listRuns,
  minerProgress,
  sumCounts,
  validatorActivity,
} from '../../adapters/postgres/runs-read';
import { idParams, pageQuery } from '../../domain/contracts/common';
import {
  familyWinners,
  runPayload,
  runProgressPayload,
  weightsPayload,
  weightTable,
} from '../../domain/contracts/runs';
import { HttpError } from '../../domain/http-errors';
import { RUN_MESSAGES, workflowIds } from '../../domain/messages';
import type { RunProgressView } from '../../domain/messages';
import { naiveIso, naiveIsoOrNull } from '../../domain/time';
import { sendObject } from '../archives';
import type { ApiDeps } from '../deps';
import { defineRoute } from '../route';
import type { Route } from '../route';
import { tryQuery } from '../temporal-control';
import { runViews } from '../views/runs';

const tags = ['runs'];

const NOT_READY = {
  run_id: null,
  weights: {},
  family_winners: [],
  ready: false,
  evidence_sha256: null,
  digest: null,
  signer_hotkey: null,
  signature: null,
};

const SPEND_AGE_MS = 5_000;
const spends = new WeakMap<Db, SharedRead<RunSpend>>();

/** Sums over all calls of a run are made once for everybody who watches it. */
function spendOf(db: Db): SharedRead<RunSpend> {
  const shared = spends.get(db) ?? new SharedRead<RunSpend>(SPEND_AGE_MS);
  spends.set(db, shared);
  return shared;
}

/** The run that is asked for, or the latest, where it is completed and has weights. */
async function scoredRuns(deps: ApiDeps, runId: string | undefined): Promise<string[]> {
  const rows = await deps.db.$queryRaw<Array<{ id: string }>>`
    SELECT r.id FROM evaluation_runs r JOIN run_weight_sets w ON w.run_id = r.id
    WHERE r.status = 'completed' AND (${runId ?? null}::text IS NULL OR r.id = ${runId ?? null}::text)
    ORDER BY r.sequence DESC LIMIT 1`;
  return rows.map((row) => row.id);
}

export const runRoutes: Route[] = [
  defineRoute(
    {
      method: 'get',
      path: '/v1/runs',
      auth: 'public',
      summary: 'Runs, latest first',
      tags,
      request: { query: pageQuery },
      responses: { 200: { description: 'Runs', schema: z.array(runPayload) } },
    },
    async ({ deps, query }) => runViews(deps.db, await listRuns(deps.db, query), deps.config.activeFamilies),
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/runs/current',
      auth: 'public',
      summary: 'The open run, else the next, else the last; reading it changes nothing',
      tags,
      responses: {
        200: { description: 'The run', schema: runPayload },
        404: { description: 'There was no run yet' },
      },
    },
    async ({ deps }) => {
      const row = await currentRun(deps.db);
      if (!row)
        throw new HttpError(404, 'no run exists yet: the first one is created by the first submission');
      const [view] = await runViews(deps.db, [row], deps.config.activeFamilies);
      return view;
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/runs/{id}/progress',
      auth: 'public',
      summary: 'Live progress of a run: tasks by status per miner, leases, validators, phase and time left',
      tags,
      request: { params: idParams },
      responses: {
        200: { description: 'Progress', schema: runProgressPayload },
        404: { description: 'No such run' },
      },
    },
    async ({ deps, params }) => {
      const run = await findRun(deps.db, params.id);
      if (!run) throw new HttpError(404, `run ${params.id} not found`);
      const [miners, leases, validators, oracles, spend, view] = await Promise.all([
        minerProgress(deps.db, run.id),
        activeLeases(deps.db, run.id),
        validatorActivity(deps.db, run.id),
        oracleCounts(deps.db, run.id),
        spendOf(deps.db).get(run.id, () => runSpend(deps.db, run.id)),
        run.status === 'completed'
          ? null
          : tryQuery<RunProgressView>(deps.temporal, workflowIds.run(run.id), RUN_MESSAGES.progress, 1_000),
      ]);
      const tasks = sumCounts(miners);
      const until = (run.pausedAt ?? deps.clock()).getTime();
      return {
        run_id: run.id,
        sequence: run.sequence,
        status: run.status,
        phase: run.phase,
        reason: view?.reason ?? null,
        stuck: view?.stuck
          ? {
              step: view.stuck.step,
              failures: view.stuck.failures,
              since: naiveIso(new Date(view.stuck.since)),
              next_attempt: naiveIso(new Date(view.stuck.nextAttempt)),
            }
          : null,
        started_at: naiveIso(run.startedAt),
        ends_at: naiveIso(run.endsAt),
        paused_at: naiveIsoOrNull(run.pausedAt),
        closed_at: naiveIsoOrNull(run.closedAt),
        remaining_seconds:
          run.status === 'completed' ? 0 : Math.max(0, Math.round((run.endsAt.getTime() - until) / 1000)),
        total: Object.values(tasks).reduce((sum, count) => sum + count, 0),
        tasks,
        oracles,
        spend,
        miners: miners.map((miner) => ({
          miner_hotkey: miner.minerHotkey,
          deployment_id: miner.deploymentId,
          tasks: miner.tasks,
          mean_score: miner.meanScore,
        })),
        leases: leases.map((lease) => ({
          task_id: lease.taskId,
          validator_hotkey: lease.validatorHotkey,
          miner_count: (lease.minerHotkeysJson as unknown[]).length,
          claimed_at: naiveIso(lease.claimedAt),
          expires_at: naiveIso(lease.expiresAt),
        })),
        validators: validators.map((row) => ({ ...row, last_seen_at: naiveIsoOrNull(row.last_seen_at) })),
      };
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/runs/{id}/evidence',
      auth: 'public',
      summary: 'Everything that the scores and weights of a completed run can be recomputed from',
      tags,
      request: { params: idParams },
      stream: true,
      responses: {
        200: {
          description: 'Canonical JSON; its SHA-256 is in `x-content-sha256`',
          contentType: 'application/json',
        },
        404: { description: 'No such run, or it is not completed' },
      },
    },
    async ({ deps, params, res }) => {
      const run = await findRun(deps.db, params.id);
      if (!run) throw new HttpError(404, `run ${params.id} not found`);
      if (run.status !== 'completed' || !run.evidenceKey || !run.evidenceSha256) {
        throw new HttpError(404, `run ${run.id} is not completed: its evidence is public once it is`);
      }
      await sendObject(deps, run.evidenceKey, res, {
        contentType: 'application/json',
        sha256: run.evidenceSha256,
        missing: `the evidence of run ${run.id} is not in the object store`,
      });
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/weights',
      auth: 'public',
      summary: 'The weights of the latest completed run, or of the one that is asked for',
      tags,
      request: { query: z.object({ run_id: z.string().optional() }) },
      responses: { 200: { description: 'Weights', schema: weightsPayload } },
    },
    async ({ deps, query }) => {
      // A run that was given up before it had any member has no weights: the one before it still counts.
      const set = await deps.db.runWeightSet.findFirst({
        where: { runId: { in: await scoredRuns(deps, query.run_id) } },
      });
      if (!set) return NOT_READY;
      return {
        run_id: set.runId,
        weights: weightTable.parse(set.weightsJson),
        family_winners: familyWinners.parse(set.winnersJson),
        ready: true,
        evidence_sha256: set.evidenceSha256,
        digest: set.digest,
        signer_hotkey: set.signerHotkey,
        signature: set.signature,
      };
    },
  ),
];
