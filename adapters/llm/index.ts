export { createLlmClient } from './client';
export {
  DEFAULT_LIMIT,
  endpointBaseUrl,
  KNOWN_PROVIDERS,
  llmConfigFromEnv,
  type KnownProvider,
  type LlmConfig,
  type LlmEndpoint,
  type LlmProtocol,
} from './config';
export { LlmError, safeQuote, type LlmErrorKind } from './errors';
export type { Limit } from './gate';
export { usageOf } from './openai-shape';
export { longestPauseMs } from './retry';
export type {
  ChatMessage,
  ChatRequest,
  ChatResult,
  EmbeddingClient,
  LlmClient,
  RawChatRequest,
  RawChatResult,
  RawChatStream,
  ResponseFormat,
} from './types';
