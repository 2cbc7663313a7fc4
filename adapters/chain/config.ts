import { z } from 'zod';
import { ChainConfigError } from './errors';
import type { ChainConfig } from './types';

/** Genesis hash of the Bittensor mainnet. */
export const MAINNET_GENESIS = '0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03';

/** Networks by name (chain.md section 1); finney has its public fallbacks after the main entry. */
export const NETWORKS: Readonly<
  Record<string, { endpoints: readonly string[]; genesis: string | null; archive?: readonly string[] }>
> = {
  finney: {
    endpoints: [
      'wss://entrypoint-finney.opentensor.ai:443',
      'wss://lite.chain.opentensor.ai:443',
      'wss://lite.sub.latent.to:443',
    ],
    genesis: MAINNET_GENESIS,
    archive: ['wss://archive.chain.opentensor.ai:443'],
  },
  test: { endpoints: ['wss://test.finney.opentensor.ai:443'], genesis: null },
  archive: { endpoints: ['wss://archive.chain.opentensor.ai:443'], genesis: MAINNET_GENESIS },
  local: { endpoints: ['ws://127.0.0.1:9944'], genesis: null },
};

const DEFAULT_CALL_TIMEOUT_SECONDS = 30;
const PUBLIC_MAX_LAG_SECONDS = 180;

const endpoint = z
  .string()
  .regex(/^wss?:\/\/[^\s/]+/, 'must start with ws:// or wss:// and name a host')
  .refine((text) => URL.canParse(text), 'is not an address');
const blank = (value: unknown): unknown =>
  typeof value === 'string' && value.trim() === '' ? undefined : value;

const schema = z.object({
  BITTENSOR_NETWORK: z.preprocess(blank, z.string().trim().default('finney')),
  BITTENSOR_NETUID: z.preprocess(
    blank,
    z.coerce.number({ error: 'must be a number' }).int().min(1).max(65_535),
  ),
  EIREL_CHAIN_ENDPOINTS: z.preprocess(blank, z.string().optional()),
  EIREL_CHAIN_ARCHIVE_ENDPOINTS: z.preprocess(blank, z.string().optional()),
  EIREL_CHAIN_MAX_LAG_SECONDS: z.preprocess(blank, z.coerce.number().positive().optional()),
  EIREL_CHAIN_CALL_TIMEOUT_SECONDS: z.preprocess(
    blank,
    z.coerce.number().min(0.1).max(600).default(DEFAULT_CALL_TIMEOUT_SECONDS),
  ),
  EIREL_CHAIN_EXPECTED_GENESIS: z.preprocess(
    blank,
    z
      .string()
      .trim()
      .regex(/^0x[0-9a-fA-F]{64}$/, 'must be 0x and 64 hex digits')
      .optional(),
  ),
});

/**
 * Chain settings from the environment: BITTENSOR_NETWORK (a name of `NETWORKS` or a ws address, default finney),
 * BITTENSOR_NETUID, EIREL_CHAIN_ENDPOINTS (comma list that replaces the network's own), EIREL_CHAIN_CALL_TIMEOUT_SECONDS
 * (default 30), EIREL_CHAIN_ARCHIVE_ENDPOINTS (asked for pruned state), EIREL_CHAIN_MAX_LAG_SECONDS and
 * EIREL_CHAIN_EXPECTED_GENESIS (default: the mainnet's for finney and archive, unchecked otherwise).
 * @throws ChainConfigError naming every variable that is wrong
 */
export function chainConfigFromEnv(env: NodeJS.ProcessEnv): ChainConfig {
  const parsed = schema.safeParse(env);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new ChainConfigError(`the chain is not configured: ${lines.join('; ')}`);
  }
  const values = parsed.data;
  const network = values.BITTENSOR_NETWORK;
  const known = Object.hasOwn(NETWORKS, network) ? NETWORKS[network] : undefined;
  if (!known && !endpoint.safeParse(network).success) {
    const names = Object.keys(NETWORKS).join(', ');
    throw new ChainConfigError(
      `BITTENSOR_NETWORK: "${network}" is neither one of ${names} nor a ws:// or wss:// address`,
    );
  }
  const listed = addresses('EIREL_CHAIN_ENDPOINTS', values.EIREL_CHAIN_ENDPOINTS);
  const archive = addresses('EIREL_CHAIN_ARCHIVE_ENDPOINTS', values.EIREL_CHAIN_ARCHIVE_ENDPOINTS);
  const own = known ? [...known.endpoints] : [network];
  return {
    network,
    endpoints: listed.length > 0 ? listed : own,
    netuid: values.BITTENSOR_NETUID,
    callTimeoutMs: Math.round(values.EIREL_CHAIN_CALL_TIMEOUT_SECONDS * 1000),
    expectedGenesis: values.EIREL_CHAIN_EXPECTED_GENESIS?.toLowerCase() ?? known?.genesis ?? null,
    archiveEndpoints: archive.length > 0 ? archive : [...(known?.archive ?? [])],
    // The public networks make a block each 12 s; what a development chain does is its owner's business.
    maxLagSeconds: values.EIREL_CHAIN_MAX_LAG_SECONDS ?? (known?.genesis ? PUBLIC_MAX_LAG_SECONDS : null),
  };
}

function addresses(name: string, list: string | undefined): string[] {
  const found = (list ?? '')
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '');
  for (const text of found) {
    const check = endpoint.safeParse(text);
    if (!check.success) {
      throw new ChainConfigError(`${name}: "${text}" ${check.error.issues[0]?.message ?? 'is wrong'}`);
    }
  }
  return found;
}
