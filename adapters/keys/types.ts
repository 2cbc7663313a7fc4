/**
 * An sr25519 account that can sign. Coldkeys fit it as well, so anything that pays takes one of these too.
 * The secret stays inside the object: nothing here gives it back.
 */
export interface Hotkey {
  /** Address with network prefix 42. */
  readonly ss58: string;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /**
   * Signs with sr25519 under the `substrate` context.
   * @param message text (signed as UTF-8) or raw bytes
   * @returns `0x` followed by 128 lowercase hex digits
   */
  sign(message: string | Uint8Array): string;
}
