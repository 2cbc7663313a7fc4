import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { isSs58Address, publicKeyOf } from './address';
import { KeyConfigError, WalletEncrypted, WalletInvalid, WalletNotFound } from './errors';
import { hotkeyFromMnemonic, hotkeyFromPrivateKey, hotkeyFromSeed, hotkeyFromUri } from './hotkey';
import { decryptKeyFile, encryptionOf } from './keyfile-encryption';
import type { Hotkey } from './types';
import { passwordFromEnv, type PasswordSource } from './wallet-password';

export const DEFAULT_WALLET_PATH = '~/.bittensor/wallets';
export const DEFAULT_HOTKEY_NAME = 'default';

/** `cryptoType` of the keys that cannot sign here. */
const ED25519 = 0;

const keyFile = z.object({
  ss58Address: z.string().nullish(),
  publicKey: z.string().nullish(),
  accountId: z.string().nullish(),
  secretPhrase: z.string().nullish(),
  secretSeed: z.string().nullish(),
  privateKey: z.string().nullish(),
  cryptoType: z.number().nullish(),
});
type KeyFile = z.infer<typeof keyFile>;

/** Which wallet, in the layout of bittensor: `<walletPath>/<walletName>/hotkeys/<hotkeyName>`. */
export interface WalletLocation {
  /** Folder of all wallets; a leading `~` is the home folder. */
  walletPath?: string | undefined;
  walletName: string;
  hotkeyName?: string | undefined;
}

/**
 * Loads the signing key of a bittensor wallet, plain or encrypted.
 * @param password asked for only when the file is encrypted
 * @throws WalletNotFound, WalletEncrypted, WalletInvalid; none of the messages repeats what the file holds
 */
export async function loadWalletHotkey(location: WalletLocation, password: PasswordSource): Promise<Hotkey> {
  const name = safeName(location.hotkeyName ?? DEFAULT_HOTKEY_NAME, 'hotkey');
  const file = join(walletFolder(location), 'hotkeys', name);
  const data = parseKeyFile(await openKeyFile(await readBytes(file), file, password), file);
  const hotkey = keyOf(data, file);
  if (data.ss58Address && data.ss58Address !== hotkey.ss58) {
    throw new WalletInvalid(
      `${file} says its address is ${data.ss58Address}, but its secret belongs to ${hotkey.ss58}: restore the key file from its mnemonic`,
    );
  }
  return hotkey;
}

/**
 * Address of the wallet's coldkey from its public file `coldkeypub.txt`; no secret is read.
 * @throws WalletNotFound, WalletInvalid
 */
export async function loadWalletColdkeyAddress(
  location: Omit<WalletLocation, 'hotkeyName'>,
): Promise<string> {
  const file = join(walletFolder(location), 'coldkeypub.txt');
  const data = parseKeyFile(await readBytes(file), file);
  if (!isSs58Address(data.ss58Address)) {
    throw new WalletInvalid(`${file} has no ss58Address with prefix 42: write it again with btcli`);
  }
  const key = Buffer.from(publicKeyOf(data.ss58Address) as Uint8Array).toString('hex');
  const stated = (data.publicKey ?? data.accountId)?.replace(/^0x/, '').toLowerCase();
  if (stated && stated !== key) throw new WalletInvalid(`the address and the public key in ${file} differ`);
  return data.ss58Address;
}

function walletFolder(location: { walletPath?: string | undefined; walletName: string }): string {
  const root = (location.walletPath || DEFAULT_WALLET_PATH).replace(/^~(?=$|\/)/, homedir());
  return join(root, safeName(location.walletName, 'wallet'));
}

function safeName(name: string, what: string): string {
  if (!name || name === '.' || name === '..' || /[/\\\0]/.test(name)) {
    throw new KeyConfigError(
      `"${name}" is not a ${what} name: give the bare name, the folder goes into the wallet path`,
    );
  }
  return name;
}

async function readBytes(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    const hint =
      code === 'ENOENT' ? 'it does not exist; check the wallet name, hotkey name and wallet path' : code;
    throw new WalletNotFound(`cannot read the key file ${file}: ${hint}`);
  }
}

/** What a key file holds, decrypted where it is encrypted. */
async function openKeyFile(bytes: Buffer, file: string, password: PasswordSource): Promise<Buffer> {
  const kind = encryptionOf(bytes);
  if (!kind) return bytes;
  const found = await password.find(file);
  if (!found) {
    throw new WalletEncrypted(`${file} is encrypted, and no password was given: ${password.advice(file)}`);
  }
  const opened = await decryptKeyFile(bytes, kind, found);
  if (!opened) {
    throw new WalletEncrypted(
      `the password does not open ${file} (or the file is damaged): ${password.advice(file)}`,
    );
  }
  return opened;
}

function parseKeyFile(bytes: Buffer, file: string): KeyFile {
  try {
    return keyFile.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    throw new WalletInvalid(
      `${file} is not a bittensor key file: JSON with secretPhrase, secretSeed or privateKey is expected`,
    );
  }
}

function keyOf(data: KeyFile, file: string): Hotkey {
  if (data.cryptoType === ED25519) {
    throw new WalletInvalid(`${file} holds an ed25519 key: hotkeys of a subnet are sr25519`);
  }
  if (data.secretPhrase) {
    try {
      return hotkeyFromMnemonic(data.secretPhrase);
    } catch {
      throw new WalletInvalid(`the secretPhrase in ${file} is not a valid mnemonic`);
    }
  }
  if (data.secretSeed) {
    const hex = data.secretSeed.replace(/^0x/, '');
    if (!/^[0-9a-fA-F]{64}$/.test(hex))
      throw new WalletInvalid(`the secretSeed in ${file} is not 32 bytes of hex`);
    return hotkeyFromSeed(Buffer.from(hex, 'hex'));
  }
  const publicKey = data.ss58Address ? publicKeyOf(data.ss58Address) : null;
  if (data.privateKey && publicKey) {
    try {
      return hotkeyFromPrivateKey(Buffer.from(data.privateKey.replace(/^0x/, ''), 'hex'), publicKey);
    } catch (error) {
      throw new WalletInvalid(`the privateKey in ${file}: ${(error as Error).message}`);
    }
  }
  throw new WalletInvalid(
    `${file} holds neither secretPhrase, secretSeed nor privateKey with ss58Address, so nothing can be signed with it`,
  );
}

/** True when the environment names a signing key, whether it can be read or not. */
export function hasHotkey(env: NodeJS.ProcessEnv, prefix: string): boolean {
  return Boolean(env[`${prefix}_MNEMONIC`]?.trim() || env[`${prefix}_WALLET_NAME`]?.trim());
}

/**
 * The signing key that the environment names: `<PREFIX>_MNEMONIC` (a phrase or secret URI) when set, otherwise the
 * wallet of `<PREFIX>_WALLET_NAME`, `<PREFIX>_HOTKEY_NAME` (default `default`) and `<PREFIX>_WALLET_PATH`,
 * opened where it is encrypted with the password of `passwordFromEnv`.
 * @param prefix e.g. `EIREL_VALIDATOR`
 * @throws KeyConfigError when neither is set or the phrase is wrong, and what `loadWalletHotkey` throws
 */
export async function hotkeyFromEnv(env: NodeJS.ProcessEnv, prefix: string): Promise<Hotkey> {
  const mnemonic = env[`${prefix}_MNEMONIC`]?.trim();
  if (mnemonic) {
    try {
      return /^0x|\//.test(mnemonic) ? hotkeyFromUri(mnemonic) : hotkeyFromMnemonic(mnemonic);
    } catch (error) {
      throw new KeyConfigError(`${prefix}_MNEMONIC: ${(error as Error).message}`);
    }
  }
  const walletName = env[`${prefix}_WALLET_NAME`]?.trim();
  if (!walletName) {
    throw new KeyConfigError(
      `no signing key is configured: set ${prefix}_MNEMONIC, or ${prefix}_WALLET_NAME with ${prefix}_HOTKEY_NAME and ${prefix}_WALLET_PATH`,
    );
  }
  return loadWalletHotkey(
    {
      walletName,
      hotkeyName: env[`${prefix}_HOTKEY_NAME`]?.trim() || undefined,
      walletPath: env[`${prefix}_WALLET_PATH`]?.trim() || undefined,
    },
    passwordFromEnv(env, prefix),
  );
}
