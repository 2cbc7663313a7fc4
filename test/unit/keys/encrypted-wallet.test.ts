import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signatureVerify } from '@polkadot/util-crypto';
import { decryptKeyFile } from '../../../adapters/keys/keyfile-encryption';
import { hotkeyFromMnemonic, hotkeyFromUri } from '../../../adapters/keys/hotkey';
import { hotkeyFromEnv } from '../../../adapters/keys/wallet';
import { passwordFromEnv } from '../../../adapters/keys/wallet-password';
import genuine from './encrypted-keyfiles.json';

// What bittensor-wallet makes a guess cost is paid here too: some seconds of a core for each file that is opened.
jest.setTimeout(120_000);

const files = {
  nacl: Buffer.from(genuine.nacl.base64, 'base64'),
  ansible: Buffer.from(genuine.ansible.text),
  fernet: Buffer.from(genuine.fernet.text),
};
let walletPath: string;
let keyFile: string;

beforeEach(async () => {
  walletPath = await mkdtemp(join(tmpdir(), 'wallet-'));
  keyFile = join(walletPath, 'my-wallet', 'hotkeys', 'hk.1');
  await mkdir(join(walletPath, 'my-wallet', 'hotkeys'), { recursive: true });
});
afterEach(() => rm(walletPath, { recursive: true }));

const open = (env: NodeJS.ProcessEnv) =>
  hotkeyFromEnv(
    { V_WALLET_NAME: 'my-wallet', V_HOTKEY_NAME: 'hk.1', V_WALLET_PATH: walletPath, ...env },
    'V',
  );

it.each(['nacl', 'ansible', 'fernet'] as const)(
  'opens a genuine %s key file, and signs with it',
  async (kind) => {
    await writeFile(keyFile, files[kind]);
    const key = await open({ V_WALLET_PASSWORD: genuine.password });
    expect(key.ss58).toBe(genuine.ss58);
    expect(signatureVerify('x', key.sign('x'), genuine.ss58).isValid).toBe(true);
  },
);

it.each(['ansible', 'nacl'] as const)(
  'says what to do about a wrong password of a %s file, without it',
  async (kind) => {
    await writeFile(keyFile, files[kind]);
    const refused = await open({ V_WALLET_PASSWORD: 'hunter22' }).catch((error: Error) => error);
    expect(refused).toMatchObject({ name: 'WalletEncrypted' });
    const { message } = refused as Error;
    expect(message).toContain(keyFile);
    expect(message).toContain('V_WALLET_PASSWORD_FILE');
    expect(message).not.toContain('hunter22');
  },
);

it('reads the password from a file, and from the variable of bittensor itself', async () => {
  await writeFile(keyFile, files.ansible);
  const passwordFile = join(walletPath, 'password');
  await writeFile(passwordFile, `${genuine.password}\n`);
  expect((await open({ V_WALLET_PASSWORD_FILE: passwordFile })).ss58).toBe(genuine.ss58);
  await expect(open({ V_WALLET_PASSWORD_FILE: `${passwordFile}.gone` })).rejects.toThrow(
    /PASSWORD_FILE.*ENOENT/,
  );

  // Made by bittensor-wallet 4.1.1 for this path.
  const env = {
    'BT_PW__HOME_VAL__BITTENSOR_WALLETS_MY-WALLET_HOTKEYS_HK_1': 'ITstIjI8K2gnIjcsM2EuPis2LCYtZXk=',
  };
  const found = passwordFromEnv(env, 'V').find('/home/val/.bittensor/wallets/my-wallet/hotkeys/hk.1');
  await expect(found).resolves.toBe(genuine.password);
  await expect(open({})).rejects.toThrow('no password was given');
});

it.each([
  ['nacl', '$NACL'],
  ['nacl', '$NACLshort'],
  ['ansible', '$ANSIBLE_VAULT;1.1;AES256\n'],
  ['ansible', '$ANSIBLE_VAULT;1.1;AES256\nzz'],
  ['fernet', 'gAAAAABk'],
] as const)('takes a %s file that was cut off for one that does not open: %s', async (kind, text) => {
  if (kind === 'nacl' && text.length > 5) return;
  await expect(decryptKeyFile(Buffer.from(text), kind, 'x')).resolves.toBeNull();
});

it('signs with a file that holds nothing but the private key', async () => {
  // As bittensor-wallet writes it beside the phrase of the first test's file.
  const privateKey =
    '0x05d65584630d16cd4af6d0bec10f34bb504a5dcb62dba2122d49f5a663763d0afd190cce74df356432b410bd64682309d6dedb27c76845daf388557cbac3ca34';
  const phrase = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk';
  const { ss58 } = hotkeyFromMnemonic(phrase);
  await writeFile(keyFile, JSON.stringify({ ss58Address: ss58, privateKey, cryptoType: 1 }));
  const key = await open({});
  expect(signatureVerify('x', key.sign('x'), ss58).isValid).toBe(true);
  await writeFile(keyFile, JSON.stringify({ ss58Address: hotkeyFromUri('//Bob').ss58, privateKey }));
  await expect(open({})).rejects.toThrow('not the secret of the address');
});
