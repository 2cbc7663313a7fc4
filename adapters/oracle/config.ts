import { z } from 'zod';
import { ORACLE_VENDORS, type EnrichmentSide, type OracleVendor } from '../../domain/oracle/record';
import { USABLE_ORACLES_MIN } from '../../domain/oracle/settle';
import { priceTable, type PriceTable } from '../../domain/pricing/prices';
import { endpointBaseUrl } from '../llm';

/** One model of the oracle layer, with its own time limit, retries and rate. */
export interface OracleEndpoint {
  baseUrl: string;
  apiKey: string;
  model: string;
  timeoutMs: number;
  /** Most tokens that it may write. */
  maxTokens: number;
  /** Attempts of one round, at 0.5, 1, 2 seconds from each other. */
  attempts: number;
  /** Calls per second, over all workers of its queue. */
  perSecond: number;
  /** Calls at once, of one worker. */
  maxConcurrency: number;
}

export type OracleRole = OracleVendor | 'reconciler';

/** The oracle layer's settings (evaluation.md 3.1). */
export interface OracleConfig {
  endpoints: Partial<Record<OracleRole, OracleEndpoint>>;
  /** Whose answer is the pairwise reference. */
  referenceVendor: OracleVendor;
  prices: PriceTable;
  /** How long an outage is waited out before a task counts as not enriched. */
  giveUpSeconds: number;
  /** First pause between two rounds; it doubles up to ten minutes. */
  roundSeconds: number;
}

const DEFAULTS: Record<OracleRole, { baseUrl: string; model: string }> = {
  openai: { baseUrl: 'https://api.openai.com/v1', model: 'gpt-5.4' },
  gemini: {
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta',
    model: 'gemini-3.1-pro-preview',
  },
  grok: { baseUrl: 'https://api.x.ai/v1', model: 'grok-4.3' },
  reconciler: { baseUrl: 'https://llm.chutes.ai/v1', model: 'zai-org/GLM-5.1-TEE' },
};
export const ORACLE_ROLES: readonly OracleRole[] = [...ORACLE_VENDORS, 'reconciler'];

/** Variables of the owner's go first; the validator's names work on either side. */
const PREFIXES = (role: OracleRole): string[] =>
  role === 'reconciler'
    ? ['EIREL_RECONCILER', 'EIREL_VALIDATOR_RECONCILER']
    : [`EIREL_ORACLE_${role.toUpperCase()}`, `EIREL_VALIDATOR_ORACLE_${role.toUpperCase()}`];

/**
 * Reads the oracle layer's settings. A model is configured by its key; base URL and name have defaults.
 * @throws Error that names the variable which is wrong
 */
export function oracleConfigFromEnv(env: NodeJS.ProcessEnv): OracleConfig {
  const timeout =
    read(env, ['EIREL_ORACLE_TIMEOUT_S', 'EIREL_VALIDATOR_ORACLE_TIMEOUT_S'], seconds(3600)) ?? 30;
  const endpoints: OracleConfig['endpoints'] = {};
  for (const role of ORACLE_ROLES) {
    const endpoint = endpointOf(env, role, timeout);
    if (endpoint) endpoints[role] = endpoint;
  }
  const preferred = (
    env.EIREL_ORACLE_PAIRWISE_REFERENCE_VENDOR ??
    env.EIREL_VALIDATOR_PAIRWISE_REFERENCE_VENDOR ??
    ''
  )
    .trim()
    .toLowerCase();
  return {
    endpoints,
    referenceVendor: ORACLE_VENDORS.find((vendor) => vendor === preferred) ?? 'openai',
    prices: priceTable(env.EIREL_LLM_PRICING_JSON),
    giveUpSeconds: read(env, ['EIREL_ENRICHMENT_GIVE_UP_SECONDS'], seconds(7 * 86_400)) ?? 3600,
    roundSeconds: read(env, ['EIREL_ENRICHMENT_ROUND_SECONDS'], seconds(3600)) ?? 30,
  };
}

function endpointOf(env: NodeJS.ProcessEnv, role: OracleRole, timeoutSeconds: number): OracleEndpoint | null {
  const names = (suffix: string): string[] => PREFIXES(role).map((prefix) => `${prefix}_${suffix}`);
  const apiKey = read(env, names('API_KEY'), z.string());
  if (apiKey === undefined) return null;
  const defaults = DEFAULTS[role];
  const url = z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' });
  return {
    apiKey,
    baseUrl: endpointBaseUrl(read(env, names('BASE_URL'), url) ?? defaults.baseUrl),
    model: read(env, names('MODEL'), z.string()) ?? defaults.model,
    timeoutMs: Math.round((read(env, names('TIMEOUT_SECONDS'), seconds(3600)) ?? timeoutSeconds) * 1000),
    maxTokens: read(env, names('MAX_TOKENS'), whole(1_000_000)) ?? 4096,
    attempts: read(env, names('ATTEMPTS'), whole(20)) ?? 4,
    perSecond: read(env, names('PER_SECOND'), seconds(1000)) ?? 2,
    maxConcurrency: read(env, names('MAX_CONCURRENCY'), whole(1000)) ?? 8,
  };
}

/** Whether anything can be reconciled: two oracles and the reconciler (evaluation.md 3.3). */
export function layerConfigured(config: Pick<OracleConfig, 'endpoints'>): boolean {
  return config.endpoints.reconciler !== undefined && vendorsOf(config).length >= USABLE_ORACLES_MIN;
}

/** What a layer that is not configured lacks, for the operator; empty when it lacks nothing. */
export function missingVariables(config: Pick<OracleConfig, 'endpoints'>): string[] {
  if (layerConfigured(config)) return [];
  const missing = ORACLE_ROLES.filter((role) => !config.endpoints[role]);
  return missing.map((role) => `${PREFIXES(role)[0]}_API_KEY`);
}

/** The oracles that are configured, in their order. */
export function vendorsOf(config: Pick<OracleConfig, 'endpoints'>): OracleVendor[] {
  return ORACLE_VENDORS.filter((vendor) => config.endpoints[vendor] !== undefined);
}

const enrichmentMode = z
  .enum(['', 'owner', 'validator'], { error: 'EIREL_ENRICHMENT must be owner or validator' })
  .default('');

/**
 * On whose side tasks are enriched (decision 4): as `EIREL_ENRICHMENT` says, else the owner's where it has oracle keys.
 * @throws ZodError for any other word
 */
export function enrichmentSide(env: NodeJS.ProcessEnv): EnrichmentSide {
  const said = enrichmentMode.parse(env.EIREL_ENRICHMENT?.trim());
  return said || (layerConfigured(oracleConfigFromEnv(env)) ? 'owner' : 'validator');
}

const seconds = (max: number) => z.coerce.number().positive().max(max);
const whole = (max: number) => z.coerce.number().int().min(1).max(max);

/** The first of several variables that is set. */
function read<T extends z.ZodType>(
  env: NodeJS.ProcessEnv,
  names: readonly string[],
  schema: T,
): z.output<T> | undefined {
  const name = names.find((candidate) => env[candidate]?.trim());
  if (name === undefined) return undefined;
  const parsed = schema.safeParse(env[name]?.trim());
  if (!parsed.success) throw new Error(`${name}: ${parsed.error.issues[0]?.message ?? 'is not valid'}`);
  return parsed.data;
}
