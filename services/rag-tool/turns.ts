import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Spreads work over turns of the event loop, one piece each. Hundreds of searches that become ready together would
 * otherwise keep the process from reading what Redis and PostgreSQL have answered until these count as lost.
 */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();

  /** Resolves in a turn that is the caller's alone. */
  next(): Promise<unknown> {
    this.last = this.last.then(() => nextTurn());
    return this.last;
  }
}
