import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Budgets } from '../../adapters/budget/keeper';
import { llmConfigFromEnv, type LlmConfig } from '../../adapters/llm';
import { messageOf } from '../../adapters/logging';
import {
  DEFAULT_MODELS,
  parseModels,
  priceTable,
  type ModelCatalogue,
  type PriceTable,
} from '../../domain/pricing/prices';
import { listenConfigFromEnv, numberEnv, parseEnv, textEnv, type ListenConfig } from '../http';
import { budgetEnv, budgetsOf } from '../tools/budgets';

export interface ProviderProxyConfig {
  listen: ListenConfig;
  databaseUrl: string;
  redisUrl: string;
  /** Signs job and deployment tokens. */
  jobTokenSecret: string;
  /** The owner's own bearer; without it the owner's routes answer 503. */
  masterToken: string | undefined;
  budgets: Budgets;
  /** Prices of the models that may be called; what is not in it is not allowed. */
  prices: PriceTable;
  /** Providers that only the owner's own services may call. */
  ownerOnly: ReadonlySet<string>;
  llm: LlmConfig;
  /** Longest time that a caller can ask one attempt to take, in seconds. */
  maxTimeoutSeconds: number;
  /** How long a stream is still read for its usage after its caller has left, in seconds. */
  disconnectGraceSeconds: number;
}

/**
 * Reads the proxy's configuration.
 * @throws Error that names the variables which are missing or wrong
 */
export function providerProxyConfigFromEnv(env: NodeJS.ProcessEnv): ProviderProxyConfig {
  const values = parseEnv(
    {
      DATABASE_URL: z.string({ error: 'is required' }).min(1, 'is required'),
      REDIS_URL: z.string({ error: 'is required' }).min(1, 'is required'),
      EIREL_JOB_TOKEN_SECRET: z
        .string({ error: 'is required: the secret that job tokens are signed with' })
        .min(16, 'must have at least 16 characters'),
      EIREL_PROVIDER_PROXY_MASTER_TOKEN: textEnv(),
      PROVIDER_PROXY_AUTH_TOKEN: textEnv(),
      ...budgetEnv,
      EIREL_PROVIDER_PROXY_MAX_TIMEOUT_SECONDS: numberEnv(600, 1, 3600),
      EIREL_PROVIDER_PROXY_DISCONNECT_GRACE_SECONDS: numberEnv(10, 0, 600),
      EIREL_MODELS_FILE: textEnv(),
    },
    env,
  );
  const models = values.EIREL_MODELS_FILE ? readModels(values.EIREL_MODELS_FILE) : DEFAULT_MODELS;
  return {
    listen: listenConfigFromEnv('EIREL_PROVIDER_PROXY_PORT', 8092, env),
    databaseUrl: values.DATABASE_URL,
    redisUrl: values.REDIS_URL,
    jobTokenSecret: values.EIREL_JOB_TOKEN_SECRET,
    masterToken: values.EIREL_PROVIDER_PROXY_MASTER_TOKEN ?? values.PROVIDER_PROXY_AUTH_TOKEN,
    budgets: budgetsOf(values),
    prices: priceTable(env.EIREL_LLM_PRICING_JSON, models.prices),
    ownerOnly: models.ownerOnly,
    llm: llmConfigFromEnv(env),
    maxTimeoutSeconds: values.EIREL_PROVIDER_PROXY_MAX_TIMEOUT_SECONDS,
    disconnectGraceSeconds: values.EIREL_PROVIDER_PROXY_DISCONNECT_GRACE_SECONDS,
  };
}

function readModels(path: string): ModelCatalogue {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`EIREL_MODELS_FILE: ${path} cannot be read as JSON: ${messageOf(error)}`);
  }
  return parseModels(value, `EIREL_MODELS_FILE: ${path}`);
}
