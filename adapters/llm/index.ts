export { createLlmClient, usageOf } from './client';
export {
  endpointBaseUrl,
  KNOWN_PROVIDERS,
  llmConfigFromEnv,
  OPENAI_COMPATIBLE_PROVIDERS,
  type LlmConfig,
  type LlmEndpoint,
} from './config';
export { LlmError, safeQuote, type LlmErrorKind } from './errors';
export { longestPauseMs } from './retry';
export type {
  ChatMessage,
  ChatRequest,
  ChatResult,
  LlmClient,
  RawChatRequest,
  RawChatResult,
  ResponseFormat,
} from './types';
