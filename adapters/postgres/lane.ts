/** Calls of one kind that come while others of it are under way go to the database together. */

export interface LaneOptions<I> {
  /** Statements under way at once, those left out that take longer than `STUCK_MS`. */
  statements: number;
  /** What one statement carries at the most, in units of `weight`; an item that weighs more goes alone. */
  most: number;
  /** At least 1. */
  weight: (item: I) => number;
}

/** What one statement waits for in the server, such as a lock, must not keep the others: after this long it is passed by. */
const STUCK_MS = 100;

interface Waiting<I, O> {
  item: I;
  resolve: (answer: O) => void;
  reject: (error: unknown) => void;
}

/**
 * Most of what a claim or a result costs the database is what any call costs. While a lane is free, a call goes at once;
 * while it is not, calls wait for the statement that is under way and then go as one. Nobody waits for company.
 */
export class Lane<I, O> {
  private readonly waiting: Waiting<I, O>[] = [];
  private running = 0;

  /**
   * @param carry carries items out and answers in their order. It is one transaction: when it throws, nothing was done for
   *   any of them.
   */
  constructor(
    private readonly carry: (items: readonly I[]) => Promise<readonly O[]>,
    private readonly options: LaneOptions<I>,
  ) {}

  /** @throws whatever `carry` throws for this item alone: one that fails does not fail the others it went with */
  submit(item: I): Promise<O> {
    return new Promise<O>((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      this.start();
    });
  }

  private start(): void {
    while (this.running < this.options.statements && this.waiting.length > 0) {
      this.running += 1;
      let counted = true;
      const release = (): void => {
        if (!counted) return;
        counted = false;
        this.running -= 1;
        this.start();
      };
      const stuck = setTimeout(release, STUCK_MS);
      void this.run(this.next()).finally(() => {
        clearTimeout(stuck);
        release();
      });
    }
  }

  private next(): Waiting<I, O>[] {
    let weight = 0;
    let count = 0;
    for (const { item } of this.waiting) {
      weight += this.options.weight(item);
      if (count > 0 && weight > this.options.most) break;
      count += 1;
    }
    return this.waiting.splice(0, count);
  }

  private async run(batch: readonly Waiting<I, O>[]): Promise<void> {
    try {
      const answers = await this.carry(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, index) => resolve(answers[index] as O));
    } catch (error) {
      const [first] = batch;
      if (batch.length === 1) return first?.reject(error);
      for (const one of batch) await this.run([one]);
    }
  }
}

/** The lane of a kind for each database, made when it is first used. */
export function laneOf<D extends object, I, O>(
  carry: (db: D, items: readonly I[]) => Promise<readonly O[]>,
  options: LaneOptions<I>,
): (db: D) => Lane<I, O> {
  const lanes = new WeakMap<D, Lane<I, O>>();
  return (db) => {
    let lane = lanes.get(db);
    if (!lane) lanes.set(db, (lane = new Lane((items) => carry(db, items), options)));
    return lane;
  };
}
