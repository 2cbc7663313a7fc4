/** Which server, which key: every choice knows where it came from, so that messages can say it. */
import { UsageError } from './exit-codes';
import type { Format } from './output';
import type { Profile } from './profiles';

/** Options that every command takes. */
export interface GlobalOptions {
  output?: Format;
  apiUrl?: string;
  profile?: string;
  walletName?: string;
  hotkeyName?: string;
  walletPath?: string;
}

export interface Address {
  /** Without a trailing slash. */
  url: string;
  /** In words, e.g. `--api-url`. */
  source: string;
}

export const DEFAULT_API_URL = 'http://127.0.0.1:18020';

/**
 * The owner API's address: `--api-url`, the profile, OWNER_API_PUBLIC_URL, EIREL_ADMIN_API_URL, the control plane that
 * runs on this machine, http://127.0.0.1:18020.
 * @param local the address that a running local control plane recorded; asked only when nothing else is set
 * @throws UsageError when the chosen text is not an http(s) address
 */
export function resolveAddress(
  options: GlobalOptions,
  profile: Profile | undefined,
  env: NodeJS.ProcessEnv,
  local: () => string | undefined,
): Address {
  const candidates: [string | undefined, string][] = [
    [options.apiUrl, '--api-url'],
    [profile?.api_url, `the profile "${options.profile}"`],
    [env.OWNER_API_PUBLIC_URL, 'OWNER_API_PUBLIC_URL'],
    [env.EIREL_ADMIN_API_URL, 'EIREL_ADMIN_API_URL'],
  ];
  const found = candidates.find(([url]) => url?.trim());
  if (found) return checkedAddress(found[0] as string, found[1]);
  const running = local();
  if (running) return checkedAddress(running, 'the control plane that runs on this machine');
  return { url: DEFAULT_API_URL, source: 'the default' };
}

function checkedAddress(text: string, source: string): Address {
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    throw new UsageError(`${source} is not an address: expected one like ${DEFAULT_API_URL}`);
  }
  if (!['http:', 'https:'].includes(url.protocol)) {
    throw new UsageError(`${source} must begin with http:// or https://, not ${url.protocol}`);
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new UsageError(`${source} must be a bare address, without user, password, query or fragment`);
  }
  return { url: url.href.replace(/\/+$/, ''), source };
}

export type Role = 'owner' | 'miner';

/** Which key signs. */
export type SignerChoice =
  | { kind: 'secret'; variable: string; prefix: string }
  | { kind: 'wallet'; walletName: string; hotkeyName: string; walletPath: string | undefined };

const SIGNER_VARIABLES = {
  owner: {
    prefix: 'EIREL_OWNER',
    name: ['EIREL_OWNER_WALLET_NAME', 'EIREL_ADMIN_WALLET_NAME'],
    hotkey: ['EIREL_OWNER_HOTKEY_NAME', 'EIREL_ADMIN_HOTKEY_NAME'],
    path: ['EIREL_OWNER_WALLET_PATH', 'EIREL_ADMIN_WALLET_PATH', 'BT_WALLET_PATH'],
    defaults: { name: 'owner', hotkey: 'op1' },
  },
  miner: {
    prefix: 'EIREL_MINER',
    name: ['EIREL_MINER_WALLET_NAME', 'BT_WALLET_NAME'],
    hotkey: ['EIREL_MINER_HOTKEY_NAME', 'BT_WALLET_HOTKEY'],
    path: ['EIREL_MINER_WALLET_PATH', 'BT_WALLET_PATH'],
    defaults: { name: 'default', hotkey: 'default' },
  },
} as const;

/**
 * The key of a role: a wallet named by flags or by the profile, else `<PREFIX>_MNEMONIC`, else the wallet of the
 * environment, else the role's usual one.
 */
export function resolveSigner(
  role: Role,
  options: GlobalOptions,
  profile: Profile | undefined,
  env: NodeJS.ProcessEnv,
): SignerChoice {
  const { prefix, name, hotkey, path, defaults } = SIGNER_VARIABLES[role];
  const first = (names: readonly string[]): string | undefined =>
    names.map((variable) => env[variable]?.trim()).find((value) => value);
  const named = {
    walletName: options.walletName ?? profile?.wallet_name,
    hotkeyName: options.hotkeyName ?? profile?.hotkey_name,
    walletPath: options.walletPath ?? profile?.wallet_path,
  };
  const variable = `${prefix}_MNEMONIC`;
  if (Object.values(named).every((value) => value === undefined) && env[variable]?.trim()) {
    return { kind: 'secret', variable, prefix };
  }
  return {
    kind: 'wallet',
    walletName: named.walletName ?? first(name) ?? defaults.name,
    hotkeyName: named.hotkeyName ?? first(hotkey) ?? defaults.hotkey,
    walletPath: named.walletPath ?? first(path),
  };
}

/** A signer's choice in words. */
export function describeSigner(choice: SignerChoice): string {
  return choice.kind === 'secret'
    ? `the key of ${choice.variable}`
    : `wallet ${choice.walletName}, hotkey ${choice.hotkeyName}`;
}
