/** How a command ends: one number for scripts, one sentence and a next step for people. */
import { CommanderError } from 'commander';
import { ArchiveRefused } from '../adapters/archive/limits';
import { KeyConfigError, WalletEncrypted, WalletInvalid, WalletNotFound } from '../adapters/keys/errors';
import { OwnerAnswerInvalid, OwnerRefused, OwnerUnreachable } from '../adapters/owner-client';

export const EXIT = {
  ok: 0,
  /** It ran and failed: a server error, a run that does not verify. */
  failed: 1,
  /** Cancelled by the user, or called wrongly. */
  usage: 2,
  /** A rule forbids it; the same request will be refused again. */
  refused: 3,
  /** Not signed, or signed by someone who may not. */
  authentication: 4,
  notFound: 5,
  /** The same request may succeed later. */
  temporary: 6,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An error that is ready to be shown: what happened, how the command ends, what to do next. */
export class CliError extends Error {
  override readonly name: string = 'CliError';
  constructor(
    message: string,
    readonly exitCode: ExitCode,
    /** Next steps, one sentence each. */
    readonly hints: readonly string[] = [],
    /** `code` and `owner` where the exit code does not tell them, see `kindOf`. */
    readonly options: ErrorOptions & { code?: string; owner?: ErrorOwner } = {},
  ) {
    super(message, options);
  }
}

/** Wrong arguments or settings. */
export class UsageError extends CliError {
  override readonly name = 'UsageError';
  constructor(message: string, hints: readonly string[] = []) {
    super(message, EXIT.usage, hints);
  }
}

/** The user said no, or pressed Ctrl-C. */
export class Cancelled extends CliError {
  override readonly name = 'Cancelled';
  constructor(message = 'cancelled, nothing was changed') {
    super(message, EXIT.usage);
  }
}

/** Exit code of an HTTP answer: 0 below 400. */
export function exitCodeOfStatus(status: number): ExitCode {
  if (status < 400) return EXIT.ok;
  if (status === 401 || status === 403) return EXIT.authentication;
  if (status === 404) return EXIT.notFound;
  if ([408, 502, 503, 504].includes(status)) return EXIT.temporary;
  return status < 500 ? EXIT.refused : EXIT.failed;
}

/** Exit code of whatever a command threw. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exitCode;
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof OwnerRefused) return exitCodeOfStatus(error.status);
  if (error instanceof OwnerUnreachable) return EXIT.temporary;
  if (error instanceof ArchiveRefused) return EXIT.refused;
  const keyErrors = [KeyConfigError, WalletEncrypted, WalletInvalid, WalletNotFound];
  if (keyErrors.some((kind) => error instanceof kind)) return EXIT.usage;
  return EXIT.failed;
}

/** Whose turn it is after an error: who called, who runs the owner's side, or who runs this machine. */
export type ErrorOwner = 'caller' | 'owner' | 'machine';

const CODES: Record<ExitCode, string> = {
  [EXIT.ok]: 'ok',
  [EXIT.failed]: 'failed',
  [EXIT.usage]: 'usage',
  [EXIT.refused]: 'refused',
  [EXIT.authentication]: 'authentication',
  [EXIT.notFound]: 'not_found',
  [EXIT.temporary]: 'temporary',
};

/** What scripts tell errors apart by, beside the exit code, and who has to act on it. */
export function kindOf(error: unknown): { code: string; owner: ErrorOwner } {
  const derived = derivedKind(error);
  const { code = derived.code, owner = derived.owner } = error instanceof CliError ? error.options : {};
  return { code, owner };
}

function derivedKind(error: unknown): { code: string; owner: ErrorOwner } {
  if (error instanceof Cancelled) return { code: 'cancelled', owner: 'caller' };
  const exitCode = exitCodeOf(error);
  const code = CODES[exitCode];
  const source = error instanceof CliError && error.cause !== undefined ? error.cause : error;
  if (source instanceof OwnerUnreachable) return { code: 'unreachable', owner: 'owner' };
  if (source instanceof OwnerAnswerInvalid) return { code: 'answer_invalid', owner: 'owner' };
  if (source instanceof OwnerRefused) {
    return {
      code: source.status === 429 ? 'rate_limited' : code,
      owner: source.status >= 500 ? 'owner' : 'caller',
    };
  }
  if (source instanceof ArchiveRefused) return { code: source.code, owner: 'caller' };
  return { code, owner: exitCode === EXIT.failed || exitCode === EXIT.temporary ? 'machine' : 'caller' };
}
