import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { u8aToHex } from '@polkadot/util';
import { hotkeyFromSeed } from '../adapters/keys/hotkey';
import type { Hotkey } from '../adapters/keys/types';

/** One bittensor wallet of the demo: a coldkey that pays, a hotkey that signs. */
export interface DemoWallet {
  name: string;
  hotkey: Hotkey;
  coldkey: Hotkey;
  /** Environment by which a process reads the hotkey from its wallet files, under a variable prefix. */
  env(prefix: string): Record<string, string>;
}

/**
 * Writes a wallet in bittensor's own file layout. The keys follow from the name, so that every demo has the same
 * addresses; they are worthless outside the demo's own chain.
 */
export function demoWallet(walletPath: string, name: string): DemoWallet {
  const hotkey = writeKey(join(walletPath, name, 'hotkeys'), 'default', `${name}/hotkey`);
  const coldkey = writeKey(join(walletPath, name), 'coldkey', `${name}/coldkey`);
  const publicPart = { publicKey: u8aToHex(coldkey.publicKey), ss58Address: coldkey.ss58 };
  writeFileSync(join(walletPath, name, 'coldkeypub.txt'), JSON.stringify(publicPart));
  return {
    name,
    hotkey,
    coldkey,
    env: (prefix) => ({
      [`${prefix}_WALLET_PATH`]: walletPath,
      [`${prefix}_WALLET_NAME`]: name,
      [`${prefix}_HOTKEY_NAME`]: 'default',
    }),
  };
}

function writeKey(folder: string, file: string, label: string): Hotkey {
  const seed = createHash('sha256').update(`eirel demo key ${label}`).digest();
  const key = hotkeyFromSeed(seed);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const data = {
    accountId: u8aToHex(key.publicKey),
    publicKey: u8aToHex(key.publicKey),
    secretSeed: u8aToHex(seed),
    ss58Address: key.ss58,
  };
  writeFileSync(join(folder, file), JSON.stringify(data), { mode: 0o600 });
  return key;
}
