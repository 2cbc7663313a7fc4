/** How many calls one vendor gets at once, and how many may wait for their turn. */
export interface Limit {
  maxConcurrency: number;
  /** A call that finds this many waiting is refused at once; 0 lets none wait. */
  maxQueue: number;
}

/** As many wait as may. */
export class QueueFull extends Error {
  override readonly name = 'QueueFull';
  constructor(readonly limit: Limit) {
    super(
      `${limit.maxConcurrency} calls are under way and ${limit.maxQueue} wait, which is the most allowed`,
    );
  }
}

/** Lets a bounded number of calls through at once, the others in their order. */
export class Gate {
  private free: number;
  // A Set keeps the order of arrival and lets one in the middle leave.
  private readonly waiting = new Set<() => void>();

  constructor(private readonly limit: Limit) {
    this.free = limit.maxConcurrency;
  }

  /**
   * Waits for a turn.
   * @returns gives the turn back; calling it again does nothing
   * @throws QueueFull; the signal's reason when it fires first
   */
  async enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.free > 0) {
      this.free -= 1;
    } else {
      if (this.waiting.size >= this.limit.maxQueue) throw new QueueFull(this.limit);
      await new Promise<void>((resolve, reject) => {
        const onTurn = () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        };
        const onAbort = () => {
          this.waiting.delete(onTurn);
          reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
        };
        signal.addEventListener('abort', onAbort, { once: true });
        this.waiting.add(onTurn);
      });
    }
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const [next] = this.waiting;
      if (next) {
        this.waiting.delete(next);
        next();
      } else {
        this.free += 1;
      }
    };
  }
}
