import { z } from 'zod';
import { archiveLimitsFromEnv } from '../adapters/archive/limits';
import type { ArchiveLimits } from '../adapters/archive/limits';
import { isSs58Address } from '../adapters/keys/address';
import type { TargetRunPolicy } from '../adapters/postgres/target-run';
import { DEFAULT_SCORING_VERSION } from '../domain/scoring';
import { FAMILIES, LAUNCH_FAMILIES } from '../domain/status';
import { parseIsoTimestamp } from '../domain/time';
import { parseTaoToRao } from '../domain/weights/tao';

/** Fifteen syncs missed in a row, at the usual interval of a minute. */
const DEFAULT_METAGRAPH_MAX_AGE_SECONDS = 900;
const flag = (fallback: boolean) =>
  z
    .string()
    .optional()
    .transform((text) =>
      text == null || text.trim() === ''
        ? fallback
        : ['1', 'true', 'yes', 'on'].includes(text.trim().toLowerCase()),
    );
const whole = (fallback: number, min = 0, max = Number.MAX_SAFE_INTEGER) =>
  z.preprocess(
    (value) => blankToUndefined(value),
    z.coerce.number().int().min(min).max(max).default(fallback),
  );
const decimal = (fallback: number, min = 0) =>
  z.preprocess((value) => blankToUndefined(value), z.coerce.number().min(min).default(fallback));
const optionalText = z.preprocess((value) => blankToUndefined(value), z.string().trim().optional());
const optionalUrl = z.preprocess(
  (value) => blankToUndefined(value),
  z
    .url({ protocol: /^https?$/, error: 'must be an http or https address' })
    .transform((url) => url.replace(/\/+$/, ''))
    .optional(),
);

function blankToUndefined(value: unknown): unknown {
  return typeof value === 'string' && value.trim() === '' ? undefined : value;
}

const familyWeights = z
  .preprocess((value) => blankToUndefined(value), z.string().default('general_chat:1.0'))
  .transform((text, ctx) => {
    const weights: Record<string, number> = {};
    for (const item of text.split(',')) {
      const [family = '', weight = ''] = item.split(':').map((part) => part.trim());
      if (!family || weight === '' || !Number.isFinite(Number(weight)) || Number(weight) < 0) {
        ctx.addIssue({ code: 'custom', message: `"${item}" is not of the form family:weight` });
        return z.NEVER;
      }
      weights[family] = Number(weight);
    }
    return weights;
  });

const families = z
  .preprocess((value) => blankToUndefined(value), z.string().default(FAMILIES.join(',')))
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  )
  .pipe(z.array(z.enum(FAMILIES)).min(1));

const minScores = z
  .string()
  .default('{}')
  .transform((text, ctx) => {
    try {
      return JSON.parse(text.trim() || '{}') as unknown;
    } catch {
      ctx.addIssue({ code: 'custom', message: 'is not JSON such as {"general_chat": 0.3}' });
      return z.NEVER;
    }
  })
  .pipe(z.record(z.string(), z.number().min(0).max(1)));

const MIB = 1024 * 1024;

const envContract = z.object({
  DATABASE_URL: z.string({ error: 'is required: the address of PostgreSQL, postgresql://...' }).min(1),
  REDIS_URL: optionalText,
  LAUNCH_MODE: optionalText,
  OWNER_API_HOST: z.string().min(1).default('127.0.0.1'),
  OWNER_API_PORT: whole(8000, 0, 65535),
  EIREL_PUBLIC_URL: optionalUrl,
  EIREL_CORS_ALLOW_ORIGINS: z.string().default('*'),
  EIREL_MAX_BODY_BYTES: whole(250 * MIB, 1),
  EIREL_MAX_JSON_BODY_BYTES: whole(64 * MIB, 1),
  EIREL_UPLOAD_CONCURRENCY: whole(16, 1),
  EIREL_UPLOAD_SPOOL_DIR: optionalText,
  SIGNATURE_TTL_SECONDS: decimal(60, 1),
  EIREL_INTERNAL_SERVICE_TOKEN: z.string().default(''),
  EIREL_JOB_TOKEN_SECRET: z.string().default(''),
  EIREL_OWNER_HOTKEY_SS58: optionalText,
  EIREL_OWNER_WALLET_NAME: optionalText,
  EIREL_OWNER_HOTKEY_NAME: optionalText,
  EIREL_OWNER_WALLET_PATH: optionalText,
  BITTENSOR_NETWORK: z.string().default('finney'),
  BITTENSOR_NETUID: whole(0, 0, 65535),
  EIREL_SUBMISSION_RATE_LIMIT_REQUESTS: z.coerce.number().int().default(5),
  EIREL_SUBMISSION_RATE_LIMIT_WINDOW_SECONDS: z.coerce.number().default(3600),
  EIREL_SUBMISSION_LIFETIME_CAP: whole(2),
  EIREL_METAGRAPH_MAX_AGE_SECONDS: z.preprocess(
    (value) => blankToUndefined(value),
    z.coerce.number().min(0).default(DEFAULT_METAGRAPH_MAX_AGE_SECONDS),
  ),
  EIREL_PROVIDER_PROXY_URL: optionalUrl,
  EIREL_PROVIDER_PROXY_TOKEN: z.string().default(''),
  EIREL_SUBMISSION_TREASURY_ADDRESS: optionalText,
  EIREL_SUBMISSION_FEE_TAO: z.string().default('0.1'),
  EIREL_SUBMISSION_FEE_MAX_AGE_BLOCKS: whole(7200, 1),
  EIREL_OWNER_RUNTIME_SUBMISSION_CPU_MILLIS: whole(2000, 1),
  EIREL_OWNER_RUNTIME_SUBMISSION_MEMORY_MB: whole(2048, 1),
  EIREL_FIRST_RUN_START_TIME: optionalText,
  EIREL_RUN_DURATION_DAYS: decimal(3, 0),
  EIREL_RUN_DURATION_SECONDS: z.preprocess(
    (value) => blankToUndefined(value),
    z.coerce.number().positive().optional(),
  ),
  TASK_QUORUM: whole(1, 1),
  EIREL_SCORING_VERSION: whole(DEFAULT_SCORING_VERSION, 1, 2),
  EIREL_RUN_MIN_SCORES_JSON: minScores,
  EIREL_ACTIVE_FAMILIES: families,
  EIREL_LAUNCH_MODE: flag(false),
  EIREL_FAMILY_WEIGHTS: familyWeights,
  EIREL_EVAL_FEEDBACK_ENABLED: flag(true),
  EIREL_TASK_CLAIM_TIMEOUT_SECONDS: whole(900, 1),
  MAX_TASK_ATTEMPTS: whole(3, 1),
  EIREL_API_VERIFY_RESPONSES: flag(false),
});

/** Settings of the owner API, all read once at boot. Sizes in bytes, times in seconds unless the name says otherwise. */
export interface ApiConfig {
  databaseUrl: string;
  redisUrl: string;
  production: boolean;
  host: string;
  port: number;
  /** Base URL that clients reach this API at; null derives it from each request. */
  publicUrl: string | null;
  corsOrigins: string[];
  maxBodyBytes: number;
  maxJsonBodyBytes: number;
  uploadConcurrency: number;
  /** Where uploads wait on disk until their signature is checked; null is the system's temporary directory. */
  spoolDir: string | null;
  signatureTtlSeconds: number;
  /** Empty refuses every internal call. */
  internalServiceToken: string;
  jobTokenSecret: string;
  owner: {
    ss58: string | null;
    walletName: string | null;
    hotkeyName: string | null;
    walletPath: string | null;
  };
  network: string;
  netuid: number;
  submission: {
    /** Either value at or below zero turns the limit off. */
    rateLimitRequests: number;
    rateLimitWindowSeconds: number;
    /** 0 turns the cap off. */
    lifetimeCap: number;
    archive: ArchiveLimits;
    cpuMillis: number;
    memoryBytes: bigint;
  };
  /** null leaves the age of the metagraph unchecked. */
  metagraphMaxAgeSeconds: number | null;
  providerProxy: { url: string | null; token: string };
  /** Amount in rao; no treasury, no fee. */
  fee: { treasury: string | null; feeTao: string; minimumRao: bigint; maxAgeBlocks: number };
  run: TargetRunPolicy;
  activeFamilies: string[];
  familyWeights: Record<string, number>;
  feedbackEnabled: boolean;
  claimTimeoutSeconds: number;
  maxTaskAttempts: number;
  /** Checks every JSON answer against its contract before it is sent; for tests and staging. */
  verifyResponses: boolean;
}

/** A setting is wrong or missing; the message names each variable and what it should be. */
export class ApiConfigError extends Error {
  override readonly name = 'ApiConfigError';
}

/**
 * Reads the owner API's settings.
 * @throws ApiConfigError naming every bad variable; values that are secrets are not repeated
 */
export function apiConfigFromEnv(env: NodeJS.ProcessEnv): ApiConfig {
  const parsed = envContract.safeParse(env);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new ApiConfigError(`the owner API cannot start with these settings: ${lines.join('; ')}`);
  }
  const e = parsed.data;
  const production = e.LAUNCH_MODE?.toLowerCase() === 'production';
  if (production && !e.REDIS_URL) {
    throw new ApiConfigError(
      'LAUNCH_MODE=production needs REDIS_URL: replay protection has to be shared by all replicas of the API',
    );
  }
  const firstStart = e.EIREL_FIRST_RUN_START_TIME ?? null;
  if (firstStart !== null && Number.isNaN(Date.parse(firstStart))) {
    throw new ApiConfigError(
      'EIREL_FIRST_RUN_START_TIME is not an ISO-8601 time such as 2026-01-31T12:00:00Z',
    );
  }
  return {
    databaseUrl: e.DATABASE_URL,
    redisUrl: e.REDIS_URL ?? 'redis://127.0.0.1:6379/0',
    production,
    host: e.OWNER_API_HOST,
    port: e.OWNER_API_PORT,
    publicUrl: e.EIREL_PUBLIC_URL ?? null,
    corsOrigins: e.EIREL_CORS_ALLOW_ORIGINS.split(',')
      .map((origin) => origin.trim())
      .filter((origin) => origin !== ''),
    maxBodyBytes: e.EIREL_MAX_BODY_BYTES,
    maxJsonBodyBytes: Math.min(e.EIREL_MAX_JSON_BODY_BYTES, e.EIREL_MAX_BODY_BYTES),
    uploadConcurrency: e.EIREL_UPLOAD_CONCURRENCY,
    spoolDir: e.EIREL_UPLOAD_SPOOL_DIR ?? null,
    signatureTtlSeconds: e.SIGNATURE_TTL_SECONDS,
    internalServiceToken: e.EIREL_INTERNAL_SERVICE_TOKEN,
    jobTokenSecret: e.EIREL_JOB_TOKEN_SECRET,
    owner: {
      ss58: e.EIREL_OWNER_HOTKEY_SS58 ?? null,
      walletName: e.EIREL_OWNER_WALLET_NAME ?? null,
      hotkeyName: e.EIREL_OWNER_HOTKEY_NAME ?? null,
      walletPath: e.EIREL_OWNER_WALLET_PATH ?? null,
    },
    network: e.BITTENSOR_NETWORK,
    netuid: e.BITTENSOR_NETUID,
    submission: {
      rateLimitRequests: e.EIREL_SUBMISSION_RATE_LIMIT_REQUESTS,
      rateLimitWindowSeconds: e.EIREL_SUBMISSION_RATE_LIMIT_WINDOW_SECONDS,
      lifetimeCap: e.EIREL_SUBMISSION_LIFETIME_CAP,
      archive: archiveLimitsFromEnv(env),
      cpuMillis: e.EIREL_OWNER_RUNTIME_SUBMISSION_CPU_MILLIS,
      memoryBytes: BigInt(e.EIREL_OWNER_RUNTIME_SUBMISSION_MEMORY_MB) * BigInt(MIB),
    },
    metagraphMaxAgeSeconds: e.EIREL_METAGRAPH_MAX_AGE_SECONDS || null,
    providerProxy: { url: e.EIREL_PROVIDER_PROXY_URL ?? null, token: e.EIREL_PROVIDER_PROXY_TOKEN },
    fee: {
      treasury: treasuryOf(e.EIREL_SUBMISSION_TREASURY_ADDRESS),
      feeTao: e.EIREL_SUBMISSION_FEE_TAO,
      minimumRao: feeRao(e.EIREL_SUBMISSION_FEE_TAO),
      maxAgeBlocks: e.EIREL_SUBMISSION_FEE_MAX_AGE_BLOCKS,
    },
    run: {
      firstStart: firstStartOf(e.EIREL_FIRST_RUN_START_TIME),
      durationSeconds: e.EIREL_RUN_DURATION_SECONDS ?? e.EIREL_RUN_DURATION_DAYS * 86_400,
      taskQuorum: e.TASK_QUORUM,
      scoringVersion: e.EIREL_SCORING_VERSION,
      minScores: e.EIREL_RUN_MIN_SCORES_JSON,
    },
    activeFamilies: e.EIREL_LAUNCH_MODE ? [...LAUNCH_FAMILIES] : e.EIREL_ACTIVE_FAMILIES,
    familyWeights: e.EIREL_FAMILY_WEIGHTS,
    feedbackEnabled: e.EIREL_EVAL_FEEDBACK_ENABLED,
    claimTimeoutSeconds: e.EIREL_TASK_CLAIM_TIMEOUT_SECONDS,
    maxTaskAttempts: e.MAX_TASK_ATTEMPTS,
    verifyResponses: e.EIREL_API_VERIFY_RESPONSES,
  };
}

function treasuryOf(address: string | undefined): string | null {
  if (address === undefined) return null;
  if (!isSs58Address(address)) {
    throw new ApiConfigError('EIREL_SUBMISSION_TREASURY_ADDRESS is not an SS58 address with prefix 42');
  }
  return address;
}

function firstStartOf(text: string | undefined): Date | null {
  if (text === undefined) return null;
  const ms = parseIsoTimestamp(text);
  if (ms === null) {
    throw new ApiConfigError(
      'EIREL_FIRST_RUN_START_TIME is not an ISO-8601 time such as 2026-01-31T12:00:00Z',
    );
  }
  return new Date(ms);
}

function feeRao(tao: string): bigint {
  try {
    return parseTaoToRao(tao);
  } catch (error) {
    throw new ApiConfigError(`EIREL_SUBMISSION_FEE_TAO: ${(error as Error).message}`);
  }
}
