import { z } from 'zod';
import { intEnv, listenConfigFromEnv, parseEnv, textEnv } from '../http';
import { budgetEnv, budgetsOf } from './budgets';
import type { ToolServiceConfig } from './types';

/** Names of the variables that one tool service reads its common settings from. */
export interface ToolEnvNames {
  port: string;
  defaultPort: number;
  /** The owner's bearer. */
  token: string;
  maxRequests: string;
  defaultMaxRequests: number;
}

/**
 * Reads what all tool services need: `DATABASE_URL`, `REDIS_URL`, `EIREL_JOB_TOKEN_SECRET`, the spending ceilings
 * `EIREL_JOB_BUDGET_USD` and `EIREL_RUN_BUDGET_USD`, and the service's own port, token and quota.
 * @throws Error that names the variables which are missing or wrong
 */
export function toolConfigFromEnv(names: ToolEnvNames, env: NodeJS.ProcessEnv): ToolServiceConfig {
  const required = () => z.string({ error: 'is required' }).min(1, 'is required');
  const values = parseEnv(
    {
      DATABASE_URL: required(),
      REDIS_URL: required(),
      EIREL_JOB_TOKEN_SECRET: z
        .string({ error: 'is required: the secret that job tokens are signed with' })
        .min(16, 'must have at least 16 characters'),
      ...budgetEnv,
    },
    env,
  );
  const own = parseEnv(
    { [names.token]: textEnv(), [names.maxRequests]: intEnv(names.defaultMaxRequests, 1, 1_000_000) },
    env,
  ) as Record<string, unknown>;
  return {
    listen: listenConfigFromEnv(names.port, names.defaultPort, env),
    databaseUrl: values.DATABASE_URL,
    redisUrl: values.REDIS_URL,
    jobTokenSecret: values.EIREL_JOB_TOKEN_SECRET,
    masterToken: own[names.token] as string | undefined,
    budgets: budgetsOf(values),
    maxRequestsPerJob: own[names.maxRequests] as number,
  };
}
