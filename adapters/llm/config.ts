import { z } from 'zod';
import type { Limit } from './gate';

/** The vendors that can be called. */
export const KNOWN_PROVIDERS = ['openai', 'openrouter', 'chutes', 'anthropic', 'gemini', 'xai'] as const;
export type KnownProvider = (typeof KNOWN_PROVIDERS)[number];

/** How a vendor is spoken to. */
export type LlmProtocol = 'openai' | 'anthropic' | 'gemini';

interface VendorDefaults {
  baseUrl: string;
  protocol: LlmProtocol;
}

const DEFAULTS: Record<KnownProvider, VendorDefaults> = {
  openai: { baseUrl: 'https://api.openai.com/v1', protocol: 'openai' },
  openrouter: { baseUrl: 'https://openrouter.ai/api/v1', protocol: 'openai' },
  chutes: { baseUrl: 'https://llm.chutes.ai/v1', protocol: 'openai' },
  anthropic: { baseUrl: 'https://api.anthropic.com/v1', protocol: 'anthropic' },
  gemini: { baseUrl: 'https://generativelanguage.googleapis.com/v1beta', protocol: 'gemini' },
  xai: { baseUrl: 'https://api.x.ai/v1', protocol: 'openai' },
};

/** What a vendor gets at once when nothing else is configured. */
export const DEFAULT_LIMIT: Limit = { maxConcurrency: 64, maxQueue: 256 };

/** Where one vendor is, and the key to it. */
export interface LlmEndpoint {
  /** Base URL up to, not including, `/chat/completions`, `/messages` or `/models`. */
  baseUrl: string;
  apiKey: string;
  /** OpenAI's when it is left out. */
  protocol?: LlmProtocol;
}

/** Which vendors can be called, and how stubbornly. */
export interface LlmConfig {
  /** Endpoint by provider name; a name that is missing is not configured. */
  endpoints: Readonly<Record<string, LlmEndpoint>>;
  /** Bounds by provider name; `DEFAULT_LIMIT` for one that is missing. */
  limits?: Readonly<Record<string, Limit>>;
  /** Further attempts after the first; 0 means one attempt. */
  maxRetries: number;
  /** Delay before the first further attempt in milliseconds; doubles with each. */
  retryBaseDelayMs: number;
}

const url = z
  .url({ protocol: /^https?$/, error: 'must be an http(s) URL' })
  .transform((value) => endpointBaseUrl(value));
const optionalUrl = z.preprocess((value) => (value === '' ? undefined : value), url.optional());

/**
 * The form of a base URL that calls are made under: both the vendor's base (`.../v1`) and the full endpoint
 * (`.../v1/chat/completions`, `.../v1/messages`, `.../v1beta/models`) are accepted.
 */
export function endpointBaseUrl(value: string): string {
  return value.replace(/\/+$/, '').replace(/\/(chat\/completions|messages|models)$/, '');
}

/**
 * Reads of every vendor `EIREL_PROVIDER_<NAME>_API_KEY`, `_BASE_URL`, `_MAX_CONCURRENCY` (64) and `_MAX_QUEUE` (256).
 * One without a key is left out, so that naming it gives `not_configured`.
 * @throws Error that names the variable which is wrong
 */
export function llmConfigFromEnv(env: NodeJS.ProcessEnv): LlmConfig {
  const endpoints: Record<string, LlmEndpoint> = {};
  const limits: Record<string, Limit> = {};
  for (const provider of KNOWN_PROVIDERS) {
    const prefix = `EIREL_PROVIDER_${provider.toUpperCase()}`;
    const defaults = DEFAULTS[provider];
    const baseUrl = read(`${prefix}_BASE_URL`, optionalUrl, env) ?? defaults.baseUrl;
    const limit = {
      maxConcurrency: read(`${prefix}_MAX_CONCURRENCY`, whole(DEFAULT_LIMIT.maxConcurrency, 1), env),
      maxQueue: read(`${prefix}_MAX_QUEUE`, whole(DEFAULT_LIMIT.maxQueue, 0), env),
    };
    const apiKey = env[`${prefix}_API_KEY`]?.trim();
    if (!apiKey) continue;
    const { protocol } = defaults;
    endpoints[provider] = { baseUrl, apiKey, ...(protocol === 'openai' ? {} : { protocol }) };
    limits[provider] = limit;
  }
  const retries = z.preprocess(emptyAsMissing, z.coerce.number().int().min(0).max(10).default(3));
  const delay = z.preprocess(emptyAsMissing, z.coerce.number().min(0).max(60).default(1));
  return {
    endpoints,
    limits,
    maxRetries: read('EIREL_PROVIDER_PROXY_MAX_RETRIES', retries, env),
    retryBaseDelayMs: Math.round(read('EIREL_PROVIDER_PROXY_RETRY_BASE_DELAY', delay, env) * 1000),
  };
}

function whole(fallback: number, min: number) {
  return z.preprocess(emptyAsMissing, z.coerce.number().int().min(min).max(100_000).default(fallback));
}

function emptyAsMissing(value: unknown): unknown {
  return value === '' ? undefined : value;
}

function read<T>(name: string, schema: z.ZodType<T>, env: NodeJS.ProcessEnv): T {
  const parsed = schema.safeParse(env[name]);
  if (!parsed.success) throw new Error(`${name}: ${parsed.error.issues[0]?.message ?? 'is not valid'}`);
  return parsed.data;
}
