import { z } from 'zod';
import { listenConfigFromEnv, optionalEnv, parseEnv, textEnv, type ListenConfig } from '../http';

export interface ListenerConfig {
  listen: ListenConfig;
  databaseUrl: string;
  /** Bearer token of those who may trigger a sync; without one nobody may. */
  internalToken: string;
  network: string;
  netuid: number;
}

const DEFAULT_PORT = 8011;

/** @throws Error naming each variable that is missing or wrong */
export function listenerConfigFromEnv(env: NodeJS.ProcessEnv): ListenerConfig {
  const values = parseEnv(
    {
      DATABASE_URL: z.string({ error: 'must be set' }).min(1),
      EIREL_INTERNAL_SERVICE_TOKEN: textEnv(),
      BITTENSOR_NETWORK: optionalEnv(z.string().trim().default('finney')),
      BITTENSOR_NETUID: z.coerce.number({ error: 'must be a number' }).int().min(0).max(65_535),
    },
    env,
  );
  return {
    listen: listenConfigFromEnv('EIREL_METAGRAPH_LISTENER_PORT', DEFAULT_PORT, env),
    databaseUrl: values.DATABASE_URL,
    internalToken: values.EIREL_INTERNAL_SERVICE_TOKEN ?? '',
    network: values.BITTENSOR_NETWORK,
    netuid: values.BITTENSOR_NETUID,
  };
}
