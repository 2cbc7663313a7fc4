/** The three ways in which bittensor-wallet encrypts a key file with a password. */
import { createDecipheriv, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { naclDecrypt } from '@polkadot/util-crypto';

/** `nacl` is what bittensor-wallet writes since 2023; the other two it still opens. */
export type KeyFileEncryption = 'nacl' | 'ansible' | 'fernet';

const MARKS: Record<KeyFileEncryption, string> = {
  nacl: '$NACL',
  ansible: '$ANSIBLE_VAULT',
  fernet: 'gAAAAA',
};

/** How a key file is encrypted, by its first bytes; null for a plain one. */
export function encryptionOf(file: Uint8Array): KeyFileEncryption | null {
  const head = Buffer.from(file.subarray(0, 16)).toString('latin1');
  const kinds = Object.keys(MARKS) as KeyFileEncryption[];
  return kinds.find((kind) => head.startsWith(MARKS[kind])) ?? null;
}

/**
 * Opens an encrypted key file. A few seconds of one core, and half a gigabyte of memory for `nacl`: that is what their
 * authors meant a guess to cost.
 * @returns what it holds, or null when the password is wrong or the file is damaged, which cannot be told apart
 */
export function decryptKeyFile(
  file: Uint8Array,
  kind: KeyFileEncryption,
  password: string,
): Promise<Buffer | null> {
  const opened = { nacl: openNacl, ansible: openAnsible, fernet: openFernet }[kind];
  return opened(Buffer.from(file), password);
}

// All parameters are those of bittensor-wallet's keyfile module; the salts are constants there.
const NACL_SALT = Buffer.from('137183dff15a09bc9c90b5518739e9b1', 'hex');
const NONCE_BYTES = 24;
const FERNET_SALT = 'Iguesscyborgslikemyselfhaveatendencytobeparanoidaboutourorigins';
const FERNET_ITERATIONS = 10_000_000;
const ANSIBLE_ITERATIONS = 10_000;

const derive = promisify(pbkdf2);

/** libsodium's argon2i with its SENSITIVE limits, then its secretbox: mark, nonce, box. */
async function openNacl(file: Buffer, password: string): Promise<Buffer | null> {
  const box = file.subarray(MARKS.nacl.length);
  if (box.length <= NONCE_BYTES) return null;
  // Only those who have such a file load it.
  const { argon2i } = await import('hash-wasm');
  const key = await argon2i({
    password,
    salt: NACL_SALT,
    iterations: 8,
    memorySize: 512 * 1024,
    parallelism: 1,
    hashLength: 32,
    outputType: 'binary',
  });
  const opened = naclDecrypt(box.subarray(NONCE_BYTES), box.subarray(0, NONCE_BYTES), key);
  return opened && Buffer.from(opened);
}

/** Version 1.1 of Ansible's vault: in hex and once more in hex, a salt, an HMAC, and AES-256-CTR. */
async function openAnsible(file: Buffer, password: string): Promise<Buffer | null> {
  const [, ...lines] = file.toString('latin1').split(/\r?\n/);
  const parts = Buffer.from(lines.join(''), 'hex').toString('latin1').split('\n');
  const [salt, mac, sealed] = parts.map((part) => Buffer.from(part, 'hex'));
  if (!salt || !mac || !sealed) return null;
  const keys = await derive(password, salt, ANSIBLE_ITERATIONS, 80, 'sha256');
  if (!authentic(keys.subarray(32, 64), sealed, mac)) return null;
  const cipher = createDecipheriv('aes-256-ctr', keys.subarray(0, 32), keys.subarray(64));
  const padded = Buffer.concat([cipher.update(sealed), cipher.final()]);
  return padded.subarray(0, padded.length - (padded.at(-1) ?? 0));
}

/** A Fernet token: version, time (8 bytes), vector (16), AES-128-CBC, HMAC (32). */
async function openFernet(file: Buffer, password: string): Promise<Buffer | null> {
  const token = Buffer.from(file.toString('latin1').trim(), 'base64url');
  if (token.length < 1 + 8 + 16 + 16 + 32) return null;
  const keys = await derive(password, FERNET_SALT, FERNET_ITERATIONS, 32, 'sha256');
  const [signed, mac] = [token.subarray(0, -32), token.subarray(-32)];
  if (!authentic(keys.subarray(0, 16), signed, mac)) return null;
  const cipher = createDecipheriv('aes-128-cbc', keys.subarray(16), signed.subarray(9, 25));
  return Buffer.concat([cipher.update(signed.subarray(25)), cipher.final()]);
}

function authentic(key: Buffer, data: Buffer, mac: Buffer): boolean {
  const own = createHmac('sha256', key).update(data).digest();
  return own.length === mac.length && timingSafeEqual(own, mac);
}
