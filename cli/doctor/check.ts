import { EXIT, type ExitCode } from '../exit-codes';

export type CheckStatus = 'ok' | 'warning' | 'failed' | 'skipped';

/** One thing that was looked at. */
export interface CheckResult {
  check: string;
  status: CheckStatus;
  /** What was found. */
  found: string;
  /** What to do about it, null when there is nothing to do. */
  fix: string | null;
}

/** A check that found something wrong; the exit code says of what kind. */
export class Finding extends Error {
  override readonly name = 'Finding';
  constructor(
    found: string,
    readonly fix: string,
    readonly exitCode: ExitCode = EXIT.failed,
    readonly status: 'failed' | 'warning' | 'skipped' = 'failed',
  ) {
    super(found);
  }
}

/** Something that works, but not well. */
export const warning = (found: string, fix: string): Finding => new Finding(found, fix, EXIT.ok, 'warning');
/** Something that cannot be looked at, since something else is missing. */
export const skipped = (found: string, fix: string): Finding => new Finding(found, fix, EXIT.ok, 'skipped');

export interface Examined extends CheckResult {
  exitCode: ExitCode;
}

const LONGEST_MS = 30_000;

/** Runs one check; whatever it throws is a result too. */
export async function examine(check: string, look: () => Promise<string>): Promise<Examined> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Finding(`no answer within ${LONGEST_MS / 1000} s`, 'try again', EXIT.temporary)),
      LONGEST_MS,
    );
  });
  try {
    return {
      check,
      status: 'ok',
      found: await Promise.race([look(), tooLong]),
      fix: null,
      exitCode: EXIT.ok,
    };
  } catch (error) {
    if (error instanceof Finding) {
      return { check, status: error.status, found: error.message, fix: error.fix, exitCode: error.exitCode };
    }
    const found = error instanceof Error ? error.message : String(error);
    return {
      check,
      status: 'failed',
      found,
      fix: 'see the message; run again with EIREL_DEBUG=1',
      exitCode: EXIT.failed,
    };
  } finally {
    clearTimeout(timer);
  }
}
