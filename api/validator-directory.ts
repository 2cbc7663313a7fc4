/**
 * The whitelist of validators as the hot path sees it: each entry is read at most every two seconds, so that one who is
 * removed or disabled, on whichever process of the API, is refused two seconds later at the latest, and on this process
 * at once. Hotkeys that are not on the list are never remembered: one who is added is admitted at once everywhere.
 */
import { findValidator, type ValidatorRow } from '../adapters/postgres/validators';
import type { ApiDeps } from './deps';

/** How long an entry is believed, in milliseconds. */
export const VALIDATOR_TTL_MS = 2_000;

interface Known {
  row: Promise<ValidatorRow | null>;
  until: number;
}

const directories = new WeakMap<ApiDeps['db'], Map<string, Known>>();

function directoryOf(deps: ApiDeps): Map<string, Known> {
  let directory = directories.get(deps.db);
  if (!directory) directories.set(deps.db, (directory = new Map()));
  return directory;
}

/** The entry of a hotkey, null when it is not on the list. */
export async function knownValidator(deps: ApiDeps, hotkey: string): Promise<ValidatorRow | null> {
  const directory = directoryOf(deps);
  const now = performance.now();
  const known = directory.get(hotkey);
  if (known && known.until > now) return known.row;
  const entry = { row: findValidator(deps.db, hotkey), until: now + VALIDATOR_TTL_MS };
  directory.set(hotkey, entry);
  const forget = () => {
    if (directory.get(hotkey) === entry) directory.delete(hotkey);
  };
  try {
    const row = await entry.row;
    if (!row) forget();
    return row;
  } catch (error) {
    forget();
    throw error;
  }
}

/** To be called wherever this process changes an entry, once the change is stored. */
export function forgetValidator(deps: ApiDeps, hotkey: string): void {
  directoryOf(deps).delete(hotkey);
}
