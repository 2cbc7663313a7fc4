import {
  dashboardRunParams,
  dashboardRunsPayload,
  familyQuery,
  minerParams,
  minerPayload,
  minerRunParams,
  minerRunPayload,
  minerRunsPayload,
  minerRunsQuery,
  runsQuery,
  validatorCostsPayload,
} from '../../domain/contracts/dashboard-miners';
import { dashboardRuns, minerOverview, minerRun, minerRuns, validatorCosts } from '../dashboard-miners';
import { defineRoute } from '../route';
import type { Route } from '../route';
import { requireFamily } from './families';

const BASE = '/api/v1/dashboard';
const common = { method: 'get', auth: 'public', tags: ['dashboard'] } as const;
const badFamily = { 400: { description: 'No such family' } };

export const dashboardMinerRoutes: Route[] = [
  defineRoute(
    {
      ...common,
      path: `${BASE}/runs`,
      summary: 'Runs with their winners, latest first',
      request: { query: runsQuery },
      responses: { 200: { description: 'Runs', schema: dashboardRunsPayload }, ...badFamily },
    },
    ({ deps, query }) => {
      requireFamily(query.family_id);
      return dashboardRuns(deps, query);
    },
  ),
  defineRoute(
    {
      ...common,
      path: `${BASE}/miners/{hotkey}`,
      summary: "A miner's latest submission and record",
      request: { params: minerParams, query: familyQuery },
      responses: {
        200: { description: 'The miner', schema: minerPayload },
        404: { description: 'It has submitted nothing' },
        ...badFamily,
      },
    },
    ({ deps, params, query }) => {
      requireFamily(query.family_id);
      return minerOverview(deps, params.hotkey, query.family_id);
    },
  ),
  defineRoute(
    {
      ...common,
      path: `${BASE}/miners/{hotkey}/runs`,
      summary: 'Completed runs of a miner, latest first',
      request: { params: minerParams, query: minerRunsQuery },
      responses: { 200: { description: 'Runs', schema: minerRunsPayload }, ...badFamily },
    },
    ({ deps, params, query }) => {
      requireFamily(query.family_id);
      return minerRuns(deps, params.hotkey, query);
    },
  ),
  defineRoute(
    {
      ...common,
      path: `${BASE}/miners/{hotkey}/runs/{run}`,
      summary: 'A run of a miner, task by task; what was asked and answered once the run is completed',
      request: { params: minerRunParams, query: familyQuery },
      responses: {
        200: { description: 'The run', schema: minerRunPayload },
        404: { description: 'No such run' },
        ...badFamily,
      },
    },
    ({ deps, params, query }) => {
      requireFamily(query.family_id);
      return minerRun(deps, params.hotkey, params.run, query.family_id);
    },
  ),
  defineRoute(
    {
      ...common,
      path: `${BASE}/runs/{run}/validator-costs`,
      summary: 'What judging a run has cost, by validator',
      request: { params: dashboardRunParams },
      responses: {
        200: { description: 'Costs in USD', schema: validatorCostsPayload },
        404: { description: 'No such run' },
      },
    },
    ({ deps, params }) => validatorCosts(deps, params.run),
  ),
];
