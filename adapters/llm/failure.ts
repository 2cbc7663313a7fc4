import { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai';
import { LlmError, safeQuote, type LlmErrorDetails, type LlmErrorKind } from './errors';

/** What the caller knows about the attempt that failed. */
export interface AttemptContext {
  details: LlmErrorDetails;
  /** Texts that must not appear in a message. */
  secrets: readonly string[];
  timedOut: boolean;
  cancelled: boolean;
  timeoutMs: number;
}

/** Turns whatever the SDK threw into an `LlmError` of a definite kind. */
export function failureOf(error: unknown, context: AttemptContext): LlmError {
  const { details } = context;
  const { provider, model } = details;
  if (context.cancelled) return new LlmError('cancelled', `call to ${provider} was cancelled`, details);
  if (context.timedOut || error instanceof APIConnectionTimeoutError) {
    const seconds = context.timeoutMs / 1000;
    return new LlmError('timeout', `${provider} gave no answer within ${seconds} s`, details);
  }
  if (error instanceof APIConnectionError) {
    const reason = safeQuote(causeOf(error), context.secrets);
    return new LlmError('provider_down', `${provider} cannot be reached: ${reason}`, details);
  }
  if (error instanceof APIError && typeof error.status === 'number') {
    const status = error.status;
    const kind = kindOf(status, vendorCode(error), error.message);
    const said = safeQuote(error.message, context.secrets);
    const retryAfterSeconds = retryAfter(error.headers as Headers | undefined);
    return new LlmError(kind, `${describe(kind, provider, model)}: ${said}`, {
      ...details,
      status,
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    });
  }
  const said = safeQuote(error instanceof Error ? error.message : String(error), context.secrets);
  return new LlmError(
    'provider_down',
    `${provider} broke off or answered what cannot be read: ${said}`,
    details,
  );
}

function kindOf(status: number, code: string, message: string): LlmErrorKind {
  if (code === 'context_length_exceeded' || status === 413) return 'too_long';
  if (status === 400 && /maximum context length|too many tokens|context window/i.test(message))
    return 'too_long';
  if (status === 404 || code === 'model_not_found') return 'unknown_model';
  // A spent account answers 429 as well, and waiting does not fill it.
  if (status === 429) return code === 'insufficient_quota' ? 'refused' : 'rate_limited';
  if (status === 408) return 'timeout';
  return status >= 500 ? 'provider_down' : 'refused';
}

function describe(kind: LlmErrorKind, provider: string, model: string): string {
  switch (kind) {
    case 'unknown_model':
      return `${provider} does not know the model ${model}`;
    case 'rate_limited':
      return `${provider} limits the rate of calls`;
    case 'too_long':
      return `the prompt is too long for ${model} of ${provider}`;
    case 'provider_down':
      return `${provider} is not working`;
    case 'timeout':
      return `${provider} timed out`;
    default:
      return `${provider} refused the call`;
  }
}

function vendorCode(error: APIError): string {
  return typeof error.code === 'string' ? error.code : '';
}

function causeOf(error: Error): string {
  const parts: string[] = [];
  let current: unknown = error.cause ?? error;
  for (let depth = 0; depth < 4 && current instanceof Error; depth += 1) {
    const code = (current as NodeJS.ErrnoException).code;
    parts.push(code ?? current.message);
    current = current.cause;
  }
  return [...new Set(parts)].join(', ');
}

/** Seconds of a Retry-After header, as a number or a date; undefined when there is none that can be read. */
function retryAfter(headers: Headers | undefined): number | undefined {
  const value = headers?.get('retry-after')?.trim();
  if (!value) return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, (at - Date.now()) / 1000);
}
