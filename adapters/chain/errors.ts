/** No endpoint answered in time; nothing is known about the chain's state. Safe to ask again later. */
export class ChainUnavailable extends Error {
  override readonly name = 'ChainUnavailable';
  /** @param lost the connection broke under the call: a new one may well answer at once */
  constructor(
    message: string,
    readonly lost = false,
  ) {
    super(message);
  }
}

/** The node's answer cannot be true, such as no neurons in an existing subnet. Keep what was known before. */
export class ChainInconsistent extends Error {
  override readonly name = 'ChainInconsistent';
}

/** The network has no subnet with this netuid: check BITTENSOR_NETUID and BITTENSOR_NETWORK. */
export class SubnetMissing extends Error {
  override readonly name = 'SubnetMissing';
}

/** The node serves another chain than the configured one, so nothing may be signed for it. */
export class GenesisMismatch extends Error {
  override readonly name = 'GenesisMismatch';
}

/** A transfer was refused or failed; `outcomeUnknown` says that it may still be included later. */
export class TransferFailed extends Error {
  override readonly name = 'TransferFailed';
  constructor(
    message: string,
    readonly outcomeUnknown = false,
  ) {
    super(message);
  }
}

/** A setting of the chain connection is wrong; the message names the variable. */
export class ChainConfigError extends Error {
  override readonly name = 'ChainConfigError';
}
