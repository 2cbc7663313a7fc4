import { z } from 'zod';
import { idParams, pageQuery } from '../../domain/contracts/common';
import { deploymentPayload, healthEventPayload } from '../../domain/contracts/deployments';
import { HttpError } from '../../domain/http-errors';
import type { ManagedDeploymentModel } from '../../adapters/postgres/generated/models';
import type { ApiDeps } from '../deps';
import { defineRoute } from '../route';
import type { Route } from '../route';
import { deploymentView, healthEventView } from '../views/submissions';

const tags = ['deployments'];
const ownErrors = {
  403: { description: 'Another hotkey runs it' },
  404: { description: 'No such deployment' },
};

/** A deployment that the signer runs, or any of them for the owner. @throws HttpError 404, 403 */
async function ownDeployment(deps: ApiDeps, id: string, hotkey: string): Promise<ManagedDeploymentModel> {
  const row = await deps.db.managedDeployment.findUnique({ where: { id } });
  if (!row) throw new HttpError(404, 'deployment not found');
  if (row.minerHotkey !== hotkey && hotkey !== deps.ownerHotkey) throw new HttpError(403, 'access denied');
  return row;
}

export const deploymentRoutes: Route[] = [
  defineRoute(
    {
      method: 'get',
      path: '/v1/deployments',
      auth: 'signed',
      summary: "The signer's deployments, newest first",
      tags,
      request: { query: pageQuery },
      responses: { 200: { description: 'Deployments', schema: z.array(deploymentPayload) } },
    },
    async ({ deps, query, hotkey }) => {
      const rows = await deps.db.managedDeployment.findMany({
        where: { minerHotkey: hotkey },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take: query.limit,
        skip: query.offset,
      });
      return rows.map(deploymentView);
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/deployments/{id}',
      auth: 'signed',
      summary: 'One deployment; for its miner and the owner',
      tags,
      request: { params: idParams },
      responses: { 200: { description: 'The deployment', schema: deploymentPayload }, ...ownErrors },
    },
    async ({ deps, params, hotkey }) => deploymentView(await ownDeployment(deps, params.id, hotkey)),
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/deployments/{id}/health-history',
      auth: 'signed',
      summary: 'What happened to a deployment, newest first; for its miner and the owner',
      tags,
      request: { params: idParams },
      responses: { 200: { description: 'Events', schema: z.array(healthEventPayload) }, ...ownErrors },
    },
    async ({ deps, params, hotkey }) => {
      const row = await ownDeployment(deps, params.id, hotkey);
      const events = await deps.db.deploymentHealthEvent.findMany({
        where: { deploymentId: row.id },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take: 500,
      });
      return events.map(healthEventView);
    },
  ),
];
