import { createPair, Keyring } from '@polkadot/keyring';
import { mnemonicValidate, sr25519PairFromSeed } from '@polkadot/util-crypto';
import { SS58_PREFIX } from './address';
import { KeyConfigError } from './errors';
import type { Hotkey } from './types';

type Pair = ReturnType<Keyring['addFromUri']>;

function hotkeyOf(pair: Pair): Hotkey {
  return Object.freeze({
    ss58: pair.address,
    publicKey: pair.publicKey,
    sign: (message: string | Uint8Array) => {
      // Text is turned into bytes here, since the library reads a string that starts with 0x as hex.
      const bytes = typeof message === 'string' ? Buffer.from(message, 'utf8') : message;
      return `0x${Buffer.from(pair.sign(bytes)).toString('hex')}`;
    },
  });
}

/**
 * Key of a BIP-39 phrase, derived the substrate way (as bittensor wallets do).
 * @throws KeyConfigError when the phrase's words or checksum are wrong; the message does not repeat them
 */
export function hotkeyFromMnemonic(phrase: string): Hotkey {
  const words = phrase.trim().split(/\s+/).join(' ');
  if (!mnemonicValidate(words)) {
    throw new KeyConfigError(
      'the mnemonic is not a valid BIP-39 phrase: check its words, their number and order',
    );
  }
  return hotkeyOf(new Keyring({ type: 'sr25519', ss58Format: SS58_PREFIX }).createFromUri(words));
}

/**
 * Key of a secret URI: a phrase or `0x` seed with derivations, or a development account such as `//Alice`.
 * @throws KeyConfigError when the text is no such URI; the message does not repeat it
 */
export function hotkeyFromUri(uri: string): Hotkey {
  try {
    return hotkeyOf(new Keyring({ type: 'sr25519', ss58Format: SS58_PREFIX }).createFromUri(uri.trim()));
  } catch {
    throw new KeyConfigError(
      'the secret URI is neither a mnemonic, nor a 0x seed, nor a path such as //Alice',
    );
  }
}

/** Key of a 32-byte mini secret. @throws KeyConfigError on another length */
export function hotkeyFromSeed(seed: Uint8Array): Hotkey {
  if (seed.length !== 32) throw new KeyConfigError(`a seed has 32 bytes, this one has ${seed.length}`);
  const toSS58 = (key: Uint8Array): string =>
    new Keyring({ ss58Format: SS58_PREFIX }).encodeAddress(key, SS58_PREFIX);
  return hotkeyOf(createPair({ toSS58, type: 'sr25519' }, sr25519PairFromSeed(seed)));
}

/**
 * Key of a 64-byte secret as bittensor-wallet writes it: a scalar and the seed of its nonces.
 * @throws KeyConfigError when it has another length, or is not the secret of that public key
 */
export function hotkeyFromPrivateKey(privateKey: Uint8Array, publicKey: Uint8Array): Hotkey {
  if (privateKey.length !== 64)
    throw new KeyConfigError(`a private key has 64 bytes, this one has ${privateKey.length}`);
  // The library wants the scalar times the cofactor 8, as ed25519 has it.
  const secretKey = Uint8Array.from(privateKey);
  for (let at = 31; at >= 0; at -= 1) {
    secretKey[at] = ((privateKey[at] as number) << 3) | (at > 0 ? (privateKey[at - 1] as number) >> 5 : 0);
  }
  const keyring = new Keyring({ type: 'sr25519', ss58Format: SS58_PREFIX });
  const pair = keyring.addFromPair({ publicKey, secretKey });
  const probe = new Uint8Array(32);
  if (!pair.verify(probe, pair.sign(probe), publicKey))
    throw new KeyConfigError('it is not the secret of the address beside it');
  return hotkeyOf(pair);
}
