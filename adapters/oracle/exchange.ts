import { safeQuote } from '../llm';
import { isObject, VendorAnswer } from '../llm/vendor';
import { postJson, type ErrorReader } from '../llm/wire';
import type { OracleEndpoint } from './config';
import type { Protocol, Said } from './protocols';
import { OracleFailure, type Again } from './types';

/** Longest answer that is read, envelope and all; an oracle's is a few kilobytes. */
export const ANSWER_MAX_BYTES = 4 * 1024 * 1024;
/** What an outage looks like: tried again within seconds (evaluation.md 3.1). */
const SOON = new Set([429, 502, 503, 504]);
/** What an operator must mend: the key, the account, the model's name. */
const OPERATORS = new Set([401, 402, 403, 404, 408]);

/**
 * Makes one call under the endpoint's time limit.
 * @throws OracleFailure; the signal's reason when it fires
 */
export async function exchange(
  protocol: Protocol,
  endpoint: OracleEndpoint,
  secrets: readonly string[],
  signal: AbortSignal,
): Promise<Said> {
  const deadline = AbortSignal.timeout(endpoint.timeoutMs);
  try {
    const answer = await postJson({
      url: protocol.url,
      headers: protocol.headers,
      body: protocol.body,
      signal: AbortSignal.any([signal, deadline]),
      readError,
      maxBytes: ANSWER_MAX_BYTES,
    });
    return protocol.read(answer);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof OracleFailure) throw error;
    if (deadline.aborted) {
      throw new OracleFailure('timeout', 'soon', `no answer within ${endpoint.timeoutMs / 1000} s`);
    }
    throw failureOf(error, secrets);
  }
}

function failureOf(error: unknown, secrets: readonly string[]): OracleFailure {
  if (error instanceof VendorAnswer) {
    const said = safeQuote(error.message, secrets);
    const seconds = Number(error.retryAfter);
    return new OracleFailure('provider_error', againOf(error), `HTTP ${error.status}: ${said}`, {
      ...(Number.isFinite(seconds) && seconds > 0 ? { retryAfterSeconds: seconds } : {}),
    });
  }
  const message = safeQuote(error instanceof Error ? error.message : String(error), secrets);
  // JSON that cannot be read or never ends: the vendor, or something before it, is not itself.
  if (error instanceof SyntaxError || error instanceof RangeError) {
    return new OracleFailure('malformed_response', 'later', message);
  }
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return new OracleFailure('provider_error', 'soon', `not reached (${code ?? message})`);
}

function againOf(answer: VendorAnswer): Again {
  // A spent account answers 429 as well, and seconds do not fill it.
  if (answer.status === 429) return answer.code === 'insufficient_quota' ? 'later' : 'soon';
  if (SOON.has(answer.status)) return 'soon';
  // Gemini answers a wrong key with 400.
  const key = answer.status === 400 && /\bapi[ _-]?key\b/i.test(answer.message);
  return key || OPERATORS.has(answer.status) || answer.status >= 500 ? 'later' : 'never';
}

const readError: ErrorReader = (body) => {
  const error = isObject(body.error) ? body.error : {};
  const said = typeof body.error === 'string' ? body.error : (error.message ?? body.message ?? body.detail);
  const code = error.code ?? error.status ?? body.code ?? '';
  return {
    code: typeof code === 'string' ? code : '',
    message: typeof said === 'string' && said ? said : 'no reason given',
  };
};
