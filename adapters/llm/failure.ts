import { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai';
import { LlmError, safeQuote, type LlmErrorDetails, type LlmErrorKind } from './errors';
import { QueueFull } from './gate';
import { NotExpressible, VendorAnswer } from './vendor';

/** What the caller knows about the attempt that failed. */
export interface AttemptContext {
  details: LlmErrorDetails;
  /** Texts that must not appear in a message. */
  secrets: readonly string[];
  /** False while the call still waits for its turn. */
  sent: boolean;
  timedOut: boolean;
  cancelled: boolean;
  timeoutMs: number;
}

/** Turns whatever an attempt threw into an `LlmError` of a definite kind. */
export function failureOf(error: unknown, context: AttemptContext): LlmError {
  const { details } = context;
  const { provider, model } = details;
  if (error instanceof LlmError) return error;
  if (context.cancelled) return new LlmError('cancelled', `call to ${provider} was cancelled`, details);
  if (error instanceof QueueFull) {
    return new LlmError(
      'rate_limited',
      `too many calls to ${provider}: ${error.message}; try again`,
      details,
    );
  }
  if (context.timedOut || error instanceof APIConnectionTimeoutError) {
    const seconds = context.timeoutMs / 1000;
    return context.sent
      ? new LlmError('timeout', `${provider} gave no answer within ${seconds} s`, details)
      : new LlmError('rate_limited', `no call to ${provider} became free within ${seconds} s`, details);
  }
  if (error instanceof NotExpressible) return new LlmError('refused', error.message, details);
  const answer = answerOf(error);
  if (answer) {
    const { status } = answer;
    const kind = kindOf(answer);
    const said = safeQuote(answer.message, context.secrets);
    const retryAfterSeconds = secondsOf(answer.retryAfter);
    return new LlmError(kind, `${describe(kind, provider, model)}: ${said}`, {
      ...details,
      status,
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    });
  }
  const reached = error instanceof SyntaxError || error instanceof RangeError || error instanceof APIError;
  if (error instanceof APIConnectionError || (!reached && isConnectionError(error))) {
    const reason = safeQuote(causeOf(error as Error), context.secrets);
    return new LlmError('provider_down', `${provider} cannot be reached: ${reason}`, details);
  }
  const said = safeQuote(error instanceof Error ? error.message : String(error), context.secrets);
  return new LlmError(
    'provider_down',
    `${provider} broke off or answered what cannot be read: ${said}`,
    // The vendor has done the work; asking again would do it, and be billed, twice.
    { ...details, status: 200 },
  );
}

interface Answered {
  status: number;
  code: string;
  message: string;
  retryAfter: string | undefined;
}

function answerOf(error: unknown): Answered | null {
  if (error instanceof VendorAnswer) return error;
  if (error instanceof APIError && typeof error.status === 'number') {
    const { status, message } = error;
    const code = typeof error.code === 'string' ? error.code : '';
    const headers = error.headers as Headers | undefined;
    return { status, code, message, retryAfter: headers?.get('retry-after') ?? undefined };
  }
  return null;
}

function isConnectionError(error: unknown): boolean {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' && /^(UND_ERR_|E[A-Z]+$)/.test(code);
}

const TOO_LONG =
  /maximum context length|too many tokens|context window|prompt is too long|exceeds the maximum number of tokens/i;

function kindOf({ status, code, message }: Answered): LlmErrorKind {
  if (code === 'context_length_exceeded' || status === 413) return 'too_long';
  if (status === 400 && TOO_LONG.test(message)) return 'too_long';
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
function secondsOf(header: string | undefined): number | undefined {
  const value = header?.trim();
  if (!value) return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, (at - Date.now()) / 1000);
}
