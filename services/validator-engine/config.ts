import { join } from 'node:path';
import { z } from 'zod';
import type { WorkSettings } from '../../activities/validator/deps';
import { oracleConfigFromEnv, type OracleConfig } from '../../adapters/oracle';
import { FAMILIES, type FamilyId } from '../../domain/status';
import type { LoopSettings } from '../../domain/validator/loop';
import {
  intEnv,
  listenConfigFromEnv,
  numberEnv,
  optionalEnv,
  parseEnv,
  textEnv,
  type ListenConfig,
} from '../http';

/** Settings of the validator engine. Times in seconds unless the name says otherwise. */
export interface ValidatorConfig extends WorkSettings {
  listen: ListenConfig;
  ownerApiUrl: string;
  judgeUrl: string;
  judgeTimeoutSeconds: number;
  /** Claims and judges; off, the engine only publishes weights and answers HTTP. */
  autoLoop: boolean;
  families: FamilyId[];
  /** Tasks asked for in one claim. */
  batchSize: number;
  /** Tasks under way at once. */
  maxParallel: number;
  pollIntervalSeconds: number;
  /** Where answers and judgements are kept until their task is settled. */
  journalDir: string;
  /** Where what this validator's oracles found is kept. */
  enrichmentDir: string;
  /** This validator's own oracles; asked only about tasks that the owner sends without a truth. */
  oracles: OracleConfig;
  /** How long a stop may take; what is not finished within it is taken up by the next start. */
  shutdownGraceSeconds: number;
  weights: {
    intervalBlocks: number;
    blockSeconds: number;
    /** How often the owner is asked for newly published weights. */
    pollSeconds: number;
    netuid: number;
    enabled: boolean;
  };
}

function flagEnv(fallback: boolean) {
  return optionalEnv(
    z
      .string()
      .transform((text) => ['1', 'true', 'yes', 'on'].includes(text.trim().toLowerCase()))
      .default(fallback),
  );
}

function urlEnv(fallback: string) {
  return optionalEnv(
    z
      .url({ protocol: /^https?$/, error: 'must be an http or https address' })
      .transform((url) => url.replace(/\/+$/, ''))
      .default(fallback),
  );
}

const familiesEnv = optionalEnv(
  z
    .string()
    .default(FAMILIES.join(','))
    .transform((text) =>
      text
        .split(',')
        .map((item) => item.trim())
        .filter(Boolean),
    )
    .pipe(z.array(z.enum(FAMILIES, { error: `must be a comma list of ${FAMILIES.join(', ')}` })).min(1)),
);

/**
 * Reads the engine's settings; the signing key is read apart, by `hotkeyFromEnv`.
 * @throws Error that names every variable which is wrong
 */
export function validatorConfigFromEnv(env: NodeJS.ProcessEnv): ValidatorConfig {
  const e = parseEnv(
    {
      OWNER_API_URL: urlEnv('http://127.0.0.1:8000'),
      EIREL_JUDGE_SERVICE_URL: urlEnv('http://127.0.0.1:8095'),
      EIREL_EVAL_JUDGE_TIMEOUT_SECONDS: numberEnv(60, 1, 3600),
      EIREL_VALIDATOR_AUTO_LOOP: flagEnv(true),
      EIREL_VALIDATOR_ACTIVE_FAMILIES: familiesEnv,
      EIREL_VALIDATOR_BATCH_SIZE: intEnv(1, 1, 40),
      EIREL_VALIDATOR_MAX_PARALLEL: intEnv(3, 1, 64),
      EIREL_VALIDATOR_POLL_INTERVAL_SECONDS: numberEnv(30, 0.05, 3600),
      EIREL_VALIDATOR_IDLE_HEARTBEAT_EVERY: intEnv(10, 1, 10_000),
      EIREL_FAN_OUT_TIMEOUT_SECONDS: numberEnv(1500, 1, 7200),
      EIREL_MINER_INSTANT_LATENCY_BUDGET_SECONDS: numberEnv(120, 0.001, 7200),
      EIREL_MINER_THINKING_LATENCY_BUDGET_SECONDS: numberEnv(600, 0.001, 7200),
      EIREL_VALIDATOR_SLIM_ONLY: flagEnv(false),
      EIREL_VALIDATOR_TASK_CAP_SECONDS: numberEnv(2700, 1, 86_400),
      EIREL_VALIDATOR_SHUTDOWN_GRACE_SECONDS: numberEnv(30, 1, 3600),
      EIREL_WEIGHT_SET_INTERVAL_BLOCKS: intEnv(180, 1, 1_000_000),
      EIREL_BLOCK_SECONDS: numberEnv(12, 0.05, 600),
      EIREL_WEIGHT_POLL_SECONDS: numberEnv(30, 0.05, 3600),
      BITTENSOR_NETUID: intEnv(0, 0, 65_535),
      EIREL_VALIDATOR_PUBLISH_WEIGHTS: flagEnv(true),
      EIREL_VALIDATOR_DATA_DIR: textEnv(),
    },
    env,
  );
  return {
    listen: listenConfigFromEnv('EIREL_VALIDATOR_PORT', 8010, env),
    ownerApiUrl: e.OWNER_API_URL,
    judgeUrl: e.EIREL_JUDGE_SERVICE_URL,
    judgeTimeoutSeconds: e.EIREL_EVAL_JUDGE_TIMEOUT_SECONDS,
    autoLoop: e.EIREL_VALIDATOR_AUTO_LOOP,
    families: e.EIREL_VALIDATOR_ACTIVE_FAMILIES,
    batchSize: e.EIREL_VALIDATOR_BATCH_SIZE,
    maxParallel: e.EIREL_VALIDATOR_MAX_PARALLEL,
    pollIntervalSeconds: e.EIREL_VALIDATOR_POLL_INTERVAL_SECONDS,
    idleHeartbeatEvery: e.EIREL_VALIDATOR_IDLE_HEARTBEAT_EVERY,
    fanOutTimeoutSeconds: e.EIREL_FAN_OUT_TIMEOUT_SECONDS,
    latencyBudgets: {
      instant: e.EIREL_MINER_INSTANT_LATENCY_BUDGET_SECONDS,
      thinking: e.EIREL_MINER_THINKING_LATENCY_BUDGET_SECONDS,
    },
    slimOnly: e.EIREL_VALIDATOR_SLIM_ONLY,
    taskCapSeconds: e.EIREL_VALIDATOR_TASK_CAP_SECONDS,
    enrichmentDir: join(e.EIREL_VALIDATOR_DATA_DIR || join('.eirel', 'validator'), 'enrichment'),
    oracles: oracleConfigFromEnv(env),
    journalDir: join(e.EIREL_VALIDATOR_DATA_DIR || join('.eirel', 'validator'), 'journal'),
    shutdownGraceSeconds: e.EIREL_VALIDATOR_SHUTDOWN_GRACE_SECONDS,
    weights: {
      intervalBlocks: e.EIREL_WEIGHT_SET_INTERVAL_BLOCKS,
      blockSeconds: e.EIREL_BLOCK_SECONDS,
      pollSeconds: e.EIREL_WEIGHT_POLL_SECONDS,
      netuid: e.BITTENSOR_NETUID,
      enabled: e.EIREL_VALIDATOR_PUBLISH_WEIGHTS,
    },
  };
}

/** What the loop itself runs by. */
export function loopSettings(config: ValidatorConfig): LoopSettings {
  const { intervalBlocks, blockSeconds, pollSeconds, netuid, enabled } = config.weights;
  return {
    families: config.families,
    batchSize: config.batchSize,
    maxParallel: config.maxParallel,
    pollSeconds: config.pollIntervalSeconds,
    taskCapSeconds: config.taskCapSeconds,
    claims: config.autoLoop,
    weights: enabled ? { netuid, intervalSeconds: intervalBlocks * blockSeconds, pollSeconds } : null,
  };
}
