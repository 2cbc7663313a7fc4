import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { isSs58Address, publicKeyOf } from './address';
import { KeyConfigError, WalletEncrypted, WalletInvalid, WalletNotFound } from './errors';
import { hotkeyFromMnemonic, hotkeyFromSeed, hotkeyFromUri } from './hotkey';
import type { Hotkey } from './types';

export const DEFAULT_WALLET_PATH = '~/.bittensor/wallets';
export const DEFAULT_HOTKEY_NAME = 'default';

const keyFile = z.object({
  ss58Address: z.string().nullish(),
  publicKey: z.string().nullish(),
  accountId: z.string().nullish(),
  secretPhrase: z.string().nullish(),
  secretSeed: z.string().nullish(),
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
 * Loads the signing key of a plain bittensor wallet.
 * @throws WalletNotFound, WalletEncrypted, WalletInvalid; none of the messages repeats what the file holds
 */
export async function loadWalletHotkey(location: WalletLocation): Promise<Hotkey> {
  const name = safeName(location.hotkeyName ?? DEFAULT_HOTKEY_NAME, 'hotkey');
  const file = join(walletFolder(location), 'hotkeys', name);
  const data = await readKeyFile(file);
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
 * @throws WalletNotFound, WalletEncrypted, WalletInvalid
 */
export async function loadWalletColdkeyAddress(
  location: Omit<WalletLocation, 'hotkeyName'>,
): Promise<string> {
  const file = join(walletFolder(location), 'coldkeypub.txt');
  const data = await readKeyFile(file);
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

async function readKeyFile(file: string): Promise<KeyFile> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    const hint =
      code === 'ENOENT' ? 'it does not exist; check the wallet name, hotkey name and wallet path' : code;
    throw new WalletNotFound(`cannot read the key file ${file}: ${hint}`);
  }
  const head = bytes.subarray(0, 16).toString('latin1');
  if (head.startsWith('$NACL') || head.startsWith('$ANSIBLE_VAULT') || head.startsWith('gAAAAA')) {
    throw new WalletEncrypted(
      `${file} is encrypted with a password. A service needs an unencrypted hotkey: create one with ` +
        '"btcli wallet new_hotkey --no-use-password", or give the mnemonic in the environment',
    );
  }
  try {
    return keyFile.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    throw new WalletInvalid(
      `${file} is not a bittensor key file: JSON with secretPhrase or secretSeed is expected`,
    );
  }
}

function keyOf(data: KeyFile, file: string): Hotkey {
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
  throw new WalletInvalid(
    `${file} holds neither secretPhrase nor secretSeed, so nothing can be signed with it`,
  );
}

/**
 * The signing key that the environment names: `<PREFIX>_MNEMONIC` (a phrase or secret URI) when set, otherwise the
 * wallet of `<PREFIX>_WALLET_NAME`, `<PREFIX>_HOTKEY_NAME` (default `default`) and `<PREFIX>_WALLET_PATH`.
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
  return loadWalletHotkey({
    walletName,
    hotkeyName: env[`${prefix}_HOTKEY_NAME`]?.trim() || undefined,
    walletPath: env[`${prefix}_WALLET_PATH`]?.trim() || undefined,
  });
}
