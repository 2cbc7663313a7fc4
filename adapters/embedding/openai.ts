import OpenAI, { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai';
import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddingError, normalised, type Embedder, type EmbeddingPurpose } from './types';

/** An endpoint that speaks OpenAI's protocol for embeddings. */
export interface OpenAiEmbeddingConfig {
  /** Ends before `/embeddings`. */
  baseUrl: string;
  apiKey: string;
  model: string;
  /** The endpoint is the provider-proxy, which wants to know the job that a call is for. */
  throughProxy?: boolean;
  /** Pause before the first retry, in seconds; it doubles with each (0.5). */
  retrySeconds?: number;
}

const BATCH = 256;
const TIMEOUT_MS = 30_000;
const RETRIES = 3;
const RETRY_STATUS = new Set([429, 502, 503, 504]);
const LONGEST_PAUSE_MS = 30_000;

/**
 * Vectors from an OpenAI-compatible endpoint, 256 texts a call, 30 s each, three retries on a timeout, a broken
 * connection, 429, 502, 503 and 504; a Retry-After of up to 30 s is honoured.
 */
export function createOpenAiEmbedder(config: OpenAiEmbeddingConfig): Embedder {
  const client = new OpenAI({
    baseURL: config.baseUrl,
    apiKey: config.apiKey,
    maxRetries: 0,
    timeout: TIMEOUT_MS,
    // Taken from the environment unless given, and of no business here.
    organization: null,
    project: null,
  });
  const pauseMs = (config.retrySeconds ?? 0.5) * 1000;

  async function batch(input: string[], { job, signal }: EmbeddingPurpose): Promise<Float32Array[]> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const answer = await client.embeddings.create(
          { model: config.model, input, encoding_format: 'float' },
          {
            ...(signal ? { signal } : {}),
            ...(config.throughProxy ? { headers: { 'X-Eirel-Job-Id': job } } : {}),
          },
        );
        return inOrder(answer.data, input.length);
      } catch (error) {
        signal?.throwIfAborted();
        if (attempt >= RETRIES || !isPassing(error)) throw refusal(error, config.apiKey);
        await delay(
          Math.max(pauseMs * 2 ** attempt, retryAfterMs(error)),
          undefined,
          signal ? { signal } : {},
        );
      }
    }
  }

  return {
    name: config.model,
    async embed(texts, purpose) {
      const vectors: Float32Array[] = [];
      for (let start = 0; start < texts.length; start += BATCH) {
        vectors.push(...(await batch(texts.slice(start, start + BATCH), purpose)));
      }
      const length = vectors[0]?.length ?? 0;
      if (vectors.some((vector) => vector.length !== length)) {
        throw new EmbeddingError(`the model ${config.model} answered with vectors of different lengths`);
      }
      return vectors;
    },
  };
}

/** Takes the place of an endpoint that is not configured: every use says what to set. */
export function createMissingEmbedder(): Embedder {
  return {
    name: 'none',
    embed: () =>
      Promise.reject(
        new EmbeddingError(
          'no embedding is configured: set EIREL_PROVIDER_PROXY_URL and EIREL_PROVIDER_PROXY_TOKEN, or ' +
            'EIREL_RAG_EMBEDDING_BASE_URL and EIREL_RAG_EMBEDDING_API_KEY, or EIREL_RAG_EMBEDDING_MODEL=local-hash-v1 ' +
            'to work offline',
        ),
      ),
  };
}

function inOrder(data: readonly { index: number; embedding: unknown }[], expected: number): Float32Array[] {
  const vectors: (Float32Array | undefined)[] = new Array<Float32Array | undefined>(expected).fill(undefined);
  for (const { index, embedding } of Array.isArray(data) ? data : []) {
    const isVector =
      Array.isArray(embedding) && embedding.length > 0 && embedding.every((value) => Number.isFinite(value));
    if (isVector && Number.isInteger(index) && index >= 0 && index < expected) {
      vectors[index] = normalised(embedding as number[]);
    }
  }
  return vectors.map((vector) => {
    if (!vector)
      throw new EmbeddingError('the embedding endpoint did not answer with a vector for each text');
    return vector;
  });
}

function isPassing(error: unknown): boolean {
  if (error instanceof APIConnectionError) return true;
  // A spent budget answers 429 as well, and waiting does not fill it.
  if (!(error instanceof APIError) || error.code === 'insufficient_quota') return false;
  return RETRY_STATUS.has(Number(error.status));
}

function retryAfterMs(error: unknown): number {
  if (!(error instanceof APIError)) return 0;
  const seconds = Number((error.headers as Headers | undefined)?.get('retry-after') ?? 0);
  return Number.isFinite(seconds) ? Math.min(Math.max(0, seconds * 1000), LONGEST_PAUSE_MS) : 0;
}

function refusal(error: unknown, apiKey: string): EmbeddingError {
  if (error instanceof EmbeddingError) return error;
  if (error instanceof APIConnectionTimeoutError)
    return new EmbeddingError('the embedding endpoint did not answer in 30 s');
  if (error instanceof APIConnectionError)
    return new EmbeddingError('the embedding endpoint cannot be reached');
  const message = error instanceof Error ? error.message : String(error);
  return new EmbeddingError(
    `the embedding endpoint refused: ${message.replaceAll(apiKey, '[redacted]').slice(0, 300)}`,
  );
}
