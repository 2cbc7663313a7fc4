import { z } from 'zod';
import { currentRun, findRun, loadScorecards } from '../../adapters/postgres/runs-read';
import type { RunRow } from '../../adapters/postgres/runs-read';
import { familyParams, familyRefusal, runQuery } from '../../domain/contracts/common';
import {
  aggregatePayload,
  emptyAnalyst,
  LEGACY_GATE_FIELDS,
  targetsPayload,
  targetsQuery,
} from '../../domain/contracts/runs';
import { scorecardPayload } from '../../domain/contracts/scorecards';
import { HttpError } from '../../domain/http-errors';
import type { ApiDeps } from '../deps';
import { defineRoute } from '../route';
import type { Route } from '../route';
import { targetsView } from '../views/targets';

const tags = ['families'];
const errors = {
  400: { description: 'No such family' },
  404: { description: 'No such run' },
};

/** @throws HttpError 400 for an unknown family */
export function requireFamily(family: string): void {
  const refusal = familyRefusal(family);
  if (refusal) throw new HttpError(400, refusal);
}

/** The run that is asked for by either of its names, else the current one. @throws HttpError 404 */
export async function askedRun(
  deps: ApiDeps,
  query: { run_id?: string | undefined; epoch_id?: string | undefined },
): Promise<RunRow> {
  const id = query.run_id ?? query.epoch_id;
  const run = id ? await findRun(deps.db, id) : await currentRun(deps.db);
  if (!run) throw new HttpError(404, id ? `run ${id} not found` : 'no run exists yet');
  return run;
}

export const familyRoutes: Route[] = [
  defineRoute(
    {
      method: 'get',
      path: '/v1/families/{family}/targets',
      auth: 'validator',
      summary:
        'Who is evaluated in a run and on what; reading it freezes nothing, and members carry no credentials',
      tags,
      request: { params: familyParams, query: targetsQuery },
      responses: { 200: { description: 'Targets', schema: targetsPayload }, ...errors },
    },
    async ({ deps, params, query }) => {
      requireFamily(params.family);
      return targetsView(deps, await askedRun(deps, query), params.family, query);
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/families/{family}/scorecards',
      auth: 'validator',
      summary: "A family's scorecards of a run, best first",
      tags,
      request: { params: familyParams, query: runQuery },
      responses: { 200: { description: 'Scorecards', schema: z.array(scorecardPayload) }, ...errors },
    },
    async ({ deps, params, query }) => {
      requireFamily(params.family);
      const run = await askedRun(deps, query);
      return loadScorecards(deps.db, { runId: run.id, familyId: params.family });
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/families/{family}/aggregate',
      auth: 'validator',
      summary: "A family's aggregate of a run",
      tags,
      request: { params: familyParams, query: runQuery },
      responses: { 200: { description: 'Aggregate', schema: aggregatePayload }, ...errors },
    },
    async ({ deps, params, query }) => {
      requireFamily(params.family);
      const run = await askedRun(deps, query);
      const key = { runId_familyId: { runId: run.id, familyId: params.family } };
      const [aggregate, cards, result] = await Promise.all([
        deps.db.aggregateFamilyScoreSnapshot.findUnique({ where: key }),
        loadScorecards(deps.db, { runId: run.id, familyId: params.family }),
        deps.db.runFamilyResult.findUnique({ where: key }),
      ]);
      const validators = (aggregate?.validatorHotkeysJson ?? []) as string[];
      return {
        run_id: run.id,
        family_id: params.family,
        validator_submission_count: aggregate?.validatorCount ?? 0,
        required_quorum: run.taskQuorum,
        quorum_reached: aggregate !== null,
        validators,
        late_submission_count: 0,
        status: aggregate ? ('aggregated' as const) : ('pending' as const),
        aggregate_snapshot: aggregate ? (aggregate.snapshotJson as Record<string, unknown>) : null,
        official_scoring_version: null,
        scoring_policy_version: null,
        scored_miner_count: cards.length,
        eligible_scored_miner_count: cards.filter((card) => card.is_eligible).length,
        top_official_family_score: cards[0]?.official_family_score ?? null,
        winner_submission_id: result?.winnerSubmissionId ?? null,
        ...LEGACY_GATE_FIELDS,
        ...emptyAnalyst(),
      };
    },
  ),
];
