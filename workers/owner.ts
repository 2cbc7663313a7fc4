import { createChainActivities } from '../activities/chain';
import { createEnrichmentActivities } from '../activities/enrichment';
import { createMetagraphActivities } from '../activities/metagraph';
import { runPolicyFromEnv } from '../activities/run-policy';
import { createRunPoolActivities } from '../activities/run-pool';
import { createRuntimeActivities } from '../activities/runtime';
import { WorkflowSignaller } from '../activities/signaller';
import { connectChain } from '../adapters/chain/client';
import { chainConfigFromEnv } from '../adapters/chain/config';
import { containerRuntimeFromEnv, type ContainerRuntime } from '../adapters/container-runtime';
import { postgresEnrichmentStore, type EnrichmentStore } from '../adapters/enrichment-store';
import { hasHotkey, hotkeyFromEnv } from '../adapters/keys/wallet';
import type { Logger } from '../adapters/logging';
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
import { ragClientFromEnv } from '../adapters/rag-client';
import { connectTemporal, ensureSearchAttributes, temporalConfigFromEnv } from '../adapters/temporal';
import { oracleTaskQueue, TASK_QUEUES } from '../domain/messages';
import { workerConfigFromEnv } from './config';
import { controlActivities } from './control';
import type { Part, Parts } from './parts';
import { ensureSchedules } from './schedules';

/**
 * The owner's task queues, those of them that EIREL_WORKER_QUEUES names.
 * @param runtime where agents run; the configured backend without one
 */
export async function openOwner(
  env: NodeJS.ProcessEnv,
  logger: Logger,
  stopping: AbortSignal,
  runtime: ContainerRuntime = containerRuntimeFromEnv(env, logger),
): Promise<Parts> {
  const config = workerConfigFromEnv(env);
  const policy = runPolicyFromEnv(env);
  if (!env.DATABASE_URL) throw new Error("DATABASE_URL is not set: the owner's workers need PostgreSQL");
  const db = createPrisma(env.DATABASE_URL);
  const client = await connectTemporal(temporalConfigFromEnv(env));
  await ensureSearchAttributes(client);
  const signaller = new WorkflowSignaller(client);
  const objectStore = objectStoreFromEnv(env);
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
