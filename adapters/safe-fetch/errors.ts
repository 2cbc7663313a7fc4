/** The URL, or an address behind it, is not one that may be fetched. The reason is meant for the caller. */
export class SsrfBlocked extends Error {
  override readonly name = 'SsrfBlocked';
  constructor(readonly reason: string) {
    super(`refused: ${reason}`);
  }
}

/** The fetch was tried and failed. The reason is meant for the caller and names no address. */
export class FetchFailed extends Error {
  override readonly name = 'FetchFailed';
  constructor(
    readonly reason: string,
    readonly kind:
      'timeout' | 'network' | 'protocol' | 'too_many_redirects' | 'content_type' | 'robots' | 'cancelled',
  ) {
    super(reason);
  }
}

/** The host was asked as often as it may be for now. */
export class HostRateLimited extends Error {
  override readonly name = 'HostRateLimited';
  constructor(
    readonly host: string,
    readonly retryAfterMs: number,
  ) {
    super(`too many requests to ${host}`);
  }
}

/** How often the host was asked cannot be told; it is then not asked. */
export class HostRateUnknown extends Error {
  override readonly name = 'HostRateUnknown';
  constructor(options: ErrorOptions) {
    super('requests to the host cannot be counted', options);
  }
}
