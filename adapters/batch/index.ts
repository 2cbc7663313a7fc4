/** How items that come together are worked on together. */
export interface BatchOptions {
  /** Items in one batch at the most. */
  size: number;
  /** Batches under way at the same time. */
  lanes: number;
  /**
   * Whether a batch may have failed for one of its items, such as a value that does not fit its column; its items are
   * then worked on one by one, so that each has its own outcome. Any other failure is that of all.
   */
  isItemFault?: (error: unknown) => boolean;
}

interface Waiting<I, O> {
  item: I;
  resolve: (output: O) => void;
  reject: (error: unknown) => void;
}

/**
 * Works on what is asked for at the same time in one go: while a batch is under way, what comes waits for the next.
 * Nothing waits for a timer, so an item that comes alone is worked on at once. A batch begins after all of its items
 * were asked for, so what it reads is never older than the question.
 */
export class Batch<I, O = void> {
  private readonly waiting: Waiting<I, O>[] = [];
  private underWay = 0;
  private scheduled = false;

  /** @param work one output for each item, in their order */
  constructor(
    private readonly work: (items: readonly I[]) => Promise<readonly O[]>,
    private readonly options: BatchOptions,
  ) {}

  /** Rejects with what the batch failed with. */
  add(item: I): Promise<O> {
    return new Promise<O>((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      if (this.scheduled) return;
      this.scheduled = true;
      // After all that the same turn of the event loop brings.
      setImmediate(() => {
        this.scheduled = false;
        this.next();
      });
    });
  }

  private next(): void {
    while (this.underWay < this.options.lanes && this.waiting.length > 0) {
      this.underWay += 1;
      void this.run(this.waiting.splice(0, this.options.size)).finally(() => {
        this.underWay -= 1;
        this.next();
      });
    }
  }

  private async run(batch: readonly Waiting<I, O>[]): Promise<void> {
    try {
      const outputs = await this.work(batch.map(({ item }) => item));
      if (outputs.length !== batch.length)
        throw new Error('a batch gave another number of outputs than it had items');
      batch.forEach(({ resolve }, index) => resolve(outputs[index] as O));
    } catch (error) {
      if (batch.length === 1 || !this.options.isItemFault?.(error)) {
        for (const { reject } of batch) reject(error);
        return;
      }
      for (const one of batch) await this.run([one]);
    }
  }
}
