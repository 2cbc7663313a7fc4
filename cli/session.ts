/** What a command works with: its options, its output, the owner API, a question to the user. */
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { hotkeyFromEnv, loadWalletHotkey } from '../adapters/keys/wallet';
import type { Hotkey } from '../adapters/keys/types';
import { dataDirFromEnv, runningStackEnv } from '../adapters/local-stack';
import { OwnerClient } from '../adapters/owner-client';
import { explainFailure } from './failures';
import { Cancelled, CliError, EXIT, exitCodeOf, UsageError } from './exit-codes';
import { chooseFormat, createPrinter, type Printer } from './output';
import { loadProfile, type Profile } from './profiles';
import {
  describeSigner,
  resolveAddress,
  resolveSigner,
  type Address,
  type GlobalOptions,
  type Role,
} from './settings';

export interface Signer {
  hotkey: Hotkey;
  /** In words. */
  source: string;
}

/** The owner API as one command sees it. */
export interface Api {
  client: OwnerClient;
  address: Address;
  /** null for public routes. */
  signer: Signer | null;
}

export class Session {
  readonly options: GlobalOptions;
  readonly printer: Printer;
  private readonly profile: Profile | undefined;

  constructor(
    command: Command,
    readonly env: NodeJS.ProcessEnv = process.env,
  ) {
    this.options = command.optsWithGlobals<GlobalOptions>();
    this.profile = this.options.profile === undefined ? undefined : loadProfile(this.options.profile, env);
    const asked = this.options.output ?? this.profile?.output;
    const format = chooseFormat(asked, Boolean(process.stdout.isTTY));
    this.printer = createPrinter(format, asked !== undefined, (text) => process.stdout.write(`${text}\n`));
  }

  /** Says something to the user, apart from the data. */
  say(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  /**
   * Runs `work` with the owner API, and frees its connections.
   * @param role whose key signs; null for public routes, which need no wallet
   * @throws CliError saying which server, which key and what next, for whatever the client threw
   */
  async withApi<T>(role: Role | null, work: (api: Api) => Promise<T>): Promise<T> {
    const address = resolveAddress(
      this.options,
      this.profile,
      this.env,
      () => runningStackEnv(dataDirFromEnv(this.env))?.OWNER_API_PUBLIC_URL,
    );
    const signer = role === null ? null : await this.signer(role);
    // Sent once: whoever types a command would rather be told than wait; `run watch` keeps trying by itself.
    const client = new OwnerClient({ baseUrl: address.url, hotkey: signer?.hotkey ?? null, attempts: 1 });
    const api = { client, address, signer };
    try {
      return await work(api);
    } catch (error) {
      throw explainFailure(error, api);
    } finally {
      await client.close();
    }
  }

  private async signer(role: Role): Promise<Signer> {
    const choice = resolveSigner(role, this.options, this.profile, this.env);
    try {
      const hotkey =
        choice.kind === 'secret'
          ? await hotkeyFromEnv(this.env, choice.prefix)
          : await loadWalletHotkey(choice);
      return { hotkey, source: describeSigner(choice) };
    } catch (error) {
      if (exitCodeOf(error) !== EXIT.usage) throw error;
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
    const reader = createInterface({ input: process.stdin, output: process.stderr });
    const cancel = new AbortController();
    reader.once('SIGINT', () => cancel.abort());
    reader.once('close', () => cancel.abort());
    try {
      const answer = await reader.question(`${question} [y/N] `, { signal: cancel.signal });
      if (!/^y(es)?$/i.test(answer.trim())) throw new Cancelled();
    } catch (error) {
      if (cancel.signal.aborted && !(error instanceof Cancelled)) {
        process.stderr.write('\n');
        throw new Cancelled();
      }
      throw error;
    } finally {
      reader.close();
    }
  }
}
