import { z } from 'zod';
import { sharedVerifier } from '../../adapters/keys/verifier';
import { pingRedis } from '../../adapters/redis';
import { validatorPayload } from '../../domain/contracts/admin';
import { wireTime } from '../../domain/contracts/common';
import { naiveIso } from '../../domain/time';
import type { ApiDeps } from '../deps';
import { refreshGauges } from '../metrics';
import { defineRoute, Reply } from '../route';
import type { Route } from '../route';
import { knownValidator } from '../validator-directory';
import { validatorView } from '../views/validators';
import { HttpError } from '../../domain/http-errors';

const CHECK_MS = 3_000;

const healthPayload = z
  .object({
    status: z.enum(['ok', 'degraded']),
    mode: z.literal('managed-execution'),
    checks: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Health' });

/** A check's word, or why it failed, within three seconds. */
async function checked(check: () => Promise<unknown>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${CHECK_MS / 1000} s`), CHECK_MS);
  });
  const asked = check().then(
    (answer) => (typeof answer === 'string' ? answer : 'ok'),
    () => 'unreachable',
  );
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Where the chain stands, for people; the API serves without it, only fees wait. */
async function chainWord({ chain }: ApiDeps): Promise<string> {
  const health = await chain?.health();
  if (!health?.connected) return `unreachable: ${health?.problem ?? 'not connected'}`;
  const lag = health.lagSeconds === null ? 'of unknown age' : `${Math.round(health.lagSeconds)} s old`;
  return `ok: block ${health.block}, ${lag}, final ${health.finalizedBlock}, runtime ${health.specVersion}, ${health.endpoint}`;
}

async function checks(deps: ApiDeps): Promise<Record<string, string>> {
  const [database, redis, temporal] = await Promise.all([
    checked(() => deps.db.$queryRaw`SELECT 1`),
    checked(() => pingRedis(deps.redis)),
    checked(() =>
      deps.temporal.withDeadline(Date.now() + CHECK_MS, () =>
        deps.temporal.workflowService.describeNamespace({ namespace: deps.temporal.options.namespace }),
      ),
    ),
  ]);
  return {
    database,
    redis,
    temporal,
    ...(deps.chain ? { chain: await checked(() => chainWord(deps)) } : {}),
    // How signatures are verified: native, or in WebAssembly, which is tens of times slower.
    signatures: sharedVerifier().engine.name,
    fee: deps.config.fee.treasury
      ? `on: ${deps.config.fee.feeTao} TAO`
      : 'off: EIREL_SUBMISSION_TREASURY_ADDRESS is empty, submissions are free',
  };
}

export const healthRoutes: Route[] = [
  defineRoute(
    {
      method: 'get',
      path: '/healthz',
      auth: 'public',
      summary: 'Whether the API and what it needs are well; always 200',
      tags: ['health'],
      responses: { 200: { description: 'Health', schema: healthPayload } },
    },
    async ({ deps }) => {
      const results = await checks(deps);
      const well = ['database', 'redis', 'temporal'].every((name) => results[name] === 'ok');
      return { status: well ? 'ok' : 'degraded', mode: 'managed-execution', checks: results };
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/readyz',
      auth: 'public',
      summary: 'Whether requests should be sent here: 503 without database or Redis',
      tags: ['health'],
      responses: {
        200: { description: 'Ready', schema: healthPayload },
        503: { description: 'Not ready', schema: healthPayload },
      },
    },
    async ({ deps }) => {
      const results = await checks(deps);
      const ready = results.database === 'ok' && results.redis === 'ok';
      const body = { status: ready ? 'ok' : 'degraded', mode: 'managed-execution', checks: results };
      return ready ? body : new Reply(503, body);
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/metrics',
      auth: 'public',
      summary: 'Prometheus metrics',
      tags: ['health'],
      responses: {
        200: { description: 'Text exposition', contentType: 'text/plain; version=0.0.4; charset=utf-8' },
      },
    },
    async ({ deps }) => {
      await refreshGauges(deps);
      return deps.metrics.metrics();
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/metagraph/status',
      auth: 'public',
      summary: 'The last metagraph sync',
      tags: ['health'],
      responses: {
        200: {
          description: 'The last sync, or that there was none',
          schema: z.union([
            z.object({
              status: z.string(),
              network: z.string(),
              netuid: z.int(),
              validator_count: z.int(),
              miner_count: z.int(),
              error: z.string().nullable(),
              created_at: wireTime,
            }),
            z.object({ status: z.literal('never_synced'), network: z.string(), netuid: z.int() }),
          ]),
        },
      },
    },
    async ({ deps }) => {
      const last = await deps.db.metagraphSyncSnapshot.findFirst({
        where: { netuid: deps.config.netuid },
        orderBy: { createdAt: 'desc' },
      });
      if (!last) return { status: 'never_synced', network: deps.config.network, netuid: deps.config.netuid };
      return {
        status: last.status,
        network: last.network,
        netuid: last.netuid,
        validator_count: last.validatorCount,
        miner_count: last.minerCount,
        error: last.errorText,
        created_at: naiveIso(last.createdAt),
      };
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/validators/me',
      auth: 'validator',
      summary: "The signer's entry in the whitelist",
      tags: ['validators'],
      responses: { 200: { description: 'The entry', schema: validatorPayload } },
    },
    async ({ deps, hotkey }) => {
      const row = await knownValidator(deps, hotkey);
      if (!row) throw new HttpError(403, 'validator access denied');
      return validatorView(row);
    },
  ),
];
