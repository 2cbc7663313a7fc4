import {
  familiesPayload,
  fileListPayload,
  filePayload,
  leaderboardPayload,
  leaderboardQuery,
  overviewPayload,
  queuedPayload,
  queuedQuery,
  publicArchiveParams,
  publicFileParams,
} from '../../domain/contracts/dashboard';
import { sendArchive } from '../archives';
import { familyLabel, leaderboard, overview, queuedSubmissions } from '../dashboard';
import { listFiles, publicArchive, readFileText } from '../public-archives';
import { defineRoute } from '../route';
import type { Route } from '../route';
import { requireFamily } from './families';

const tags = ['dashboard'];
const BASE = '/api/v1/dashboard';
const notPublic = { 404: { description: 'Not a scored submission of a completed run' } };

export const dashboardRoutes: Route[] = [
  defineRoute(
    {
      method: 'get',
      path: `${BASE}/overview`,
      auth: 'public',
      summary: 'Figures of the subnet',
      tags,
      responses: { 200: { description: 'Figures', schema: overviewPayload } },
    },
    ({ deps }) => overview(deps),
  ),
  defineRoute(
    {
      method: 'get',
      path: `${BASE}/families`,
      auth: 'public',
      summary: 'Families and their weights',
      tags,
      responses: { 200: { description: 'Families', schema: familiesPayload } },
    },
    ({ deps }) => ({
      families: deps.config.activeFamilies.map((id) => ({
        id,
        label: familyLabel(id),
        weight: deps.config.familyWeights[id] ?? 0,
        active: true,
      })),
    }),
  ),
  defineRoute(
    {
      method: 'get',
      path: `${BASE}/leaderboard`,
      auth: 'public',
      summary: 'Who stands where in a run, and why',
      tags,
      request: { query: leaderboardQuery },
      responses: {
        200: { description: 'Leaderboard', schema: leaderboardPayload },
        400: { description: 'No such family' },
        404: { description: 'No such run' },
      },
    },
    ({ deps, query }) => {
      requireFamily(query.family_id);
      return leaderboard(deps, query);
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: `${BASE}/submissions/queued`,
      auth: 'public',
      summary: 'Submissions that wait for their build, for room or for their run',
      tags,
      request: { query: queuedQuery },
      responses: { 200: { description: 'The queue, newest first', schema: queuedPayload } },
    },
    ({ deps, query }) => queuedSubmissions(deps, query.limit),
  ),
  defineRoute(
    {
      method: 'get',
      path: `${BASE}/runs/{run}/submissions/{sid}/artifact`,
      auth: 'public',
      summary: 'The archive of a submission that was scored in a completed run',
      tags,
      request: { params: publicArchiveParams },
      stream: true,
      responses: { 200: { description: 'gzip tar', contentType: 'application/gzip' }, ...notPublic },
    },
    async ({ deps, params, res }) => {
      const archive = await publicArchive(deps, params.run, params.sid);
      await sendArchive(deps, archive.artifactId, res);
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: `${BASE}/runs/{run}/submissions/{sid}/files`,
      auth: 'public',
      summary: 'The files of such an archive',
      tags,
      request: { params: publicArchiveParams },
      responses: { 200: { description: 'Files', schema: fileListPayload }, ...notPublic },
    },
    async ({ deps, params }) => {
      const archive = await publicArchive(deps, params.run, params.sid);
      return {
        run_id: params.run,
        submission_id: params.sid,
        archive_sha256: archive.sha256,
        files: await listFiles(deps, archive),
      };
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: `${BASE}/runs/{run}/submissions/{sid}/files/{path*}`,
      auth: 'public',
      summary: 'One text file of such an archive',
      tags,
      request: { params: publicFileParams },
      responses: {
        200: { description: 'The file', schema: filePayload },
        ...notPublic,
        413: { description: 'Larger than 5 MiB' },
        415: { description: 'Not text' },
      },
    },
    async ({ deps, params }) => {
      const archive = await publicArchive(deps, params.run, params.sid);
      return readFileText(deps, archive, params.path);
    },
  ),
];
