import { z } from 'zod';
import type { Budgets } from '../../adapters/budget/keeper';
import { llmConfigFromEnv, type LlmConfig } from '../../adapters/llm';
import { priceTable, type PriceTable } from '../../domain/pricing/prices';
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
  prices: PriceTable;
  llm: LlmConfig;
  /** Longest time that a caller can ask one attempt to take, in seconds. */
  maxTimeoutSeconds: number;
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
    },
    env,
  );
  return {
    listen: listenConfigFromEnv('EIREL_PROVIDER_PROXY_PORT', 8092, env),
    databaseUrl: values.DATABASE_URL,
    redisUrl: values.REDIS_URL,
    jobTokenSecret: values.EIREL_JOB_TOKEN_SECRET,
    masterToken: values.EIREL_PROVIDER_PROXY_MASTER_TOKEN ?? values.PROVIDER_PROXY_AUTH_TOKEN,
    budgets: budgetsOf(values),
    prices: priceTable(env.EIREL_LLM_PRICING_JSON),
    llm: llmConfigFromEnv(env),
    maxTimeoutSeconds: values.EIREL_PROVIDER_PROXY_MAX_TIMEOUT_SECONDS,
  };
}
