/** One vendor's wire protocol, behind the shape of OpenAI's chat completions, which the rest of the product speaks. */
export interface Vendor {
  /**
   * Makes one call.
   * @param payload an OpenAI chat-completions body with its `model`, not streaming
   * @returns an OpenAI chat completion, with `usage` when the vendor told it
   */
  complete(payload: ChatPayload, signal: AbortSignal): Promise<Record<string, unknown>>;
  /**
   * Begins one stream; resolves when the vendor has accepted the call.
   * @param payload as `complete`
   * @returns OpenAI chat-completion chunks; the counts so far come in the `usage` of a chunk, the last one counts
   */
  stream(payload: ChatPayload, signal: AbortSignal): Promise<AsyncIterable<Record<string, unknown>>>;
  /**
   * Makes vectors, where the vendor's protocol has them.
   * @param payload an OpenAI embeddings body with its `model`
   * @returns OpenAI's list of embeddings
   */
  embed?(payload: ChatPayload, signal: AbortSignal): Promise<Record<string, unknown>>;
}

/** An OpenAI chat-completions body. */
export type ChatPayload = Readonly<Record<string, unknown>> & { readonly model: string };

/** The vendor answered, with an error. */
export class VendorAnswer extends Error {
  override readonly name = 'VendorAnswer';
  constructor(
    readonly status: number,
    /** The vendor's own word for the error; empty when it has none. */
    readonly code: string,
    message: string,
    /** Value of the Retry-After header. */
    readonly retryAfter: string | undefined,
  ) {
    super(message);
  }
}

/** The payload asks for what the vendor's protocol cannot express; nothing was sent. */
export class NotExpressible extends Error {
  override readonly name = 'NotExpressible';
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** The objects among the items of a value; none when it is not a list. */
export function objectsOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
