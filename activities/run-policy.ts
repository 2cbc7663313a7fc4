import { z } from 'zod';
import { enrichmentSide } from '../adapters/oracle';
import type { EnrichmentSide } from '../domain/oracle/record';
import { FAMILIES, type FamilyId } from '../domain/status';
import { parseIsoTimestamp } from '../domain/time';

/** The owner's settings of runs; read once at boot. */
export interface RunPolicy {
  familyId: FamilyId;
  durationSeconds: number;
  /** Start of the first run; null is now. */
  firstRunStart: Date | null;
  topCarryover: number;
  /** Least score that may win, per family. */
  minScores: Record<string, number>;
  /** Tasks drawn for a run; the whole pool when it holds fewer. */
  taskCount: number;
  /** Cap for smoke tests: only the first tasks of the draw are kept. */
  taskLimit: number | null;
  readinessTimeoutSeconds: number;
  scoringVersion: 1 | 2;
  taskQuorum: number;
  maxTaskAttempts: number;
  runBudgetUsd: number;
  familyWeights: Record<string, number>;
  /** Seconds per turn and mode. */
  latencyBudgets: { instant: number; thinking: number };
  /** Longest that a lease can be extended to; a drain waits no longer. */
  workCapSeconds: number;
  /** Secret part of the sampler's seed. */
  ownerSecret: string;
  /** Folder with `<family>.json`; null reads the pool from the object store. */
  datasetRoot: string | null;
  poolKeyTemplate: string;
  /** On whose side the oracles are asked (decision 4). */
  enrichment: EnrichmentSide;
}

const number = (fallback: number, least = 0) => z.coerce.number().min(least).default(fallback);
const optional = z
  .string()
  .optional()
  .transform((text) => (text?.trim() ? text.trim() : null));

const contract = z.object({
  EIREL_RUN_DURATION_DAYS: number(3, 1),
  EIREL_RUN_DURATION_SECONDS: z.coerce.number().int().min(1).optional(),
  EIREL_FIRST_RUN_START_TIME: optional,
  EIREL_RUN_TOP_CARRYOVER_PER_FAMILY: z.coerce.number().int().min(1).default(3),
  EIREL_RUN_MIN_SCORES_JSON: z.string().default('{}'),
  EIREL_RUN_TASK_COUNT: z.coerce.number().int().min(1).default(200),
  EIREL_EVAL_TASK_LIMIT: z.coerce.number().int().min(1).optional(),
  EIREL_SNAPSHOT_READINESS_TIMEOUT_MINUTES: number(15),
  EIREL_SCORING_VERSION: z.enum(['1', '2']).default('2'),
  TASK_QUORUM: z.coerce.number().int().min(1).default(1),
  MAX_TASK_ATTEMPTS: z.coerce.number().int().min(1).default(3),
  EIREL_RUN_BUDGET_USD: number(30),
  EIREL_FAMILY_WEIGHTS: z.string().default('general_chat:1.0'),
  EIREL_MINER_INSTANT_LATENCY_BUDGET_SECONDS: number(120),
  EIREL_MINER_THINKING_LATENCY_BUDGET_SECONDS: number(600),
  EIREL_TASK_WORK_CAP_SECONDS: number(1500, 1),
  EIREL_OWNER_SECRET: z
    .string()
    .min(16, 'must be a secret of at least 16 characters: the seed of the sampler'),
  EIREL_OWNER_DATASET_ROOT_PATH: optional,
  EIREL_EVAL_POOL_KEY_TEMPLATE: z.string().default('{family_id}/pool-run-{run_id}.json'),
});

/**
 * Reads the settings of evaluation.md section 1.1.
 * @throws ZodError naming each variable that is missing or bad
 */
export function runPolicyFromEnv(env: NodeJS.ProcessEnv): RunPolicy {
  const e = contract.parse(env);
  const first = e.EIREL_FIRST_RUN_START_TIME ? parseIsoTimestamp(e.EIREL_FIRST_RUN_START_TIME) : null;
  return {
    familyId: FAMILIES[0],
    durationSeconds: e.EIREL_RUN_DURATION_SECONDS ?? e.EIREL_RUN_DURATION_DAYS * 86_400,
    firstRunStart: first === null ? null : new Date(first),
    topCarryover: e.EIREL_RUN_TOP_CARRYOVER_PER_FAMILY,
    minScores: z.record(z.string(), z.number()).parse(JSON.parse(e.EIREL_RUN_MIN_SCORES_JSON)),
    taskCount: e.EIREL_RUN_TASK_COUNT,
    taskLimit: e.EIREL_EVAL_TASK_LIMIT ?? null,
    readinessTimeoutSeconds: e.EIREL_SNAPSHOT_READINESS_TIMEOUT_MINUTES * 60,
    scoringVersion: e.EIREL_SCORING_VERSION === '1' ? 1 : 2,
    taskQuorum: e.TASK_QUORUM,
    maxTaskAttempts: e.MAX_TASK_ATTEMPTS,
    runBudgetUsd: e.EIREL_RUN_BUDGET_USD,
    familyWeights: parseFamilyWeights(e.EIREL_FAMILY_WEIGHTS),
    latencyBudgets: {
      instant: e.EIREL_MINER_INSTANT_LATENCY_BUDGET_SECONDS,
      thinking: e.EIREL_MINER_THINKING_LATENCY_BUDGET_SECONDS,
    },
    workCapSeconds: e.EIREL_TASK_WORK_CAP_SECONDS,
    ownerSecret: e.EIREL_OWNER_SECRET,
    datasetRoot: e.EIREL_OWNER_DATASET_ROOT_PATH,
    poolKeyTemplate: e.EIREL_EVAL_POOL_KEY_TEMPLATE,
    enrichment: enrichmentSide(env),
  };
}

/** `family:weight,family:weight`. @throws Error on anything else */
function parseFamilyWeights(text: string): Record<string, number> {
  const pairs = text.split(',').filter((part) => part.trim());
  return Object.fromEntries(
    pairs.map((part) => {
      const [family = '', weight = ''] = part.split(':').map((item) => item.trim());
      const value = Number(weight);
      if (!family || weight === '' || !Number.isFinite(value) || value < 0 || value > 1) {
        throw new Error(`EIREL_FAMILY_WEIGHTS: "${part}" is not family:weight with a weight from 0 to 1`);
      }
      return [family, value];
    }),
  );
}
