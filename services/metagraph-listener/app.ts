import { timingSafeEqual } from 'node:crypto';
import type { Request } from 'express';
import { Gauge } from 'prom-client';
import { z } from 'zod';
import { isSs58Address } from '../../adapters/keys/address';
import { messageOf, type Logger } from '../../adapters/logging';
import type { Db } from '../../adapters/postgres';
import { applyMetagraph, metagraphState } from '../../adapters/postgres/metagraph';
import { HttpError } from '../../domain/http-errors';
import { naiveIso } from '../../domain/time';
import { createService, parseBody, type Service } from '../http';
import type { ListenerConfig } from './config';

const syncBody = z.object({
  neurons: z
    .array(
      z.object({
        hotkey: z.string().refine(isSs58Address, 'must be an SS58 address with prefix 42'),
        uid: z.int().min(0).max(65_535),
      }),
    )
    .default([]),
});

export interface ListenerDeps {
  db: Db;
  /** Has the chain read now, and waits for it. */
  sync: () => Promise<unknown>;
  logger: Logger;
}

/**
 * metagraph-listener: shows how the metagraph's copy stands, and has it synced on demand. The syncs themselves are a
 * workflow on a schedule, so that they go on whether or not this process is up.
 */
export function createListener(config: ListenerConfig, deps: ListenerDeps): Service {
  const { db } = deps;
  const service = createService({
    name: 'metagraph-listener',
    logger: deps.logger,
    readiness: { database: () => db.$queryRaw`SELECT 1` },
    routes(app) {
      app.get('/v1/sync/status', async (_req, res) => {
        res.json(await statusView(config, db));
      });
      app.post('/v1/sync/run', async (req, res) => {
        authorise(req, config.internalToken);
        const { neurons } = parseBody(syncBody, { body: (req.body as unknown) ?? {} } as Request);
        await run(config, deps, neurons);
        res.json(await statusView(config, db));
      });
    },
  });
  registerMetrics(service, config, db);
  return service;
}

async function run(
  { netuid, network }: ListenerConfig,
  { db, sync }: ListenerDeps,
  neurons: { hotkey: string; uid: number }[],
): Promise<void> {
  if (neurons.length > 0) {
    await applyMetagraph(db, { netuid, network, block: null, neurons, rule: null });
    return;
  }
  try {
    await sync();
  } catch (error) {
    const cause = (error as { cause?: unknown }).cause;
    throw new HttpError(
      502,
      `metagraph sync failed: ${messageOf(cause ?? error)}; the neurons stay as they were`,
    );
  }
}

async function statusView({ netuid, network }: ListenerConfig, db: Db): Promise<object> {
  const { last, lastGood, neurons, validators } = await metagraphState(db, netuid);
  const age = lastGood ? (Date.now() - lastGood.createdAt.getTime()) / 1000 : null;
  return {
    status: last?.status ?? 'never_synced',
    network,
    netuid,
    neuron_count: neurons,
    validator_count: validators,
    error: last?.errorText ?? null,
    created_at: last ? naiveIso(last.createdAt) : null,
    block_number: lastGood?.blockNumber ? Number(lastGood.blockNumber) : null,
    block_hash: lastGood?.blockHash ?? null,
    last_success_at: lastGood ? naiveIso(lastGood.createdAt) : null,
    age_seconds: age === null ? null : Math.round(age),
  };
}

function authorise(req: Request, token: string): void {
  const given = Buffer.from(/^Bearer (.+)$/.exec(req.header('authorization') ?? '')?.[1] ?? '');
  const wanted = Buffer.from(token);
  if (token && given.length === wanted.length && timingSafeEqual(given, wanted)) return;
  throw new HttpError(
    401,
    token
      ? 'invalid internal service token'
      : 'EIREL_INTERNAL_SERVICE_TOKEN is not set: nobody may trigger a sync',
  );
}

type MetagraphState = Awaited<ReturnType<typeof metagraphState>>;

function registerMetrics(service: Service, { netuid }: ListenerConfig, db: Db): void {
  // The gauges of one scrape are collected at once; they share one look into the database.
  let reading: Promise<MetagraphState> | null = null;
  const state = (): Promise<MetagraphState> => {
    reading ??= metagraphState(db, netuid).finally(() => {
      reading = null;
    });
    return reading;
  };
  const gauge = (name: string, help: string, valueOf: (now: MetagraphState) => number): Gauge =>
    new Gauge({
      name: `eirel_metagraph_listener_${name}`,
      help,
      registers: [service.registry],
      async collect() {
        this.set(valueOf(await state()));
      },
    });
  const seconds = (sync: { createdAt: Date } | null | undefined): number =>
    sync ? sync.createdAt.getTime() / 1000 : 0;
  gauge('last_sync_success', 'Whether the last sync worked', ({ last }) =>
    last?.status === 'success' ? 1 : 0,
  );
  gauge('last_sync_timestamp_seconds', 'When the last sync ended, well or not', ({ last }) => seconds(last));
  gauge('last_success_timestamp_seconds', 'When the last good sync ended', ({ lastGood }) =>
    seconds(lastGood),
  );
  gauge('block', 'Finalised block of the last good sync', ({ lastGood }) =>
    Number(lastGood?.blockNumber ?? 0),
  );
  gauge('registered_neurons', 'Neurons that hold a slot', ({ neurons }) => neurons);
  gauge('active_validators', 'Validators on the list', ({ validators }) => validators);
  gauge('up', 'Always 1', () => 1);
}
