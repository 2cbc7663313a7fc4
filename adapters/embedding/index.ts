import { createMissingEmbedder, createOpenAiEmbedder, type OpenAiEmbeddingConfig } from './openai';
import { localHashEmbedder } from './local';
import type { Embedder } from './types';

export { localHashEmbedder } from './local';
export { createMissingEmbedder, createOpenAiEmbedder, type OpenAiEmbeddingConfig } from './openai';
export { EmbeddingError, normalised, type Embedder, type EmbeddingPurpose } from './types';

/** Which embedding to use: the offline one, an endpoint, or none yet. */
export type EmbeddingConfig =
  { kind: 'local' } | ({ kind: 'openai' } & OpenAiEmbeddingConfig) | { kind: 'none' };

/** The embedder of a configuration. */
export function createEmbedder(config: EmbeddingConfig): Embedder {
  if (config.kind === 'local') return localHashEmbedder;
  return config.kind === 'openai' ? createOpenAiEmbedder(config) : createMissingEmbedder();
}
