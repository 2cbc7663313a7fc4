/** What the run commands read. */
import { answerOf } from '../adapters/owner-api';
import { CliError, EXIT } from './exit-codes';
import type { Progress } from './progress-view';
import type { Api } from './api';

/** The id that an argument names: itself, or the current run's for `current` or nothing. */
export async function runIdOf(api: Api, argument: string | undefined): Promise<string> {
  if (argument !== undefined && argument !== 'current') return argument;
  return (await answerOf(api.owner.GET('/v1/runs/current'))).run_id;
}

/** Progress of a run, as it is now. */
export function fetchProgress(api: Api, runId: string, signal?: AbortSignal): Promise<Progress> {
  const params = { path: { id: runId } };
  return answerOf(
    api.within(15_000).GET('/v1/runs/{id}/progress', { params, ...(signal ? { signal } : {}) }),
  );
}

/** `--wait` ended without what was waited for. */
export function waitedInVain(what: string, seconds: number, progress: Progress | undefined): CliError {
  const now = progress ? `; it is ${progress.phase}: ${progress.reason ?? 'no reason known'}` : '';
  return new CliError(`${what} did not happen within ${seconds} s${now}`, EXIT.temporary, [
    'the request itself was accepted: look again with `eirel-ai run watch`',
  ]);
}
