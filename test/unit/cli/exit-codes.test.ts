import { CommanderError } from 'commander';
import fc from 'fast-check';
import { ArchiveRefused } from '../../../adapters/archive';
import { hotkeyFromUri } from '../../../adapters/keys/hotkey';
import { KeyConfigError, WalletEncrypted, WalletNotFound } from '../../../adapters/keys/errors';
import { OwnerAnswerInvalid, OwnerRefused, OwnerUnreachable } from '../../../adapters/owner-client';
import {
  Cancelled,
  EXIT,
  exitCodeOf,
  exitCodeOfStatus,
  kindOf,
  UsageError,
  CliError,
} from '../../../cli/exit-codes';
import { explainFailure } from '../../../cli/failures';

test.each([
  [200, 0],
  [400, 3],
  [401, 4],
  [403, 4],
  [404, 5],
  [408, 6],
  [409, 3],
  [413, 3],
  [422, 3],
  [429, 3],
  [500, 1],
  [502, 6],
  [503, 6],
  [504, 6],
])('HTTP %i ends with %i', (status, code) => {
  expect(exitCodeOfStatus(status)).toBe(code);
  expect(exitCodeOf(new OwnerRefused(status, 'x', 'GET', '/y'))).toBe(code);
});

test('property: no refusal counts as success', () => {
  fc.assert(
    fc.property(fc.integer({ min: 400, max: 599 }), (status) => exitCodeOfStatus(status) !== EXIT.ok),
  );
});

test.each<[unknown, number]>([
  [new Error('any'), 1],
  ['text', 1],
  [new OwnerAnswerInvalid('x'), 1],
  [new OwnerUnreachable('x'), 6],
  [new UsageError('x'), 2],
  [new Cancelled(), 2],
  [new WalletNotFound('x'), 2],
  [new WalletEncrypted('x'), 2],
  [new KeyConfigError('x'), 2],
  [new ArchiveRefused('not_gzip', null, 'x'), 3],
  [new CommanderError(0, 'commander.helpDisplayed', ''), 0],
  [new CommanderError(1, 'commander.unknownCommand', ''), 2],
])('%s ends with %i', (error, code) => {
  expect(exitCodeOf(error)).toBe(code);
});

const refusal = (status: number): OwnerRefused => new OwnerRefused(status, 'x', 'GET', '/y');
test.each<[unknown, string, string]>([
  [new Error('any'), 'failed', 'machine'],
  [new UsageError('x'), 'usage', 'caller'],
  [new Cancelled(), 'cancelled', 'caller'],
  [new WalletNotFound('x'), 'usage', 'caller'],
  [new ArchiveRefused('not_gzip', null, 'x'), 'not_gzip', 'caller'],
  [new OwnerAnswerInvalid('x'), 'answer_invalid', 'owner'],
  [new OwnerUnreachable('x'), 'unreachable', 'owner'],
  [refusal(401), 'authentication', 'caller'],
  [refusal(404), 'not_found', 'caller'],
  [refusal(409), 'refused', 'caller'],
  [refusal(429), 'rate_limited', 'caller'],
  [refusal(500), 'failed', 'owner'],
  [refusal(503), 'temporary', 'owner'],
  [new CliError('x', EXIT.refused, [], { cause: refusal(503) }), 'refused', 'owner'],
  [new CliError('x', EXIT.temporary), 'temporary', 'machine'],
  [new CliError('x', EXIT.failed, [], { code: 'not_verified', owner: 'owner' }), 'not_verified', 'owner'],
])('%s has the code %s and is for the %s to act on', (error, code, owner) => {
  expect(kindOf(error)).toEqual({ code, owner });
});

describe('explanations', () => {
  const address = { url: 'http://127.0.0.1:9', source: '--api-url' };
  const signer = { hotkey: hotkeyFromUri('//Owner'), source: 'wallet owner, hotkey op1' };
  const explain = (error: unknown, who: typeof signer | null = signer): CliError =>
    explainFailure(error, { address, signer: who }) as CliError;

  test('a refusal keeps the two lines of the original and says who signed', () => {
    const error = explain(new OwnerRefused(403, 'owner access denied', 'GET', '/v1/admin/whoami'));
    expect(error.message).toBe('GET /v1/admin/whoami \u2192 403\n{"detail":"owner access denied"}');
    expect(error.exitCode).toBe(4);
    expect(error.hints.join('\n')).toContain(`signed as ${signer.hotkey.ss58} (wallet owner, hotkey op1)`);
  });

  test('field errors are listed, a wait is told, a gateway page is shown as it came', () => {
    const detail = [{ type: 'missing', loc: ['body', 'hotkey'], msg: 'Field required', input: {} }];
    expect(explain(new OwnerRefused(422, detail, 'POST', '/x')).hints).toEqual([
      'body.hotkey: Field required',
    ]);
    expect(explain(new OwnerRefused(503, 'later', 'POST', '/x', 5)).hints).toEqual(['try again in 5 s']);
    expect(explain(new OwnerRefused(502, '<html>\x1b[2J', 'GET', '/x')).message).toBe(
      'GET /x \u2192 502\n<html>\\u001b[2J',
    );
  });

  test('a server that is not there: which address, why that one, how to start it, how to point elsewhere', () => {
    const cause = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    const error = explain(new OwnerUnreachable('x', { cause }), null);
    expect(error.message).toBe(
      'HTTP request failed: the owner API at http://127.0.0.1:9 was not reached (ECONNREFUSED)',
    );
    expect(error.exitCode).toBe(6);
    const hints = error.hints.join('\n');
    for (const word of ['comes from --api-url', 'npm start', '--api-url URL', 'OWNER_API_PUBLIC_URL']) {
      expect(hints).toContain(word);
    }
  });

  test('other errors are left alone', () => {
    const error = new Error('mine');
    expect(explain(error)).toBe(error);
  });
});
