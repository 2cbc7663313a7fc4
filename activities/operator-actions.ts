import type { Db, DbTx } from '../adapters/postgres';
import { writeAction, type ActionRecord } from '../adapters/postgres/operator-actions';
import { mergeHealthDetails } from '../adapters/postgres/runs';

export interface OperatorActivities {
  recordAction(record: ActionRecord): Promise<void>;
  holdDeployment(input: { deploymentId: string; held: boolean }): Promise<void>;
  banHotkey(input: { hotkey: string; reason: string; bannedBy: string }): Promise<void>;
}

/** What operators order through workflows directly, kept like what comes through the API. */
export function createOperatorActivities(deps: { db: Db }): OperatorActivities {
  const { db } = deps;
  return {
    async recordAction(record) {
      await db.$transaction((tx) => writeAction(tx, record));
    },

    /** A deployment that is held is not started by any run until an operator lets it go. */
    async holdDeployment({ deploymentId, held }) {
      await mergeHealthDetails(db, deploymentId, { operator_drain: held });
    },

    async banHotkey({ hotkey, reason, bannedBy }) {
      await banHotkey(db, { hotkey, reason, bannedBy });
    },
  };
}

/** Refuses a hotkey from now on. @returns false when it was banned already */
export async function banHotkey(
  db: DbTx,
  ban: { hotkey: string; reason: string; bannedBy: string },
): Promise<boolean> {
  const present = await db.bannedHotkey.findUnique({ where: { hotkey: ban.hotkey } });
  if (present && present.liftedAt === null) return false;
  const row = { ...ban, createdAt: new Date(), liftedAt: null };
  await db.bannedHotkey.upsert({ where: { hotkey: ban.hotkey }, create: row, update: row });
  return true;
}
