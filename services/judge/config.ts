import { join } from 'node:path';
import { endpointBaseUrl, type LlmEndpoint } from '../../adapters/llm';
import { priceTable, type PriceTable } from '../../domain/pricing/prices';
import { DEFAULT_COST_FLOOR_USD } from '../../domain/scoring';
import { intEnv, listenConfigFromEnv, numberEnv, parseEnv, textEnv, type ListenConfig } from '../http';

/** The model that judges when none is named. */
export const DEFAULT_JUDGE_MODEL = 'local-rubric-judge';

export interface JudgeConfig {
  listen: ListenConfig;
  /** Null when base URL or key are missing: the service runs, and every judgement answers 500 with the reason. */
  endpoint: LlmEndpoint | null;
  model: string;
  /** Name under which the model's price is looked up; null when the cost of a judgement is not known. */
  pricedAs: string | null;
  prices: PriceTable;
  timeoutMs: number;
  maxTokens: number;
  /** Least that an honest answer costs, in USD, where a request names no floor. */
  costFloorUsd: number;
  /** Judgements kept for requests that come again. */
  cacheEntries: number;
  /** Folder of judgements that outlive the process; null keeps them in memory only. */
  cacheDir: string | null;
  /** Days after which a kept judgement is dropped. */
  cacheDays: number;
}

const HOSTS: Readonly<Record<string, string>> = {
  'api.openai.com': 'openai',
  'openrouter.ai': 'openrouter',
  'llm.chutes.ai': 'chutes',
  'api.chutes.ai': 'chutes',
};

/**
 * Reads the judge's configuration.
 * @throws Error that names the variables which are wrong
 */
export function judgeConfigFromEnv(env: NodeJS.ProcessEnv): JudgeConfig {
  const values = parseEnv(
    {
      EIREL_EVAL_JUDGE_BASE_URL: textEnv().refine(
        (value) => value === undefined || /^https?:\/\/\S+$/.test(value),
        {
          error: 'must be an http(s) URL',
        },
      ),
      EIREL_EVAL_JUDGE_API_KEY: textEnv(),
      EIREL_EVAL_JUDGE_MODEL: textEnv(),
      EIREL_EVAL_JUDGE_PROVIDER: textEnv(),
      EIREL_EVAL_JUDGE_TIMEOUT_SECONDS: numberEnv(30, 1, 3600),
      EIREL_EVAL_JUDGE_MAX_TOKENS: intEnv(2048, 16, 1_000_000),
      EIREL_EVAL_JUDGE_CACHE_ENTRIES: intEnv(4096, 0, 1_000_000),
      EIREL_EVAL_JUDGE_CACHE_DIR: textEnv(),
      EIREL_EVAL_JUDGE_CACHE_DAYS: numberEnv(30, 0.01, 3650),
      EIREL_DATA_DIR: textEnv(),
    },
    env,
  );
  const baseUrl = values.EIREL_EVAL_JUDGE_BASE_URL;
  const apiKey = values.EIREL_EVAL_JUDGE_API_KEY;
  return {
    listen: listenConfigFromEnv('EIRETES_JUDGE_PORT', 8095, env),
    endpoint: baseUrl && apiKey ? { baseUrl: endpointBaseUrl(baseUrl), apiKey } : null,
    model: values.EIREL_EVAL_JUDGE_MODEL ?? DEFAULT_JUDGE_MODEL,
    pricedAs:
      values.EIREL_EVAL_JUDGE_PROVIDER ?? (baseUrl ? (HOSTS[new URL(baseUrl).hostname] ?? null) : null),
    prices: priceTable(env.EIREL_LLM_PRICING_JSON),
    timeoutMs: Math.round(values.EIREL_EVAL_JUDGE_TIMEOUT_SECONDS * 1000),
    maxTokens: values.EIREL_EVAL_JUDGE_MAX_TOKENS,
    costFloorUsd: costFloor(env.EIREL_EVAL_MIN_TURN_COST_USD),
    cacheEntries: values.EIREL_EVAL_JUDGE_CACHE_ENTRIES,
    cacheDir:
      values.EIREL_EVAL_JUDGE_CACHE_DIR ??
      (values.EIREL_DATA_DIR ? join(values.EIREL_DATA_DIR, 'judge-cache') : null),
    cacheDays: values.EIREL_EVAL_JUDGE_CACHE_DAYS,
  };
}

/** evaluation.md 4.5, factor C: a value that is not a number is the default, a negative one is 0. */
function costFloor(value: string | undefined): number {
  const floor = value?.trim() ? Number(value) : Number.NaN;
  return Number.isFinite(floor) ? Math.max(0, floor) : DEFAULT_COST_FLOOR_USD;
}
