import type { ValidatorModel } from '../../adapters/postgres/generated/models';
import { naiveIso } from '../../domain/time';

/** A validator as the wire shows it. */
export function validatorView(row: ValidatorModel) {
  return {
    hotkey: row.hotkey,
    uid: row.uid,
    stake: Number(row.stake),
    is_active: row.isActive,
    last_synced_at: naiveIso(row.lastSyncedAt),
  };
}
