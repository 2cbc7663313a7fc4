import { createHash } from 'node:crypto';
import type { Db, DbTx, Prisma } from '../adapters/postgres';
import { mergeHealthDetails } from '../adapters/postgres/runs';

/** One order: who gave it, when, why, by which way, and what came of it. */
export interface ActionRecord {
  /** Chosen by whoever gave it, or by the workflow that carried it out. */
  id: string;
  actor: string;
  via: string;
  /** e.g. `run.pause` */
  action: string;
  target: string;
  reason: string;
  outcome: 'applied' | 'unchanged' | 'refused';
  message: string;
  request?: Prisma.InputJsonObject;
}

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

/**
 * Writes what came of an order. The row that the API wrote before it gave the order keeps who gave it.
 * @returns false when it had been written before, so that what goes with it need not be repeated
 */
export async function writeAction(tx: DbTx, record: ActionRecord): Promise<boolean> {
  const { request = {}, ...fields } = record;
  let id = record.id;
  let earlier = await tx.operatorAction.findUnique({ where: { id } });
  if (earlier && (earlier.action !== record.action || earlier.target !== record.target)) {
    // Whoever signals may choose an id that is taken: the row that is there belongs to another order.
    id = createHash('sha256').update(`${id}/${record.action}/${record.target}`).digest('hex').slice(0, 36);
    earlier = await tx.operatorAction.findUnique({ where: { id } });
  }
  if (earlier?.outcome === record.outcome && earlier.message === record.message) return false;
  const known = earlier ? { actor: earlier.actor, via: earlier.via, reason: earlier.reason } : {};
  const row = { ...fields, ...known, id, requestJson: request };
  await tx.operatorAction.upsert({ where: { id }, create: row, update: row });
  return true;
}
