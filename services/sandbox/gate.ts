import { HttpError } from '../../domain/http-errors';

/** Lets so many executions run at one time, and so many more wait, in the order of their coming. */
export class Gate {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(
    private readonly concurrency: number,
    private readonly maxWaiting: number,
  ) {}

  /**
   * Runs `work` when its turn comes.
   * @throws HttpError 503 when too many wait already; the signal's reason when it fires before the turn
   */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.enter(signal);
    try {
      return await work();
    } finally {
      this.running -= 1;
      this.waiting.shift()?.();
    }
  }

  private async enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.running >= this.concurrency) {
      if (this.waiting.length >= this.maxWaiting) {
        throw new HttpError(503, 'the sandbox is busy; try again', {}, { 'Retry-After': '2' });
      }
      await new Promise<void>((resolve, reject) => {
        const turn = () => {
          signal.removeEventListener('abort', leave);
          resolve();
        };
        const leave = () => {
          const place = this.waiting.indexOf(turn);
          if (place >= 0) this.waiting.splice(place, 1);
          reject(signal.reason as Error);
        };
        this.waiting.push(turn);
        signal.addEventListener('abort', leave, { once: true });
      });
    }
    this.running += 1;
  }
}
