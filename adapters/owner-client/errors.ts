/** The owner API was not reached: refused, reset, timed out. Nothing is known about what it did. */
export class OwnerUnreachable extends Error {
  override readonly name = 'OwnerUnreachable';
}

/** The owner API answered with a status other than 2xx. */
export class OwnerRefused extends Error {
  override readonly name = 'OwnerRefused';
  constructor(
    readonly status: number,
    /** `detail` of the body: a text, or the list of field errors of a 422. */
    readonly detail: unknown,
    readonly method: string,
    readonly path: string,
    /** Seconds to wait as the server asked, null when it did not. */
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(`${method} ${path} was refused with ${status}: ${describe(detail)}`);
  }
}

/** The owner API answered 2xx with a body that does not fit the contract. */
export class OwnerAnswerInvalid extends Error {
  override readonly name = 'OwnerAnswerInvalid';
}

function describe(detail: unknown): string {
  if (typeof detail === 'string') return detail || 'no reason given';
  return detail == null ? 'no reason given' : JSON.stringify(detail).slice(0, 500);
}

/** True for a failure after which the same request may succeed: no connection, 429, 502, 503 or 504. */
export function isTransient(error: unknown): boolean {
  if (error instanceof OwnerUnreachable) return true;
  return error instanceof OwnerRefused && [429, 502, 503, 504].includes(error.status);
}
