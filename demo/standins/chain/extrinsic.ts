import type { GenericExtrinsic } from '@polkadot/types';
import { compactStripLength, hexToU8a } from '@polkadot/util';
import { blake2AsHex, blake2AsU8a, sr25519Verify } from '@polkadot/util-crypto';
import { addressOf } from '../../../adapters/keys/address';
import type { Runtime } from './runtime';

/** A refusal of the transaction pool, in the numbers and words of a real node. */
export class PoolError extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly data?: string,
  ) {
    super(message);
  }
}

export const invalid = (data: string): PoolError => new PoolError(1010, 'Invalid Transaction', data);
export const BAD_PROOF = 'Transaction has a bad signature';
export const STALE = 'Transaction is outdated';
export const FUTURE = 'Transaction will be valid in the future';
export const ANCIENT = 'Transaction has an ancient birth block';
export const PAYMENT = 'Inability to pay some fees (e.g. account balance too low)';

/** A signed extrinsic taken apart. */
export interface SignedExtrinsic {
  hex: string;
  hash: string;
  signer: string;
  publicKey: Uint8Array;
  signature: Uint8Array;
  nonce: number;
  tip: bigint;
  /** Birth block of a mortal one for the given current block; null when immortal. */
  birth(current: number): number | null;
  /** First block at which a mortal one is no longer valid; null when immortal. */
  death(current: number): number | null;
  call: GenericExtrinsic['method'];
  /** Bytes of the call and of the explicit part of the signed extensions. */
  callBytes: Uint8Array;
  extra: Uint8Array;
}

const SIGNED_V4 = 0x84;
const ADDRESS_ID = 0x00;
const SR25519 = 0x01;
const HEADER_BYTES = 1 + 33 + 65;

/**
 * Decodes an extrinsic with the node's metadata.
 * @throws PoolError when it cannot be decoded, is unsigned, or is signed with another scheme than sr25519
 */
export function parseExtrinsic(runtime: Runtime, hex: string): SignedExtrinsic {
  let extrinsic: GenericExtrinsic;
  let body: Uint8Array;
  try {
    const raw = hexToU8a(hex);
    const [total, rest] = compactStripLength(raw);
    extrinsic = runtime.registry.createType('Extrinsic', raw) as unknown as GenericExtrinsic;
    body = rest;
    // Trailing bytes or another spelling of the same content would be signed differently from what is stored.
    if (total !== raw.length || extrinsic.toHex() !== hex.toLowerCase())
      throw new Error('the encoding is not exact');
  } catch (error) {
    throw new PoolError(1001, 'Extrinsic has invalid format', (error as Error).message);
  }
  if (!extrinsic.isSigned)
    throw new PoolError(1011, 'Unknown Transaction Validity', 'Could not find an unsigned validator');
  if (body[0] !== SIGNED_V4 || body[1] !== ADDRESS_ID || body[34] !== SR25519) throw invalid(BAD_PROOF);
  const callBytes = extrinsic.method.toU8a();
  const publicKey = body.subarray(2, 34);
  const { era } = extrinsic;
  return {
    hex,
    hash: blake2AsHex(hexToU8a(hex)),
    signer: addressOf(publicKey),
    publicKey,
    signature: body.subarray(35, HEADER_BYTES),
    nonce: extrinsic.nonce.toNumber(),
    tip: extrinsic.tip.toBigInt(),
    birth: (current) => (era.isMortalEra ? era.asMortalEra.birth(current) : null),
    death: (current) => (era.isMortalEra ? era.asMortalEra.death(current) : null),
    call: extrinsic.method,
    callBytes,
    extra: body.subarray(HEADER_BYTES, body.length - callBytes.length),
  };
}

/**
 * Checks the signature over the payload that the runtime would build: call, explicit and implicit extension data, the
 * latter taken from this chain and not from the sender.
 * @param birthHash hash of the era's birth block, of block 0 for an immortal extrinsic
 */
export function hasValidSignature(
  runtime: Runtime,
  extrinsic: SignedExtrinsic,
  chain: { genesisHash: string; birthHash: string },
): boolean {
  const u32 = (value: number): Uint8Array => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return bytes;
  };
  const implicit: Record<string, () => Uint8Array> = {
    CheckSpecVersion: () => u32(runtime.specVersion),
    CheckTxVersion: () => u32(runtime.transactionVersion),
    CheckGenesis: () => hexToU8a(chain.genesisHash),
    CheckMortality: () => hexToU8a(chain.birthHash),
    // No metadata hash; the mode byte that would ask for one is checked by the caller.
    CheckMetadataHash: () => Uint8Array.of(0),
  };
  const parts = runtime.signedExtensions.map((name) => implicit[name]?.() ?? new Uint8Array());
  const payload = Buffer.concat([extrinsic.callBytes, extrinsic.extra, ...parts]);
  // The mode byte of CheckMetadataHash is the last explicit one; 0 is "disabled", all this node supports.
  if (runtime.signedExtensions.at(-1) === 'CheckMetadataHash' && extrinsic.extra.at(-1) !== 0) return false;
  const message = payload.length > 256 ? blake2AsU8a(payload) : payload;
  try {
    return sr25519Verify(message, extrinsic.signature, extrinsic.publicKey);
  } catch {
    // Bytes that are no signature at all make the library throw.
    return false;
  }
}
