/** The owner API as a process: reads its settings, connects, serves, and drains when it is told to stop. */
import type { Server } from 'node:http';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { connectChain } from '../adapters/chain/client';
import { chainConfigFromEnv } from '../adapters/chain/config';
import { isSs58Address } from '../adapters/keys/address';
import { sharedVerifier } from '../adapters/keys/verifier';
import { hotkeyFromEnv } from '../adapters/keys/wallet';
import { createLogger, messageOf } from '../adapters/logging';
import { createObjectStore, objectStoreConfigFromEnv } from '../adapters/object-store';
import { createPrisma } from '../adapters/postgres';
import { connectRedis, createRedis } from '../adapters/redis';
import { connectTemporal, temporalConfigFromEnv } from '../adapters/temporal';
import { createApp, createAppServer } from './app';
import { ApiConfigError, apiConfigFromEnv } from './config';
import type { ApiConfig } from './config';
import type { ApiDeps } from './deps';
import { allRoutes } from './routes';
import { taskSettingsFromEnv } from './runtime-proxy/settings';

// Requests in flight at SIGTERM get this long, in milliseconds; an orchestrator usually kills after 30 s.
const DRAIN_MS = 20_000;

/** Serves the owner API until SIGTERM or SIGINT. @throws ApiConfigError and what the connections throw, before listening */
export async function main(env: NodeJS.ProcessEnv): Promise<void> {
  const logger = createLogger('owner-api');
  const config = apiConfigFromEnv(env);
  // Read again where it is used; here so that a bad value stops the boot and not the first claim.
  taskSettingsFromEnv(env);
  const deps: ApiDeps = {
    config,
    db: createPrisma(config.databaseUrl, { poolSize: 20 }),
    redis: createRedis(config.redisUrl, {
      onError: (error) => logger.warn('redis connection error', { error: messageOf(error) }),
    }),
    temporal: await connectTemporal(temporalConfigFromEnv(env)),
    objectStore: createObjectStore(objectStoreConfigFromEnv(env)),
    chain: await chainOf(config, env),
    logger,
    ownerHotkey: await resolveOwner(config, env),
    clock: () => new Date(),
    metrics: new Registry(),
  };
  collectDefaultMetrics({ register: deps.metrics });
  await connectRedis(deps.redis);
  logBoot(deps);
  const server = createAppServer(createApp(deps, allRoutes));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.host, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : config.port;
  logger.info(`owner API listens on http://${config.host}:${port}`, {
    port,
    docs: `http://${config.host}:${port}/docs`,
  });
  await stopSignal();
  logger.info('stopping: no new connections, requests in flight are finished');
  await drain(server);
  await close(deps);
}

async function chainOf(config: ApiConfig, env: NodeJS.ProcessEnv): Promise<ApiDeps['chain']> {
  // Without a treasury nothing here reads the chain.
  return config.fee.treasury ? connectChain(chainConfigFromEnv(env)) : null;
}

/** The owner's address: EIREL_OWNER_HOTKEY_SS58, or that of the owner's wallet or mnemonic; null when none is set. */
export async function resolveOwner(config: ApiConfig, env: NodeJS.ProcessEnv): Promise<string | null> {
  const { ss58, walletName } = config.owner;
  if (ss58) {
    if (!isSs58Address(ss58))
      throw new ApiConfigError('EIREL_OWNER_HOTKEY_SS58 is not an SS58 address with prefix 42');
    return ss58;
  }
  const named = walletName ?? env.EIREL_OWNER_MNEMONIC?.trim();
  return named ? (await hotkeyFromEnv(env, 'EIREL_OWNER')).ss58 : null;
}

function logBoot(deps: ApiDeps): void {
  const { config, logger } = deps;
  const { engine } = sharedVerifier();
  if (engine.name === 'native') logger.info('signatures are verified by the native module');
  else logger.warn(`signatures are verified in WebAssembly (${engine.name}), slowly: ${engine.reason}`);
  if (!config.fee.treasury) {
    logger.warn('submission fees are off: EIREL_SUBMISSION_TREASURY_ADDRESS is empty, submissions are free');
  }
  if (!deps.ownerHotkey) {
    logger.warn('no owner is configured: every owner route answers 503 until EIREL_OWNER_HOTKEY_SS58 is set');
  }
  if (!config.jobTokenSecret) {
    logger.warn('EIREL_JOB_TOKEN_SECRET is empty: tasks cannot be handed out until it is set');
  }
  if (!config.internalServiceToken) {
    logger.warn('EIREL_INTERNAL_SERVICE_TOKEN is empty: every internal call is refused');
  }
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
}

/** Waits for requests in flight, then cuts what is left. */
export async function drain(server: Server, limitMs = DRAIN_MS): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), limitMs);
  await closed;
  clearTimeout(timer);
}

async function close(deps: ApiDeps): Promise<void> {
  deps.redis.disconnect();
  await Promise.all([deps.db.$disconnect(), deps.temporal.connection.close(), deps.chain?.close()]);
}

if (require.main === module) {
  main(process.env).then(
    () => process.exit(0),
    (error: unknown) => {
      createLogger('owner-api').error(messageOf(error));
      process.exit(1);
    },
  );
}
