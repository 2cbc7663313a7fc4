import {
  checkpointBody,
  checkpointPayload,
  historyPayload,
  historyQuery,
  threadDeletedPayload,
  threadParams,
} from '../../domain/contracts/checkpoints';
import { HttpError } from '../../domain/http-errors';
import { checkpointView, keepCheckpoint, serviceOrAgent, threadScope } from '../checkpoints';
import { defineRoute } from '../route';
import type { Route } from '../route';

const tags = ['checkpoints'];
const auth = serviceOrAgent;
const latestFirst = [{ createdAt: 'desc' as const }, { id: 'desc' as const }];

export const checkpointRoutes: Route[] = [
  defineRoute(
    {
      method: 'post',
      path: '/v1/internal/checkpoints/{thread}',
      auth,
      summary: 'Keep a checkpoint of a thread',
      description:
        'Header `X-Eirel-Checkpoint-Namespace: miner-{deployment id}`. The bearer is the internal token, or the token of ' +
        'the agent itself, which reaches only threads of its own deployment.',
      tags,
      request: { params: threadParams, body: checkpointBody },
      responses: {
        200: { description: 'Kept, now or before', schema: checkpointPayload },
        400: { description: 'No namespace, or a state that is not base64' },
        403: { description: "Another deployment's namespace" },
        404: { description: 'No such deployment' },
        409: { description: 'The thread belongs to another deployment' },
        413: { description: 'The state is larger than 256 KiB' },
      },
    },
    async ({ deps, req, params, body }) =>
      checkpointView(await keepCheckpoint(deps, req, params.thread, body)),
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/internal/checkpoints/{thread}/latest',
      auth,
      summary: 'The latest checkpoint of a thread',
      tags,
      request: { params: threadParams },
      responses: {
        200: { description: 'The checkpoint', schema: checkpointPayload },
        404: { description: 'The thread has none' },
      },
    },
    async ({ deps, req, params }) => {
      const where = threadScope(req, deps, params.thread);
      const row = await deps.db.graphCheckpoint.findFirst({ where, orderBy: latestFirst });
      if (!row) throw new HttpError(404, 'no checkpoint for thread');
      return checkpointView(row);
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/internal/checkpoints/{thread}/history',
      auth,
      summary: 'Checkpoints of a thread, newest first',
      tags,
      request: { params: threadParams, query: historyQuery },
      responses: { 200: { description: 'The checkpoints', schema: historyPayload } },
    },
    async ({ deps, req, params, query }) => {
      const where = {
        ...threadScope(req, deps, params.thread),
        ...(query.checkpoint_id === undefined ? {} : { checkpointId: query.checkpoint_id }),
      };
      const rows = await deps.db.graphCheckpoint.findMany({ where, orderBy: latestFirst, take: query.limit });
      return { items: rows.map(checkpointView) };
    },
  ),
  defineRoute(
    {
      method: 'delete',
      path: '/v1/internal/checkpoints/{thread}',
      auth,
      summary: 'Forget a thread',
      tags,
      request: { params: threadParams },
      responses: {
        200: { description: 'How many checkpoints were forgotten', schema: threadDeletedPayload },
      },
    },
    async ({ deps, req, params }) => {
      const where = threadScope(req, deps, params.thread);
      const [{ count }] = await deps.db.$transaction([
        deps.db.graphCheckpoint.deleteMany({ where }),
        deps.db.conversationThread.deleteMany({ where }),
      ]);
      return { deleted: count, thread_id: params.thread };
    },
  ),
];
