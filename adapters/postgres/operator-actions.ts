/** What operators ordered, and what came of it. */
import { createHash } from 'node:crypto';
import type { DbTx, Prisma } from './index';

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
