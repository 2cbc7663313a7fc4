import { Prisma, type Db } from './index';
import { prepared } from './prepared';

/** A validator on the operators' whitelist. Stake in rao. */
export interface ValidatorRow {
  hotkey: string;
  uid: number;
  stake: bigint;
  isActive: boolean;
  lastSyncedAt: Date;
}

/** @returns null when the hotkey is not on the list */
export async function findValidator(db: Db, hotkey: string): Promise<ValidatorRow | null> {
  const [row] = await prepared<ValidatorRow>(
    db,
    Prisma.sql`
    SELECT hotkey, uid, stake, is_active AS "isActive", last_synced_at AS "lastSyncedAt"
    FROM validators WHERE hotkey = ${hotkey}::text`,
  );
  return row ?? null;
}
