/** Byte strings with a 64-bit little-endian length in front, as arkworks writes a `Vec<u8>`. */

const LENGTH_BYTES = 8;

export function concat(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

export function vec(bytes: Uint8Array): Uint8Array {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return concat(length, bytes);
}

/** Reads such strings one after another. @throws Error when the bytes end too early or too late */
export class ByteReader {
  private offset = 0;

  constructor(private readonly bytes: Uint8Array) {}

  take(count: number): Uint8Array {
    if (count > this.bytes.length - this.offset) throw new Error('the ciphertext ends too early');
    this.offset += count;
    return this.bytes.subarray(this.offset - count, this.offset);
  }

  vec(): Uint8Array {
    const length = Buffer.from(this.take(LENGTH_BYTES)).readBigUInt64LE();
    if (length > BigInt(this.bytes.length)) throw new Error('the ciphertext ends too early');
    return this.take(Number(length));
  }

  end(): void {
    if (this.offset !== this.bytes.length) throw new Error('the ciphertext goes on after its end');
  }
}
