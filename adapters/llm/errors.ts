/** Why a model call gave no answer, in words that a caller can act on. */
export type LlmErrorKind =
  | 'not_configured'
  | 'unknown_model'
  | 'refused'
  | 'rate_limited'
  | 'too_long'
  | 'provider_down'
  | 'timeout'
  | 'cancelled';

/** What is known about a failure beside its kind. */
export interface LlmErrorDetails {
  provider: string;
  model: string;
  /** HTTP status of the vendor, when it answered. */
  status?: number;
  /** Seconds after which the vendor says to come back. */
  retryAfterSeconds?: number;
}

/**
 * A failed model call. The message may quote the vendor, cut to a few hundred characters and with credentials
 * taken out, so that it can be logged and shown.
 */
export class LlmError extends Error {
  override readonly name = 'LlmError';
  readonly provider: string;
  readonly model: string;
  readonly status: number | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly kind: LlmErrorKind,
    message: string,
    details: LlmErrorDetails,
  ) {
    super(message);
    this.provider = details.provider;
    this.model = details.model;
    this.status = details.status;
    this.retryAfterSeconds = details.retryAfterSeconds;
  }

  /**
   * True when the same call may succeed if it is simply made again later. A timeout is not retried here: it has
   * used its caller's time up, and the vendor may have done and billed the work.
   */
  get retryable(): boolean {
    return this.kind === 'rate_limited' || this.kind === 'provider_down';
  }
}

const QUOTE_MAX_CHARS = 300;

/** Cuts a vendor's text to what may be shown: no credentials, one line, a few hundred characters. */
export function safeQuote(text: string, secrets: readonly string[]): string {
  let out = text;
  for (const secret of secrets) if (secret) out = out.split(secret).join('[redacted]');
  out = out
    .replace(/\b(Bearer)\s+[^\s"',]+/gi, '$1 [redacted]')
    .replace(/\b(sk|cpk|pk|rk|xai)[-_][A-Za-z0-9_.*-]{8,}/g, '[redacted]')
    .replace(/\bAIza[A-Za-z0-9_-]{8,}/g, '[redacted]')
    .replace(/\s+/g, ' ')
    .trim();
  return out.length > QUOTE_MAX_CHARS ? `${out.slice(0, QUOTE_MAX_CHARS)}...` : out;
}
