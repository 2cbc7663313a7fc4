/** What a command works with: its options, its output, the owner API, a question to the user. */
import { createRequire } from 'node:module';
import type { Command } from 'commander';
import { createOwnerApi, type OwnerApi } from '../adapters/owner-api';
import { OwnerTransport } from '../adapters/owner-client/transport';
import type { Api, Signer } from './api';
import { ask } from './ask';
import { explainFailure } from './failures';
import { Cancelled, CliError, EXIT, exitCodeOf, UsageError } from './exit-codes';
import { chooseFormat, createPrinter, printable, type Printer } from './output';
import type { Profile } from './profiles';
import { describeSigner, resolveAddress, resolveSigner, type GlobalOptions, type Role } from './settings';
import type * as Wallets from '../adapters/keys/wallet';
import type * as Passwords from '../adapters/keys/wallet-password';
import type * as LocalStack from '../adapters/local-stack';
import type * as Profiles from './profiles';

// Loaded when they are needed: together they take longer to load than most commands take to run.
const load = createRequire(__filename);
const wallets = () => load('../adapters/keys/wallet') as typeof Wallets;
const passwords = () => load('../adapters/keys/wallet-password') as typeof Passwords;
const localStack = () => load('../adapters/local-stack') as typeof LocalStack;
const profiles = () => load('./profiles') as typeof Profiles;

export class Session {
  readonly options: GlobalOptions;
  readonly printer: Printer;
  private readonly profile: Profile | undefined;

  constructor(
    command: Command,
    readonly env: NodeJS.ProcessEnv = process.env,
  ) {
    this.options = command.optsWithGlobals<GlobalOptions>();
    const { profile } = this.options;
    this.profile = profile === undefined ? undefined : profiles().loadProfile(profile, env);
    const asked = this.options.output ?? this.profile?.output;
    const format = chooseFormat(asked, Boolean(process.stdout.isTTY));
    this.printer = createPrinter(format, asked !== undefined, (text) => process.stdout.write(`${text}\n`));
  }

  /** Says something to the user, apart from the data. */
  say(text: string): void {
    process.stderr.write(`${printable(text)}\n`);
  }

  /**
   * Runs `work` with the owner API, and frees its connections.
   * @param role whose key signs; null for public routes, which need no wallet
   * @throws CliError saying which server, which key and what next, for whatever the client threw
   */
  async withApi<T>(role: Role | null, work: (api: Api) => Promise<T>): Promise<T> {
    const address = resolveAddress(this.options, this.profile, this.env, () => this.localApiUrl());
    const signer = role === null ? null : await this.signer(role);
    // Sent once: whoever types a command would rather be told than wait; `run watch` keeps trying by itself.
    const transport = new OwnerTransport({
      baseUrl: address.url,
      hotkey: signer?.hotkey ?? null,
      attempts: 1,
    });
    const within = (timeoutMs?: number): OwnerApi =>
      createOwnerApi(transport, address.url, timeoutMs === undefined ? {} : { timeoutMs });
    const api: Api = {
      owner: within(),
      within,
      download: (path, file, timeoutMs) => {
        const url = new URL(`${address.url.replace(/\/+$/, '')}${path}`);
        const call = {
          method: 'GET' as const,
          path,
          url,
          body: undefined,
          contentType: undefined,
          timeoutMs,
        };
        return transport.download(call, file).catch((error: NodeJS.ErrnoException) => {
          if (error.syscall === undefined) throw error;
          throw new UsageError(`cannot write ${file}: ${error.code ?? error.message}`);
        });
      },
      address,
      signer,
    };
    try {
      return await work(api);
    } catch (error) {
      throw explainFailure(error, api);
    } finally {
      await transport.close();
    }
  }

  /** Address of the control plane that runs on this machine, as `eirel-ai start` recorded it. */
  private localApiUrl(): string | undefined {
    const { dataDirFromEnv, runningStackEnv } = localStack();
    return runningStackEnv(dataDirFromEnv(this.env))?.OWNER_API_PUBLIC_URL;
  }

  private async signer(role: Role): Promise<Signer> {
    const choice = resolveSigner(role, this.options, this.profile, this.env);
    try {
      const hotkey =
        choice.kind === 'secret'
          ? await wallets().hotkeyFromEnv(this.env, choice.prefix)
          : await wallets().loadWalletHotkey(choice, this.passwordSource(role));
      return { hotkey, source: describeSigner(choice) };
    } catch (error) {
      if (error instanceof CliError || exitCodeOf(error) !== EXIT.usage) throw error;
      const prefix = `EIREL_${role.toUpperCase()}`;
      throw new CliError(
        (error as Error).message,
        EXIT.usage,
        [
          `the ${role}'s key was looked for as ${describeSigner(choice)}`,
          `name another with --wallet-name, --hotkey-name and --wallet-path, or with ${prefix}_WALLET_NAME, ` +
            `${prefix}_HOTKEY_NAME and ${prefix}_WALLET_PATH, or give its phrase in ${prefix}_MNEMONIC`,
        ],
        { cause: error },
      );
    }
  }

  /** The environment's password of an encrypted wallet, else the user's. */
  private passwordSource(role: Role): Passwords.PasswordSource {
    const source = passwords().passwordFromEnv(this.env, `EIREL_${role.toUpperCase()}`);
    return {
      ...source,
      find: async (file) =>
        (await source.find(file)) ??
        (this.canAsk ? await ask(`Password of ${file}: `, { hidden: true }) : null),
    };
  }

  /** True when the user can be asked: a terminal on both ends, and no program that reads JSON. */
  get canAsk(): boolean {
    const forProgram = this.printer.asked && this.printer.format !== 'table';
    return Boolean(process.stdin.isTTY && process.stdout.isTTY) && !forProgram;
  }

  /**
   * Asks before something is changed; `--yes` answers in advance.
   * @throws UsageError when nobody can be asked and `--yes` was not given; Cancelled for any answer but yes
   */
  async confirm(question: string, yes: boolean | undefined): Promise<void> {
    if (yes) return;
    if (!this.canAsk) {
      throw new UsageError(
        `not done: ${question.replace(/\?$/, '')} needs a yes, and nobody can be asked here`,
        ['pass --yes to do it without a question, or --dry-run to see what it would do'],
      );
    }
    if (!/^y(es)?$/i.test((await ask(`${question} [y/N] `)).trim())) throw new Cancelled();
  }
}
