/**
 * Signatures to verify, packed so that many of them go to another thread as one piece of memory. A job is a public key
 * (32 bytes), a signature (64), the number of its messages (1), and each message after its length (u32, little endian).
 * Its verdict is the index of the first message that was signed, as it is or `<Bytes>`-wrapped, or 255 for none.
 */

/** One signature and the messages that it may be over. */
export interface VerifyJob {
  /** 32 bytes. */
  publicKey: Uint8Array;
  /** 64 bytes. */
  signature: Uint8Array;
  /** In order of preference, fewer than 255. */
  messages: readonly Uint8Array[];
}

/** The verdict of a job none of whose messages was signed. */
export const NOT_SIGNED = 255;

const HEAD = 32 + 64 + 1;

/** @throws RangeError for a key or signature of another length, or too many messages */
export function packJobs(jobs: readonly VerifyJob[]): Buffer {
  let size = 0;
  for (const { publicKey, signature, messages } of jobs) {
    if (publicKey.length !== 32 || signature.length !== 64 || messages.length >= NOT_SIGNED) {
      throw new RangeError('a job has a key of 32 bytes, a signature of 64, and fewer than 255 messages');
    }
    size += HEAD + messages.reduce((sum, message) => sum + 4 + message.length, 0);
  }
  const packed = Buffer.allocUnsafe(size);
  let at = 0;
  for (const { publicKey, signature, messages } of jobs) {
    packed.set(publicKey, at);
    packed.set(signature, at + 32);
    packed[at + 96] = messages.length;
    at += HEAD;
    for (const message of messages) {
      packed.writeUInt32LE(message.length, at);
      packed.set(message, at + 4);
      at += 4 + message.length;
    }
  }
  return packed;
}

/** The inverse of `packJobs`. */
export function unpackJobs(packed: Uint8Array): VerifyJob[] {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const jobs: VerifyJob[] = [];
  for (let at = 0; at < packed.length;) {
    const publicKey = packed.subarray(at, at + 32);
    const signature = packed.subarray(at + 32, at + 96);
    const count = packed[at + 96] ?? 0;
    at += HEAD;
    const messages: Uint8Array[] = [];
    for (let index = 0; index < count; index += 1) {
      const length = view.getUint32(at, true);
      messages.push(packed.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    jobs.push({ publicKey, signature, messages });
  }
  return jobs;
}
