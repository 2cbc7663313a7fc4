import type { ValidatorRow } from '../../adapters/postgres/validators';
import { naiveIso } from '../../domain/time';

/** A validator as the wire shows it. */
export function validatorView(row: ValidatorRow) {
  return {
    hotkey: row.hotkey,
    uid: row.uid,
    stake: Number(row.stake),
    is_active: row.isActive,
    last_synced_at: naiveIso(row.lastSyncedAt),
  };
}
