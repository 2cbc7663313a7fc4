/** How a command ends: one number for scripts, one sentence and a next step for people. */
import { CommanderError } from 'commander';
import { ArchiveRefused } from '../adapters/archive/limits';
import { KeyConfigError, WalletEncrypted, WalletInvalid, WalletNotFound } from '../adapters/keys/errors';
import { OwnerRefused, OwnerUnreachable } from '../adapters/owner-client';

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
    options?: ErrorOptions,
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
