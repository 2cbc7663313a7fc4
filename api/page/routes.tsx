/**
 * The page for miners and onlookers. It is rendered here from what the public API answers, asked through the generated
 * client as anybody else would, so that the page never knows more than the API says.
 */
import type { Child } from 'hono/jsx';
import { z } from 'zod';
import { answerOf, createOwnerApi, type OwnerApi } from '../../adapters/owner-api';
import { OwnerRefused } from '../../adapters/owner-client/errors';
import { OwnerTransport } from '../../adapters/owner-client/transport';
import { HttpError } from '../../domain/http-errors';
import { defineRoute, Reply } from '../route';
import type { Route, RouteContext } from '../route';
import { assetRoutes } from './assets';
import { MissingPage, QueuePage, RunsPage } from './list-pages';
import { MinerRunPage } from './miner-run-page';
import { RunPage } from './run-page';
import { MinerPage, SubmissionPage } from './submission-page';

const FAMILY = 'general_chat';
const HTML = 'text/html; charset=utf-8';
const tags = ['page'];
const ASK_MS = 10_000;

type Ask<P> = (api: OwnerApi, params: P) => Promise<Child>;

/** A page: what it asks of the API, and how it shows that. An unknown run, miner or submission is a 404 page. */
function page<P extends z.ZodObject>(path: string, summary: string, params: P, ask: Ask<z.output<P>>): Route {
  return defineRoute(
    {
      method: 'get',
      path,
      auth: 'public',
      summary,
      tags,
      request: { params },
      responses: {
        200: { description: 'The page', contentType: HTML },
        404: { description: 'A page that says what is not there', contentType: HTML },
      },
    },
    async (ctx) => {
      try {
        return html(200, await ask(selfApi(ctx), ctx.params as z.output<P>));
      } catch (error) {
        if (error instanceof OwnerRefused && error.status === 404) {
          return html(404, <MissingPage detail={String(error.detail)} />);
        }
        throw error;
      }
    },
  );
}

function html(status: number, content: Child): Reply {
  return new Reply(status, `<!doctype html>${String(content)}`, { 'cache-control': 'no-store' });
}

const apis = new Map<string, OwnerApi>();

/** The API at the address at which this request came in. */
function selfApi({ req }: RouteContext<unknown, unknown, unknown>): OwnerApi {
  const { localAddress, localPort } = req.socket;
  if (!localAddress || !localPort) throw new HttpError(503, 'the connection is gone');
  const host = localAddress.includes(':') ? `[${localAddress}]` : localAddress;
  const baseUrl = `http://${host}:${localPort}`;
  const known = apis.get(baseUrl);
  if (known) return known;
  const api = createOwnerApi(new OwnerTransport({ baseUrl, hotkey: null }), baseUrl, { timeoutMs: ASK_MS });
  apis.set(baseUrl, api);
  return api;
}

async function runPage(api: OwnerApi, runId: string, heading?: string): Promise<Child> {
  const path = { params: { path: { id: runId } } };
  const [runs, progress, board, weights] = await Promise.all([
    answerOf(api.GET('/v1/runs', { params: { query: { limit: 200 } } })),
    answerOf(api.GET('/v1/runs/{id}/progress', path)),
    answerOf(
      api.GET('/api/v1/dashboard/leaderboard', {
        params: { query: { run_id: runId, family_id: FAMILY, limit: 200 } },
      }),
    ),
    answerOf(api.GET('/v1/weights', { params: { query: { run_id: runId } } })),
  ]);
  const run = runs.find((entry) => entry.run_id === runId);
  if (!run) return <MissingPage detail={`run ${runId} not found`} />;
  return <RunPage data={{ run, progress, board, weights }} heading={heading} />;
}

const none = z.object({});

export const pageRoutes: Route[] = [
  ...assetRoutes,
  page('/', 'The run that matters now', none, async (api) => {
    const [latest] = await answerOf(api.GET('/v1/runs', { params: { query: { limit: 1 } } }));
    if (!latest) return <RunsPage runs={[]} />;
    const current = await answerOf(api.GET('/v1/runs/current'));
    return runPage(api, current.run_id, 'The run that matters now');
  }),
  page('/runs', 'All runs', none, async (api) => {
    const runs = await answerOf(api.GET('/v1/runs', { params: { query: { limit: 200 } } }));
    return <RunsPage runs={runs} />;
  }),
  page('/runs/{id}', 'One run', z.object({ id: z.string() }), (api, { id }) => runPage(api, id)),
  page(
    '/runs/{run}/miners/{hotkey}',
    'Why a miner scored what it scored',
    z.object({ run: z.string(), hotkey: z.string() }),
    async (api, path) => {
      const record = await answerOf(
        api.GET('/api/v1/dashboard/runs/{run}/miners/{hotkey}', { params: { path } }),
      );
      return <MinerRunPage record={record} />;
    },
  ),
  page('/miners/{hotkey}', 'A miner', z.object({ hotkey: z.string() }), async (api, path) => {
    const miner = await answerOf(
      api.GET('/api/v1/dashboard/miners/{hotkey}/submissions', { params: { path } }),
    );
    return <MinerPage miner={miner} />;
  }),
  page('/submissions/{sid}', "A submission's journey", z.object({ sid: z.string() }), async (api, path) => {
    const journey = await answerOf(
      api.GET('/api/v1/dashboard/submissions/{sid}/journey', { params: { path } }),
    );
    return <SubmissionPage journey={journey} />;
  }),
  page('/queue', 'Submissions that wait', none, async (api) => {
    const { submissions } = await answerOf(
      api.GET('/api/v1/dashboard/submissions/queued', { params: { query: { limit: 200 } } }),
    );
    return <QueuePage queue={submissions} />;
  }),
];
