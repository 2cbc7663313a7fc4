/** Every order of the owner leaves a row: who, when, why, by which way, and what came of it. */
import { randomUUID } from 'node:crypto';
import type { Prisma } from '../../adapters/postgres';
import { messageOf } from '../../adapters/logging';
import { HttpError } from '../../domain/http-errors';
import type { ApiDeps } from '../deps';

/** An order as it arrived. */
export interface Order {
  /** The client's own id of this order, so that it can be sent again without being carried out twice. */
  orderId: string | undefined;
  /** Hotkey of whoever gives it. */
  actor: string;
  via: 'api' | 'cli';
  /** e.g. `run.pause` */
  action: string;
  target: string;
  reason: string;
  request?: Prisma.InputJsonObject;
}

/** What every order's body has. */
export interface OrderBody {
  reason: string;
  dry_run: boolean;
  order_id?: string | undefined;
  via: 'api' | 'cli';
}

/** Who gives an order, from its body and its signature. */
export function senderOf(
  body: OrderBody,
  hotkey: string,
): Pick<Order, 'orderId' | 'actor' | 'via' | 'reason'> {
  return { orderId: body.order_id, actor: hotkey, via: body.via, reason: body.reason };
}

/** What came of it. `unchanged`: it was so already. */
export interface Outcome {
  outcome: 'applied' | 'unchanged';
  message: string;
}

/**
 * Carries an order out between two writes of its row: `asked` before anything happens, then what came of it. An order
 * whose id was carried out before is not carried out again: what came of it then is the answer.
 * @param act is given the id of the order
 * @throws HttpError 409 when the id belongs to another order; whatever `act` throws
 */
export async function audited(
  deps: ApiDeps,
  order: Order,
  act: (id: string) => Promise<Outcome>,
): Promise<Outcome> {
  const id = order.orderId ?? randomUUID();
  const { actor, via, action, target, reason, request = {} } = order;
  await deps.db.operatorAction.createMany({
    data: [{ id, actor, via, action, target, reason, requestJson: request, outcome: 'asked' }],
    skipDuplicates: true,
  });
  const row = await deps.db.operatorAction.findUniqueOrThrow({ where: { id } });
  if (row.action !== action || row.target !== target) {
    throw new HttpError(
      409,
      `order_id ${id} belongs to another order (${row.action} of ${row.target}): choose a new one`,
    );
  }
  if (row.outcome === 'applied' || row.outcome === 'unchanged') {
    return {
      outcome: 'unchanged',
      message: `this order was carried out before: ${row.message || row.outcome}`,
    };
  }
  try {
    const done = await act(id);
    await settle(deps, id, done.outcome, done.message);
    return done;
  } catch (error) {
    const refused = error instanceof HttpError && error.status < 500;
    await settle(deps, id, refused ? 'refused' : 'failed', messageOf(error));
    throw error;
  }
}

/** A workflow that was slow writes its own outcome later, and that one stays. */
async function settle(deps: ApiDeps, id: string, outcome: string, message: string): Promise<void> {
  await deps.db.operatorAction.updateMany({
    where: { id, outcome: { in: ['asked', 'failed', 'refused'] } },
    data: { outcome, message },
  });
}
