/** Signing fast enough that the load generator is not what limits a bench. */
import { sr25519PairFromSeed } from '@polkadot/util-crypto';
import { addressOf } from '../../adapters/keys/address';
import { hotkeyFromSeed } from '../../adapters/keys/hotkey';
import { nativeSr25519 } from '../../adapters/keys/native';
import type { Hotkey } from '../../adapters/keys/types';

/** The key of a seed, by the native module where there is one. @param seed 32 bytes as hex */
export function benchHotkey(seed: string): Hotkey {
  const bytes = Buffer.from(seed, 'hex');
  const { module } = nativeSr25519();
  if (!module) return hotkeyFromSeed(bytes);
  const pair = sr25519PairFromSeed(bytes);
  const [publicKey, secretKey] = [Buffer.from(pair.publicKey), Buffer.from(pair.secretKey)];
  return {
    ss58: addressOf(publicKey),
    publicKey,
    sign: (message) =>
      `0x${module.sign(publicKey, secretKey, Buffer.from(message as string)).toString('hex')}`,
  };
}
