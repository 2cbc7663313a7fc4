/** Upper bounds of what a chat-completions payload can use, for reserving its price before it is sent. */

/** Output limit put into a payload that sets none, in tokens. */
export const DEFAULT_MAX_OUTPUT_TOKENS = 4096;
/** What one image, sound or file part may count at most, in tokens: the dearest vendor's dearest resolution. */
const TOKENS_PER_MEDIA_PART = 40_000;
/** Role markers and separators around one message, in tokens. */
const TOKENS_PER_MESSAGE = 16;
/** What a vendor adds of its own to a prompt that offers functions or wants JSON, in tokens. */
const TOKENS_OF_FRAME = 1024;
const MAX_CHOICES = 16;

/** Bounds in tokens, and the payload that keeps to them. */
export interface BoundedPayload {
  payload: Record<string, unknown>;
  promptTokens: number;
  outputTokens: number;
}

/**
 * Bounds a payload. A token of a byte-level tokenizer is at least one byte, so the bytes of everything that the model
 * reads bound its prompt; media parts are bounded apart, as their size says nothing. A payload that sets no output
 * limit gets one, since without it nothing would bound the price.
 * @throws RangeError, with words for the caller, when an output limit or `n` is not a whole number in range
 */
export function boundPayload(payload: Readonly<Record<string, unknown>>): BoundedPayload {
  const choices = wholeNumber(payload, 'n', 1, MAX_CHOICES) ?? 1;
  const limits = [
    wholeNumber(payload, 'max_completion_tokens', 1, 1_000_000),
    wholeNumber(payload, 'max_tokens', 1, 1_000_000),
  ].filter((limit) => limit !== undefined);
  const limit = limits.length > 0 ? Math.max(...limits) : DEFAULT_MAX_OUTPUT_TOKENS;
  const messages = Array.isArray(payload.messages) ? payload.messages : [];
  const bytes = Buffer.byteLength(JSON.stringify(payload), 'utf8');
  const framed = payload.tools !== undefined || payload.response_format !== undefined;
  return {
    payload: limits.length > 0 ? { ...payload } : { ...payload, max_tokens: DEFAULT_MAX_OUTPUT_TOKENS },
    promptTokens:
      bytes +
      messages.length * TOKENS_PER_MESSAGE +
      mediaParts(messages) * TOKENS_PER_MEDIA_PART +
      (framed ? TOKENS_OF_FRAME : 0),
    outputTokens: limit * choices,
  };
}

/**
 * A guess at tokens from text, four characters to one, for the vendors that answer without saying what they used.
 * @returns at least 1
 */
export function guessTokens(value: unknown): number {
  return Math.max(1, Math.floor((JSON.stringify(value)?.length ?? 0) / 4));
}

function mediaParts(messages: readonly unknown[]): number {
  let parts = 0;
  for (const message of messages) {
    const content = (message as { content?: unknown } | null)?.content;
    if (!Array.isArray(content)) continue;
    for (const part of content) if ((part as { type?: unknown } | null)?.type !== 'text') parts += 1;
  }
  return parts;
}

function wholeNumber(
  payload: Readonly<Record<string, unknown>>,
  key: string,
  min: number,
  max: number,
): number | undefined {
  const value = payload[key];
  if (value === undefined || value === null) return undefined;
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
    throw new RangeError(`payload.${key} must be a whole number from ${min} to ${max}`);
  }
  return value as number;
}
