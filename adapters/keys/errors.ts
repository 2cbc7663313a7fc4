/** The wallet's folder or key file does not exist. */
export class WalletNotFound extends Error {
  override readonly name = 'WalletNotFound';
}

/** The key file is encrypted, and no password was given or not the right one. */
export class WalletEncrypted extends Error {
  override readonly name = 'WalletEncrypted';
}

/** The key file is not a key file, or its parts contradict each other. */
export class WalletInvalid extends Error {
  override readonly name = 'WalletInvalid';
}

/** No usable key is configured; the message names the variables and never their values. */
export class KeyConfigError extends Error {
  override readonly name = 'KeyConfigError';
}
