import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hotkeyFromMnemonic, hotkeyFromUri } from '../../../adapters/keys/hotkey';
import { hotkeyFromEnv, loadWalletColdkeyAddress, loadWalletHotkey } from '../../../adapters/keys/wallet';
import { passwordFromEnv } from '../../../adapters/keys/wallet-password';

const phrase = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk';
const seed = '0xfac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e';
const root = hotkeyFromMnemonic(phrase);
let walletPath: string;

async function hotkeyFile(name: string, content: unknown): Promise<void> {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  await writeFile(join(walletPath, 'w', 'hotkeys', name), text);
}

beforeEach(async () => {
  walletPath = await mkdtemp(join(tmpdir(), 'wallet-'));
  await mkdir(join(walletPath, 'w', 'hotkeys'), { recursive: true });
});
afterEach(() => rm(walletPath, { recursive: true }));

const load = (hotkeyName: string) =>
  loadWalletHotkey({ walletPath, walletName: 'w', hotkeyName }, passwordFromEnv({}, 'V'));

it('loads a key file by its phrase and by its seed to the same account', async () => {
  await hotkeyFile('phrase', { ss58Address: root.ss58, secretPhrase: phrase, secretSeed: null });
  await hotkeyFile('seed', { ss58Address: root.ss58, secretSeed: seed });
  for (const name of ['phrase', 'seed']) {
    const key = await load(name);
    expect(key.ss58).toBe(root.ss58);
    expect(key.sign('x')).toMatch(/^0x[0-9a-f]{128}$/);
    expect(JSON.stringify(key)).not.toContain(seed.slice(2, 20));
  }
});

it.each([
  ['sodium', '$NACLxyz', 'WalletEncrypted'],
  ['ansible', '$ANSIBLE_VAULT;1.1;AES256\n6162', 'WalletEncrypted'],
  ['fernet', 'gAAAAABkxyz', 'WalletEncrypted'],
  ['no json', 'hello', 'WalletInvalid'],
  ['public only', { ss58Address: root.ss58 }, 'WalletInvalid'],
  ['other address', { ss58Address: hotkeyFromUri('//Bob').ss58, secretPhrase: phrase }, 'WalletInvalid'],
  ['bad phrase', { secretPhrase: 'lonely lonely' }, 'WalletInvalid'],
  ['short seed', { secretSeed: '0x1234' }, 'WalletInvalid'],
  ['ed25519', { secretPhrase: phrase, cryptoType: 0 }, 'WalletInvalid'],
])('refuses a key file that is %s', async (name, content, error) => {
  await hotkeyFile('k', content);
  await expect(load('k')).rejects.toMatchObject({
    name: error,
    message: expect.not.stringContaining('lonely'),
  });
});

it('says which file is missing, and does not leave the wallet folder', async () => {
  await expect(load('none')).rejects.toMatchObject({
    name: 'WalletNotFound',
    message: expect.stringContaining('hotkeys'),
  });
  await expect(load('../../etc')).rejects.toMatchObject({ name: 'KeyConfigError' });
});

it('reads the coldkey address and checks it against the public key', async () => {
  const file = join(walletPath, 'w', 'coldkeypub.txt');
  const publicKey = `0x${Buffer.from(root.publicKey).toString('hex')}`;
  await writeFile(file, JSON.stringify({ ss58Address: root.ss58, publicKey }));
  await expect(loadWalletColdkeyAddress({ walletPath, walletName: 'w' })).resolves.toBe(root.ss58);
  await writeFile(file, JSON.stringify({ ss58Address: root.ss58, publicKey: `0x${'11'.repeat(32)}` }));
  await expect(loadWalletColdkeyAddress({ walletPath, walletName: 'w' })).rejects.toMatchObject({
    name: 'WalletInvalid',
  });
});

it('prefers the mnemonic of the environment over the wallet', async () => {
  await hotkeyFile('default', { secretPhrase: phrase });
  const wallet = { V_WALLET_NAME: 'w', V_WALLET_PATH: walletPath };
  expect((await hotkeyFromEnv({ ...wallet, V_MNEMONIC: '//Alice' }, 'V')).ss58).toBe(
    hotkeyFromUri('//Alice').ss58,
  );
  expect((await hotkeyFromEnv({ ...wallet, V_MNEMONIC: `${phrase}//Bob` }, 'V')).ss58).toBe(
    hotkeyFromUri('//Bob').ss58,
  );
  expect((await hotkeyFromEnv(wallet, 'V')).ss58).toBe(root.ss58);
  await expect(hotkeyFromEnv({}, 'V')).rejects.toMatchObject({
    name: 'KeyConfigError',
    message: expect.stringContaining('V_MNEMONIC'),
  });
  await expect(hotkeyFromEnv({ V_MNEMONIC: 'lonely fit walk' }, 'V')).rejects.toMatchObject({
    message: expect.not.stringContaining('lonely'),
  });
});
