import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DefaultLogger, NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { createChainActivities } from '../activities/chain';
import { createEnrichmentActivities } from '../activities/enrichment';
import { createMetagraphActivities } from '../activities/metagraph';
import { createPublicationActivities } from '../activities/publication';
import { runPolicyFromEnv } from '../activities/run-policy';
import { createRunPoolActivities } from '../activities/run-pool';
import { createRuntimeActivities } from '../activities/runtime';
import { WorkflowSignaller } from '../activities/signaller';
import { connectChain } from '../adapters/chain/client';
import { chainConfigFromEnv } from '../adapters/chain/config';
import { containerRuntimeFromEnv } from '../adapters/container-runtime';
import { postgresEnrichmentStore, type EnrichmentStore } from '../adapters/enrichment-store';
import { hasHotkey, hotkeyFromEnv } from '../adapters/keys/wallet';
import { createLogger, messageOf, type Logger } from '../adapters/logging';
import { objectStoreFromEnv } from '../adapters/object-store';
import {
  createOracleClient,
  enrichmentSide,
  missingVariables,
  ORACLE_ROLES,
  oracleConfigFromEnv,
} from '../adapters/oracle';
import { createPrisma } from '../adapters/postgres';
import { createScheduledRun, runIdOf } from '../adapters/postgres/runs';
import { filePublicationLedger, postgresPublicationLedger } from '../adapters/publication-ledger';
import { ragClientFromEnv } from '../adapters/rag-client';
import {
  connectionOptions,
  connectTemporal,
  ensureSearchAttributes,
  temporalConfigFromEnv,
} from '../adapters/temporal';
import { oracleTaskQueue, publicationTaskQueue, TASK_QUEUES } from '../domain/messages';
import { WORKFLOW_BUNDLE } from './bundle';
import { workerConfigFromEnv } from './config';
import { controlActivities } from './control';
import { ensureSchedules } from './schedules';

type Part = Pick<
  WorkerOptions,
  | 'taskQueue'
  | 'activities'
  | 'maxConcurrentActivityTaskExecutions'
  | 'maxConcurrentActivityTaskPolls'
  | 'maxHeartbeatThrottleInterval'
  | 'maxTaskQueueActivitiesPerSecond'
> & {
  workflows: boolean;
};

/** What a worker process opened and must close. */
interface Parts {
  workers: Part[];
  ready: () => Promise<void>;
  close: () => Promise<void>;
}

/**
 * One worker process: the task queues that EIREL_WORKER_QUEUES names, until SIGTERM or SIGINT, then drained.
 * `publication` is the validator's: it needs a hotkey and no database of the owner's.
 */
async function main(): Promise<void> {
  const logger = createLogger('worker');
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      logger[level === 'ERROR' ? 'error' : 'warn'](message, meta);
    }),
    shutdownSignals: [],
  });
  const config = workerConfigFromEnv(process.env);
  const temporal = temporalConfigFromEnv(process.env);
  const connection = await NativeConnection.connect(connectionOptions(temporal));
  const stopping = new AbortController();
  const parts = await open(process.env, logger, stopping.signal);
  const workers: Worker[] = [];
  for (const part of parts.workers) {
    const { workflows, ...options } = part;
    workers.push(
      await Worker.create({
        ...options,
        connection,
        namespace: temporal.namespace,
        ...(workflows ? workflowCode() : {}),
        shutdownGraceTime: config.shutdownGraceSeconds * 1000,
        shutdownForceTime: (config.shutdownGraceSeconds + 5) * 1000,
      }),
    );
  }
  await parts.ready();
  const stop = (signal: string): void => {
    logger.info(`${signal}: draining`, { queues: parts.workers.map((part) => part.taskQueue) });
    stopping.abort();
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  process.once('SIGTERM', () => stop('SIGTERM'));
  process.once('SIGINT', () => stop('SIGINT'));
  logger.info('polling', {
    queues: parts.workers.map((part) => part.taskQueue),
    namespace: temporal.namespace,
  });
  try {
    await Promise.all(workers.map((worker) => worker.run()));
  } finally {
    await parts.close();
    await connection.close();
  }
}

/** The bundle that the build made; without one, the workflows are bundled from their sources. */
function workflowCode(): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> {
  return existsSync(WORKFLOW_BUNDLE)
    ? { workflowBundle: { codePath: WORKFLOW_BUNDLE } }
    : { workflowsPath: require.resolve(join('..', 'workflows')) };
}

async function open(env: NodeJS.ProcessEnv, logger: Logger, stopping: AbortSignal): Promise<Parts> {
  const config = workerConfigFromEnv(env);
  const publication = config.roles.includes('publication')
    ? await openPublication(env, logger, stopping)
    : null;
  const owner = config.roles.some((role) => role !== 'publication')
    ? await openOwner(env, logger, stopping)
    : null;
  return {
    workers: [...(owner?.workers ?? []), ...(publication?.workers ?? [])],
    ready: async () => {
      await owner?.ready();
      await publication?.ready();
    },
    close: async () => {
      await owner?.close();
      await publication?.close();
    },
  };
}

async function openOwner(env: NodeJS.ProcessEnv, logger: Logger, stopping: AbortSignal): Promise<Parts> {
  const config = workerConfigFromEnv(env);
  const policy = runPolicyFromEnv(env);
  if (!env.DATABASE_URL) throw new Error("DATABASE_URL is not set: the owner's workers need PostgreSQL");
  const db = createPrisma(env.DATABASE_URL);
  const client = await connectTemporal(temporalConfigFromEnv(env));
  await ensureSearchAttributes(client);
  const signaller = new WorkflowSignaller(client);
  const objectStore = objectStoreFromEnv(env);
  const runtime = containerRuntimeFromEnv(env, logger);
  const chainConfig = env.BITTENSOR_NETWORK ? chainConfigFromEnv(env) : null;
  const chain = chainConfig ? await connectChain(chainConfig) : null;
  // A key that is named and cannot be read is a mistake that miners would pay for: it stops the start.
  const signer = hasHotkey(env, 'EIREL_OWNER') ? await hotkeyFromEnv(env, 'EIREL_OWNER') : null;
  if (!signer)
    logger.warn('weights will be served unsigned: neither EIREL_OWNER_WALLET_NAME nor a phrase is set');
  const jobTokenSecret = env.EIREL_JOB_TOKEN_SECRET ?? '';
  const { agents } = config;
  const control: Part = {
    taskQueue: TASK_QUEUES.control,
    workflows: true,
    // A heartbeat is how a waiting step learns that an operator has decided otherwise; few wait on this queue.
    maxHeartbeatThrottleInterval: '2 seconds',
    activities: controlActivities({
      db,
      objectStore,
      signaller,
      policy,
      signer,
      rag: ragClientFromEnv(env),
      drainGraceSeconds: agents.drainGraceSeconds,
      stopping,
    }),
  };
  const runtimePart: Part = {
    taskQueue: TASK_QUEUES.runtime,
    workflows: false,
    maxConcurrentActivityTaskExecutions: config.runtimeSlots,
    activities: {
      ...createRuntimeActivities({
        db,
        runtime,
        objectStore,
        services: agents,
        jobTokenSecret,
        startTimeoutSeconds: agents.startTimeoutSeconds,
        stopGraceSeconds: agents.stopGraceSeconds,
        headroom: agents.headroom,
        logger,
        stopping,
      }),
      ...createRunPoolActivities({
        db,
        runtime,
        signaller,
        policy,
        headroom: agents.headroom,
        graceSeconds: agents.drainGraceSeconds,
        restartBudget: agents.restartBudget,
        stopping,
      }),
    },
  };
  const chainPart: Part = {
    taskQueue: TASK_QUEUES.chain,
    workflows: false,
    activities: {
      ...createChainActivities({ db, chain, fee: config.fee }),
      ...createMetagraphActivities({
        db,
        chain,
        network: chainConfig?.network ?? 'none',
        netuid: chainConfig?.netuid ?? (Number(env.BITTENSOR_NETUID) || 0),
        rule: config.validatorRule,
        snapshotPath: config.metagraphSnapshotPath,
      }),
    },
  };
  const byRole: Record<string, Part | Part[]> = {
    control,
    runtime: runtimePart,
    chain: chainPart,
    llm: config.roles.includes('llm')
      ? openOracles(env, postgresEnrichmentStore(db, objectStore), logger)
      : [],
  };
  return {
    workers: config.roles.flatMap((role) => byRole[role] ?? []),
    ready: async () => {
      if (!config.roles.includes('control')) return;
      await ensureSchedules(client, {
        leaseReaperSeconds: config.leaseReaperSeconds,
        metagraphSyncSeconds: chain || config.metagraphSnapshotPath ? config.metagraphSyncSeconds : null,
      });
      if ((await db.evaluationRun.count()) === 0) {
        const startsAt = policy.firstRunStart ?? new Date();
        const endsAt = new Date(startsAt.getTime() + policy.durationSeconds * 1000);
        await createScheduledRun(db, { sequence: 1, startsAt, endsAt, ...policy });
        await signaller.startRun({ runId: runIdOf(1), sequence: 1, familyId: policy.familyId });
      }
    },
    close: async () => {
      await chain?.close();
      await client.connection.close();
      await db.$disconnect();
    },
  };
}

/** The oracle layer: a queue for its store, and one for each configured model with that model's own rate. */
function openOracles(env: NodeJS.ProcessEnv, store: EnrichmentStore, logger: Logger): Part[] {
  const oracleConfig = oracleConfigFromEnv(env);
  const missing = missingVariables(oracleConfig);
  if (missing.length > 0 && enrichmentSide(env) === 'owner') {
    throw new Error(
      `EIREL_ENRICHMENT=owner needs two oracles and the reconciler; set at least some of ${missing.join(', ')}`,
    );
  }
  const activities = createEnrichmentActivities({
    store,
    oracles: createOracleClient(oracleConfig),
    config: oracleConfig,
  });
  const models = ORACLE_ROLES.flatMap((role): Part[] => {
    const endpoint = oracleConfig.endpoints[role];
    return endpoint
      ? [
          {
            taskQueue: oracleTaskQueue(TASK_QUEUES.llm, role),
            workflows: false,
            activities,
            maxConcurrentActivityTaskExecutions: endpoint.maxConcurrency,
            maxConcurrentActivityTaskPolls: 1,
            maxTaskQueueActivitiesPerSecond: endpoint.perSecond,
          },
        ]
      : [];
  });
  logger.info('oracle layer', {
    models: Object.fromEntries(
      Object.entries(oracleConfig.endpoints).map(([role, endpoint]) => [role, endpoint.model]),
    ),
  });
  return [{ taskQueue: TASK_QUEUES.llm, workflows: false, activities }, ...models];
}

async function openPublication(
  env: NodeJS.ProcessEnv,
  logger: Logger,
  stopping: AbortSignal,
): Promise<Parts> {
  const { publication } = workerConfigFromEnv(env);
  const signer = await hotkeyFromEnv(env, 'EIREL_VALIDATOR');
  const chain = await connectChain(chainConfigFromEnv(env));
  const db = env.DATABASE_URL ? createPrisma(env.DATABASE_URL, { poolSize: 2 }) : null;
  logger.info('publishing weights', { hotkey: signer.ss58, netuid: chain.config.netuid });
  return {
    workers: [
      {
        taskQueue: publicationTaskQueue(signer.ss58),
        workflows: true,
        // One extrinsic at a time for this key.
        maxConcurrentActivityTaskExecutions: 1,
        activities: createPublicationActivities({
          chain,
          signer,
          ledger: db ? postgresPublicationLedger(db) : filePublicationLedger(publication.ledgerPath),
          ownerApiUrl: publication.ownerApiUrl,
          blockSeconds: publication.blockSeconds,
          eraPeriod: publication.eraPeriod,
          tipRao: publication.tipRao,
          commits: publication.commits,
          stopping,
        }),
      },
    ],
    ready: async () => undefined,
    close: async () => {
      await chain.close();
      await db?.$disconnect();
    },
  };
}

main().then(
  // Native handles of the chain client and the runtime can keep the process alive after everything was closed.
  () => process.exit(0),
  (error: unknown) => {
    createLogger('worker').error('the worker ended', { error: messageOf(error) });
    process.exit(1);
  },
);
