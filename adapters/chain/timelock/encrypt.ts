/**
 * Time-lock encryption as the chain undoes it (crate `tle`, BF-IBE "FullIdent" over BLS12-381 with the public key in G2,
 * then AES-256-GCM). The bytes are those of arkworks' compressed serialisation.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { bls12_381 } from '@noble/curves/bls12-381';
import { ByteReader, concat, vec } from './bytes';
import type { Beacon } from './beacon';

/** Domain of quicknet's signatures on G1 (scheme bls-unchained-g1-rfc9380). */
const SIGNATURE_DOMAIN = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_';
const CIPHER_SUITE = Buffer.from('AES_GCM_');
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const G1_BYTES = 48;
const G2_BYTES = 96;

const { G1, G2, fields, pairing } = bls12_381;
type Fp12 = ReturnType<typeof pairing>;

const sha256 = (...parts: Uint8Array[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return Uint8Array.from(a, (byte, i) => byte ^ (b[i] as number));
}

/** The message that a beacon signs in a round, on G1: its identity in the encryption scheme. */
function identityOf(round: number): InstanceType<typeof G1.ProjectivePoint> {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(round));
  return G1.ProjectivePoint.fromAffine(G1.hashToCurve(sha256(counter), { DST: SIGNATURE_DOMAIN }).toAffine());
}

// Little-endian coefficients, lowest first, where the library itself writes big-endian ones.
function gtBytes(value: Fp12): Uint8Array {
  const coefficients = [value.c0, value.c1].flatMap((six) =>
    [six.c0, six.c1, six.c2].flatMap((two) => [two.c0, two.c1]),
  );
  return concat(...coefficients.map((fp) => Uint8Array.from(fields.Fp.toBytes(fp)).reverse()));
}

function scalarOf(sigma: Uint8Array, key: Uint8Array): bigint {
  return fields.Fr.create(BigInt(`0x${sha256(sigma, key).toString('hex')}`));
}

/**
 * Encrypts to a future round of a beacon.
 * @returns the bytes that `commit_timelocked_weights` takes
 */
export function timelockEncrypt(plaintext: Uint8Array, round: number, beacon: Beacon): Uint8Array {
  const key = randomBytes(KEY_BYTES);
  const sigma = randomBytes(KEY_BYTES);
  const r = scalarOf(sigma, key);
  const beaconKey = G2.ProjectivePoint.fromHex(beacon.publicKey);
  beaconKey.assertValidity();
  const u = G2.ProjectivePoint.BASE.multiply(r);
  // The exponent goes into G1, where it is cheapest.
  const mask = sha256(gtBytes(pairing(identityOf(round).multiply(r), beaconKey)));
  const v = xor(sigma, mask);
  const w = xor(key, sha256(sigma));
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const sealed = concat(cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
  return concat(u.toRawBytes(true), vec(v), vec(w), vec(concat(vec(sealed), vec(nonce))), vec(CIPHER_SUITE));
}

/**
 * Opens a ciphertext with the beacon's signature of its round (48 bytes, compressed G1).
 * @throws Error when the bytes are malformed or the signature is of another round
 */
export function timelockDecrypt(ciphertext: Uint8Array, signature: Uint8Array): Uint8Array {
  if (signature.length !== G1_BYTES) throw new Error(`a signature has ${G1_BYTES} bytes`);
  const reader = new ByteReader(ciphertext);
  const u = G2.ProjectivePoint.fromHex(reader.take(G2_BYTES));
  const [v, w] = [reader.vec(), reader.vec()];
  const body = new ByteReader(reader.vec());
  reader.vec();
  reader.end();
  const [sealed, nonce] = [body.vec(), body.vec()];
  body.end();
  if (
    v.length !== KEY_BYTES ||
    w.length !== KEY_BYTES ||
    nonce.length !== NONCE_BYTES ||
    sealed.length < TAG_BYTES
  )
    throw new Error('the ciphertext is malformed');
  const mask = sha256(gtBytes(pairing(G1.ProjectivePoint.fromHex(signature), u)));
  const sigma = xor(v, mask);
  const key = xor(w, sha256(sigma));
  if (!G2.ProjectivePoint.BASE.multiply(scalarOf(sigma, key)).equals(u))
    throw new Error('the signature does not open this ciphertext: it is of another round or beacon');
  const decipher = createDecipheriv('aes-256-gcm', key, nonce);
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  return concat(decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES)), decipher.final());
}

/** A beacon's signature of a round under a secret scalar; for beacons of development chains. */
export function signRound(round: number, secret: bigint): Uint8Array {
  return identityOf(round).multiply(secret).toRawBytes(true);
}

/** The public key of a secret scalar. */
export function beaconKeyOf(secret: bigint): Uint8Array {
  return G2.ProjectivePoint.BASE.multiply(secret).toRawBytes(true);
}
