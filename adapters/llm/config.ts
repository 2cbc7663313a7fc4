import { z } from 'zod';

/** Vendors that speak the OpenAI chat-completions protocol and are called through it. */
export const OPENAI_COMPATIBLE_PROVIDERS = ['openai', 'openrouter', 'chutes'] as const;
/** Vendors that a miner may name; `anthropic` has its own wire protocol, which this version does not speak. */
export const KNOWN_PROVIDERS = [...OPENAI_COMPATIBLE_PROVIDERS, 'anthropic'] as const;
export type OpenAiCompatibleProvider = (typeof OPENAI_COMPATIBLE_PROVIDERS)[number];

const DEFAULT_BASE_URLS: Record<OpenAiCompatibleProvider, string> = {
  openai: 'https://api.openai.com/v1',
  openrouter: 'https://openrouter.ai/api/v1',
  chutes: 'https://llm.chutes.ai/v1',
};

/** Where one vendor is, and the key to it. */
export interface LlmEndpoint {
  /** Base URL up to, not including, `/chat/completions`. */
  baseUrl: string;
  apiKey: string;
}

/** Which vendors can be called, and how stubbornly. */
export interface LlmConfig {
  /** Endpoint by provider name; a name that is missing is not configured. */
  endpoints: Readonly<Record<string, LlmEndpoint>>;
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
 * (`.../v1/chat/completions`) are accepted.
 */
export function endpointBaseUrl(value: string): string {
  return value.replace(/\/+$/, '').replace(/\/chat\/completions$/, '');
}

/**
 * Reads `EIREL_PROVIDER_<NAME>_BASE_URL` and `_API_KEY` of every OpenAI-compatible vendor. One without a key is left
 * out, so that naming it gives `not_configured`.
 * @throws Error that names the variable which is wrong
 */
export function llmConfigFromEnv(env: NodeJS.ProcessEnv): LlmConfig {
  const endpoints: Record<string, LlmEndpoint> = {};
  for (const provider of OPENAI_COMPATIBLE_PROVIDERS) {
    const prefix = `EIREL_PROVIDER_${provider.toUpperCase()}`;
    const baseUrl = read(`${prefix}_BASE_URL`, optionalUrl, env) ?? DEFAULT_BASE_URLS[provider];
    const apiKey = env[`${prefix}_API_KEY`]?.trim();
    if (apiKey) endpoints[provider] = { baseUrl, apiKey };
  }
  const retries = z.preprocess(emptyAsMissing, z.coerce.number().int().min(0).max(10).default(3));
  const delay = z.preprocess(emptyAsMissing, z.coerce.number().min(0).max(60).default(1));
  return {
    endpoints,
    maxRetries: read('EIREL_PROVIDER_PROXY_MAX_RETRIES', retries, env),
    retryBaseDelayMs: Math.round(read('EIREL_PROVIDER_PROXY_RETRY_BASE_DELAY', delay, env) * 1000),
  };
}

function emptyAsMissing(value: unknown): unknown {
  return value === '' ? undefined : value;
}

function read<T>(name: string, schema: z.ZodType<T>, env: NodeJS.ProcessEnv): T {
  const parsed = schema.safeParse(env[name]);
  if (!parsed.success) throw new Error(`${name}: ${parsed.error.issues[0]?.message ?? 'is not valid'}`);
  return parsed.data;
}
