/** Turns what the API client threw into an error that says which server, which key, and what to do next. */
import { OwnerAnswerInvalid, OwnerRefused, OwnerUnreachable } from '../adapters/owner-client';
import { reasonOf } from '../adapters/owner-client/transport';
import { CliError, EXIT, exitCodeOfStatus } from './exit-codes';
import { cell } from './output';
import type { Api } from './api';

type Where = Pick<Api, 'address' | 'signer'>;

/** Errors of other kinds are given back as they are. */
export function explainFailure(error: unknown, where: Where): unknown {
  if (error instanceof OwnerRefused) return refused(error, where);
  if (error instanceof OwnerUnreachable) return unreachable(error, where);
  if (error instanceof OwnerAnswerInvalid) {
    return new CliError(
      error.message,
      EXIT.failed,
      [`check that ${where.address.url} (from ${where.address.source}) is an owner API of this release`],
      { cause: error },
    );
  }
  return error;
}

function unreachable(error: OwnerUnreachable, { address }: Where): CliError {
  const reason = error.cause === undefined ? error.message : reasonOf(error.cause);
  return new CliError(
    `HTTP request failed: the owner API at ${address.url} was not reached (${reason})`,
    EXIT.temporary,
    [
      `that address comes from ${address.source}`,
      'start a control plane on this machine with: npm start',
      'or point elsewhere with --api-url URL, or OWNER_API_PUBLIC_URL in the environment',
    ],
    { cause: error },
  );
}

/** The first two lines are the original command's: method, path and status, then the body. */
function refused(error: OwnerRefused, where: Where): CliError {
  const { status, detail } = error;
  const hints = fieldHints(detail);
  if (status === 401) {
    hints.push(
      where.signer === null
        ? 'this route wants a signature'
        : 'check the clock of this machine (a signature is good for 60 s) and the key below',
    );
  }
  if ((status === 401 || status === 403) && where.signer) {
    hints.push(
      `signed as ${where.signer.hotkey.ss58} (${where.signer.source})`,
      'choose another key with --wallet-name, --hotkey-name and --wallet-path',
    );
  }
  if (error.retryAfterSeconds !== null) hints.push(`try again in ${error.retryAfterSeconds} s`);
  return new CliError(
    `${error.method} ${error.path} \u2192 ${status}\n${bodyText(detail)}`,
    exitCodeOfStatus(status),
    hints,
    { cause: error },
  );
}

/** The body as sent. A text that is markup came from something in between, and is shown as it is. */
function bodyText(detail: unknown): string {
  if (typeof detail === 'string' && /^\s*</.test(detail)) return cell(detail);
  return JSON.stringify({ detail });
}

function fieldHints(detail: unknown): string[] {
  if (!Array.isArray(detail)) return [];
  return detail.flatMap((item: unknown) => {
    if (item === null || typeof item !== 'object' || !('loc' in item) || !('msg' in item)) return [];
    const place = Array.isArray(item.loc) ? item.loc.join('.') : String(item.loc);
    return [cell(`${place}: ${String(item.msg)}`)];
  });
}
