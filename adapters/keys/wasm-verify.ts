import { sr25519Verify } from '@polkadot/util-crypto';
import { NOT_SIGNED, unpackJobs } from './packed';

const PREFIX = Buffer.from('<Bytes>');
const SUFFIX = Buffer.from('</Bytes>');

/** Verdicts of packed jobs by WebAssembly, on the calling thread: several milliseconds for each signature. */
export function verifyPackedWasm(packed: Uint8Array): Uint8Array {
  return Uint8Array.from(unpackJobs(packed), ({ publicKey, signature, messages }) => {
    const index = messages.findIndex(
      (message) =>
        verifies(message, signature, publicKey) ||
        verifies(Buffer.concat([PREFIX, message, SUFFIX]), signature, publicKey),
    );
    return index < 0 ? NOT_SIGNED : index;
  });
}

function verifies(message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  try {
    return sr25519Verify(message, signature, publicKey);
  } catch {
    // Bytes that are no curve point or no canonical scalar make the library throw; they are an invalid signature.
    return false;
  }
}
