import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadEnvFiles } from '../../../cli/env-file';
import { UsageError } from '../../../cli/exit-codes';
import { loadProfile } from '../../../cli/profiles';
import { describeSigner, resolveAddress, resolveSigner } from '../../../cli/settings';

const folder = mkdtempSync(join(tmpdir(), 'eirel-cli-settings-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('address', () => {
  const env = { OWNER_API_PUBLIC_URL: 'http://public:1', EIREL_ADMIN_API_URL: 'http://admin:2' };
  const profile = { api_url: 'http://profile:3' };
  const local = (): string => 'http://127.0.0.1:4';
  const never = (): string => {
    throw new Error('the local stack was asked without need');
  };

  test('flag, profile, OWNER_API_PUBLIC_URL, EIREL_ADMIN_API_URL, local stack, default, in this order', () => {
    const address = (...args: Parameters<typeof resolveAddress>): string => resolveAddress(...args).url;
    expect(address({ apiUrl: 'http://flag:0' }, profile, env, never)).toBe('http://flag:0');
    expect(address({ profile: 'p' }, profile, env, never)).toBe('http://profile:3');
    expect(address({}, undefined, env, never)).toBe('http://public:1');
    expect(address({}, undefined, { ...env, OWNER_API_PUBLIC_URL: '' }, never)).toBe('http://admin:2');
    expect(address({}, undefined, {}, local)).toBe('http://127.0.0.1:4');
    expect(address({}, undefined, {}, () => undefined)).toBe('http://127.0.0.1:18020');
  });

  test('a path is kept, its last slash is not; the source is told', () => {
    expect(resolveAddress({ apiUrl: ' https://x.example/eirel/ ' }, undefined, {}, never)).toEqual({
      url: 'https://x.example/eirel',
      source: '--api-url',
    });
    expect(resolveAddress({ profile: 'p' }, profile, {}, never).source).toBe('the profile "p"');
  });

  test.each(['nonsense', 'ftp://x', 'http://user:secret@x', 'http://x/?a=1'])(
    '%s is refused, unrepeated',
    (text) => {
      const resolve = (): unknown => resolveAddress({}, undefined, { OWNER_API_PUBLIC_URL: text }, never);
      expect(resolve).toThrow(UsageError);
      expect(resolve).toThrow(/OWNER_API_PUBLIC_URL/);
      expect(resolve).not.toThrow(/secret/);
    },
  );
});

describe('signer', () => {
  const wallet = (walletName: string, hotkeyName: string, walletPath?: string) => ({
    kind: 'wallet',
    walletName,
    hotkeyName,
    walletPath,
  });

  test('the usual wallets', () => {
    expect(resolveSigner('owner', {}, undefined, {})).toEqual(wallet('owner', 'op1'));
    expect(resolveSigner('miner', {}, undefined, {})).toEqual(wallet('default', 'default'));
  });

  test('EIREL_OWNER_* before EIREL_ADMIN_*, EIREL_MINER_* before BT_*', () => {
    const env = {
      EIREL_ADMIN_WALLET_NAME: 'admin',
      EIREL_ADMIN_HOTKEY_NAME: 'a1',
      BT_WALLET_NAME: 'bt',
      BT_WALLET_PATH: '/bt',
    };
    expect(resolveSigner('owner', {}, undefined, env)).toEqual(wallet('admin', 'a1', '/bt'));
    const owner = { ...env, EIREL_OWNER_WALLET_NAME: 'mine', EIREL_OWNER_WALLET_PATH: '/w' };
    expect(resolveSigner('owner', {}, undefined, owner)).toEqual(wallet('mine', 'a1', '/w'));
    expect(resolveSigner('miner', {}, undefined, env)).toEqual(wallet('bt', 'default', '/bt'));
    const miner = { ...env, EIREL_MINER_WALLET_NAME: 'm' };
    expect(resolveSigner('miner', {}, undefined, miner)).toEqual(wallet('m', 'default', '/bt'));
  });

  test('a phrase beats the wallet of the environment; a wallet named by flag or profile beats the phrase', () => {
    const env = { EIREL_OWNER_MNEMONIC: '//Owner', EIREL_OWNER_WALLET_NAME: 'mine' };
    const secret = resolveSigner('owner', {}, undefined, env);
    expect(secret).toMatchObject({ kind: 'secret', prefix: 'EIREL_OWNER' });
    expect(describeSigner(secret)).toBe('the key of EIREL_OWNER_MNEMONIC');
    expect(resolveSigner('owner', { walletName: 'flag' }, undefined, env)).toEqual(wallet('flag', 'op1'));
    expect(resolveSigner('owner', {}, { hotkey_name: 'h' }, env)).toEqual(wallet('mine', 'h'));
    expect(resolveSigner('owner', { hotkeyName: 'flag' }, { hotkey_name: 'h' }, env)).toEqual(
      wallet('mine', 'flag'),
    );
    expect(resolveSigner('miner', {}, undefined, env).kind).toBe('wallet');
  });
});

describe('.env', () => {
  test('the environment wins over files, the first folder over the second, and a missing file is none', () => {
    const [first, second, none] = ['first', 'second', 'none'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    for (const path of [first, second, none]) mkdirSync(path);
    writeFileSync(join(first, '.env'), 'A=file\nB="two words"\n# comment\n');
    writeFileSync(join(second, '.env'), 'B=late\nC=3\n');
    const env: NodeJS.ProcessEnv = { A: 'set', D: '' };
    expect(loadEnvFiles(env, [first, none, second, first])).toEqual([
      join(first, '.env'),
      join(second, '.env'),
    ]);
    expect(env).toEqual({ A: 'set', B: 'two words', C: '3', D: '' });
  });
});

describe('profiles', () => {
  const env = { XDG_CONFIG_HOME: join(folder, 'config') };
  const file = join(folder, 'config', 'eirel', 'profiles.yaml');
  const write = (text: string): void => {
    mkdirSync(join(folder, 'config', 'eirel'), { recursive: true });
    writeFileSync(file, text);
  };

  test('a missing file says where it is looked for and what to write', () => {
    const load = (): unknown => loadProfile('prod', { XDG_CONFIG_HOME: join(folder, 'nowhere') });
    expect(load).toThrow(UsageError);
    expect(load).toThrow(/nowhere\/eirel\/profiles\.yaml/);
  });

  test('reads one of several', () => {
    write('prod:\n  api_url: https://x\n  output: jsonl\ntest: {}\n');
    expect(loadProfile('prod', env)).toEqual({ api_url: 'https://x', output: 'jsonl' });
    expect(loadProfile('test', env)).toEqual({});
    expect(() => loadProfile('other', env)).toThrow(/no profile "other".*there are: prod, test/);
    expect(() => loadProfile('constructor', env)).toThrow(/no profile/);
  });

  test('anything but the five settings is refused without repeating it', () => {
    write('prod:\n  mnemonic: very secret words\n');
    expect(() => loadProfile('prod', env)).toThrow(/prod/);
    expect(() => loadProfile('prod', env)).not.toThrow(/very secret/);
    write('prod: [1\n');
    expect(() => loadProfile('prod', env)).toThrow(/not valid YAML/);
  });
});
