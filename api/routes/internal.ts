/** What the owner's own services read and keep (api.md section 4.8). */
import {
  artifactBody,
  artifactPayload,
  registryPayload,
  servingPayload,
} from '../../domain/contracts/artifacts';
import { familyParams, idParams } from '../../domain/contracts/common';
import { HttpError } from '../../domain/http-errors';
import { sendArchive, sendObject } from '../archives';
import { storeArtifact } from '../internal-artifacts';
import { registry } from '../registry';
import { defineRoute } from '../route';
import type { Route } from '../route';
import { deploymentView } from '../views/submissions';
import { requireFamily } from './families';

const tags = ['internal'];
/** Base64 of an archive of the largest size, and what is around it. */
const ARTIFACT_BODY_BYTES = 250 * 1024 * 1024;

export const internalRoutes: Route[] = [
  defineRoute(
    {
      method: 'get',
      path: '/v1/internal/submissions/{id}/artifact',
      auth: 'internal',
      summary: 'The archive of a submission',
      tags,
      request: { params: idParams },
      stream: true,
      responses: {
        200: { description: 'gzip tar', contentType: 'application/gzip' },
        404: { description: 'No such submission or archive' },
      },
    },
    async ({ deps, params, res }) => {
      const row = await deps.db.managedMinerSubmission.findUnique({ where: { id: params.id } });
      if (!row) throw new HttpError(404, 'submission not found');
      await sendArchive(deps, row.artifactId, res);
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/internal/deployments/{id}/artifact',
      auth: 'internal',
      summary: 'The archive that a deployment runs',
      tags,
      request: { params: idParams },
      stream: true,
      responses: {
        200: { description: 'gzip tar', contentType: 'application/gzip' },
        404: { description: 'No such deployment or archive' },
      },
    },
    async ({ deps, params, res }) => {
      const row = await deps.db.managedDeployment.findUnique({
        where: { id: params.id },
        include: { submission: { select: { artifactId: true } } },
      });
      if (!row) throw new HttpError(404, 'deployment not found');
      await sendArchive(deps, row.submission.artifactId, res);
    },
  ),
  defineRoute(
    {
      method: 'post',
      path: '/v1/internal/artifacts',
      auth: 'internal',
      fieldsBeforeAuth: true,
      summary: 'Keep an artifact; the same content again is the one that is there',
      tags,
      request: { body: artifactBody },
      bodyLimitBytes: ARTIFACT_BODY_BYTES,
      responses: {
        200: { description: 'Kept', schema: artifactPayload },
        400: { description: 'Not base64, or names that no key can be made of' },
        502: { description: 'The object store failed' },
      },
    },
    async ({ deps, body }) => {
      const row = await storeArtifact(deps, body);
      return {
        artifact_id: row.id,
        storage_uri: row.storageUri,
        size_bytes: Number(row.sizeBytes),
        sha256: row.sha256,
        download_url: `/v1/internal/artifacts/${row.id}`,
      };
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/internal/artifacts/{id}',
      auth: 'internal',
      summary: 'The bytes of an artifact',
      tags,
      request: { params: idParams },
      stream: true,
      responses: {
        200: {
          description: 'The bytes, as the type they were kept with',
          contentType: 'application/octet-stream',
        },
        404: { description: 'No such artifact' },
      },
    },
    async ({ deps, params, res }) => {
      const row = await deps.db.managedArtifact.findUnique({ where: { id: params.id } });
      if (!row) throw new HttpError(404, 'artifact not found');
      await sendObject(deps, row.storageKey, res, {
        contentType: row.mimeType ?? 'application/octet-stream',
        sizeBytes: Number(row.sizeBytes),
        sha256: row.sha256,
        missing: 'artifact not found',
      });
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/internal/registry',
      auth: 'internal',
      summary: 'The serving fleet by family',
      tags,
      responses: { 200: { description: 'Active deployments, best rank first', schema: registryPayload } },
    },
    ({ deps }) => registry(deps, 'serving'),
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/internal/candidate-registry',
      auth: 'internal',
      summary: 'Healthy deployments by family',
      tags,
      responses: { 200: { description: 'Healthy deployments, the older first', schema: registryPayload } },
    },
    ({ deps }) => registry(deps, 'candidates'),
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/internal/serving/{family}',
      auth: 'internal',
      summary: 'The agent that serves a family: the best of its active set',
      tags,
      request: { params: familyParams },
      responses: {
        200: { description: 'The agent', schema: servingPayload },
        400: { description: 'No such family' },
        404: { description: 'Nobody serves it' },
      },
    },
    async ({ deps, params }) => {
      requireFamily(params.family);
      const row = await deps.db.managedDeployment.findFirst({
        where: { familyId: params.family, isActive: true, healthStatus: 'healthy', status: 'active' },
        orderBy: [{ activeSetRank: 'asc' }, { createdAt: 'asc' }],
      });
      if (!row) throw new HttpError(404, `no serving miner for family ${params.family}`);
      return {
        endpoint: row.endpoint,
        hotkey: row.minerHotkey,
        family_id: row.familyId,
        metadata: deploymentView(row),
      };
    },
  ),
];
