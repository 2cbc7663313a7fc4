/** What every command that gives an order has in common: why, a dry run, a question, an id of its own, one answer. */
import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { Api } from './api';
import { UsageError } from './exit-codes';
import { fields } from './output';
import { Session } from './session';

/** Longest that an order waits for its workflow, in milliseconds. */
const ORDER_MS = 60_000;
const MAX_REASON = 500;

export interface OrderOptions {
  reason: string;
  dryRun?: boolean;
  yes?: boolean;
  orderId?: string;
}

/** The part of a body that all orders share. */
export interface OrderBody {
  reason: string;
  dry_run: boolean;
  order_id: string;
  via: 'cli';
}

/** Adds the options of an order. */
export function withOrderOptions(command: Command): Command {
  return command
    .option('--reason <text>', 'why; kept with the order', '')
    .option('--dry-run', 'say what it would do and change nothing')
    .option('--yes', 'do not ask')
    .option('--order-id <id>', 'name of this order: sent twice, it is carried out once');
}

/** @throws UsageError when the reason is too long */
export function orderBodyOf(options: OrderOptions): OrderBody {
  if (options.reason.length > MAX_REASON)
    throw new UsageError(`--reason takes at most ${MAX_REASON} characters`);
  return {
    reason: options.reason,
    dry_run: options.dryRun ?? false,
    order_id: options.orderId ?? randomUUID(),
    via: 'cli',
  };
}

/**
 * Asks, gives the order as the owner, and prints what came of it.
 * @param question asked before it is done, not before a dry run
 */
export async function giveOrder(
  command: Command,
  options: OrderOptions,
  question: string,
  send: (owner: Api['owner'], body: OrderBody) => Promise<object>,
): Promise<void> {
  const session = new Session(command);
  const body = orderBodyOf(options);
  await session.withApi('owner', async (api) => {
    if (!options.dryRun) await session.confirm(question, options.yes);
    session.printer.data(await send(api.within(ORDER_MS), body), (answer) =>
      fields(
        Object.entries(answer).map(([name, value]): [string, string] => [
          name,
          Array.isArray(value) ? value.join(', ') : String(value),
        ]),
      ),
    );
  });
}

/** The command of a name, made when nobody has made it yet. */
export function commandGroup(parent: Command, name: string, description: string): Command {
  return (
    parent.commands.find((command) => command.name() === name) ??
    parent.command(name).description(description)
  );
}
