import type { TokenUsage } from '../../domain/pricing/cost';

/** One message of a chat. */
export interface ChatMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

/** How the answer must be shaped: any JSON object, or one that follows a JSON Schema. */
export type ResponseFormat = 'json_object' | { name: string; schema: Record<string, unknown> };

/** A call in our own terms. */
export interface ChatRequest {
  provider: string;
  model: string;
  messages: readonly ChatMessage[];
  temperature?: number;
  /** Most tokens that the model may write, reasoning included. */
  maxTokens: number;
  responseFormat?: ResponseFormat;
  /** Time for one attempt, body included, in milliseconds. */
  timeoutMs: number;
  signal?: AbortSignal;
}

/** What came back. */
export interface ChatResult {
  text: string;
  finishReason: string | null;
  /** Null when the vendor did not say; what a call cost is then unknown, not zero. */
  usage: TokenUsage | null;
  /** The answer as an OpenAI chat completion: the vendor's own, or translated from its protocol. */
  raw: Record<string, unknown>;
  /** Time of all attempts together, in milliseconds. */
  latencyMs: number;
}

/** A call whose body somebody else wrote, passed through. */
export interface RawChatRequest {
  provider: string;
  model: string;
  /** OpenAI chat-completions body; `model` is overwritten, `stream` follows the method called. */
  payload: Readonly<Record<string, unknown>>;
  timeoutMs: number;
  signal?: AbortSignal;
}

export type RawChatResult = Pick<ChatResult, 'raw' | 'usage' | 'latencyMs'>;

/** An answer that comes in pieces. */
export interface RawChatStream {
  /** OpenAI chat-completion chunks, to be read once; the iteration throws `LlmError`. */
  chunks: AsyncIterable<Record<string, unknown>>;
  /** What the vendor has said of the use so far; complete once `chunks` has ended, null when it said nothing. */
  usage(): TokenUsage | null;
  /** Cuts the vendor off. Must be called when `chunks` is not read to its end. */
  stop(): void;
}

/** Model vendors behind one door. All calls throw `LlmError` and nothing else. */
export interface LlmClient {
  chat(request: ChatRequest): Promise<ChatResult>;
  chatRaw(request: RawChatRequest): Promise<RawChatResult>;
  /** Begins a stream, with retries until the vendor has accepted it; `timeoutMs` covers the whole of it. */
  chatStream(request: RawChatRequest): Promise<RawChatStream>;
}

/** Vectors of texts, from the vendors that speak OpenAI's protocol. */
export interface EmbeddingClient {
  /**
   * @param request its payload is an OpenAI embeddings body
   * @throws LlmError and nothing else; `refused` for a vendor that has no embeddings
   */
  embeddings(request: RawChatRequest): Promise<RawChatResult>;
}
