interface Reading<T> {
  /** When it was begun and when it was there, as `performance.now()`. */
  begun: number;
  ended: number;
  value: Promise<T>;
}

/** What was written, as `performance.now()` of when it was committed. */
export interface Written {
  /** By whoever asks: it is given nothing that was begun to be read before. */
  own?: number | undefined;
  /** By anybody, as far as this process knows: nothing before either, unless readings take long. */
  anyone?: number | undefined;
}

/** Readings up to this long are made anew after each write, if they are asked for. */
const QUICK_MS = 50;
/** Of longer ones, the most of the time that is spent on them is one in so many. */
const SHARE = 5;

/** One reading for everybody who asks within a short time, for counts over many rows that many ask for. */
export class SharedRead<T> {
  private readonly held = new Map<string, Reading<T>>();
  private readonly running = new Map<string, Reading<T>>();

  /**
   * @param ageMs after this long an answer is renewed; whoever asks meanwhile is still given the old one, for as long again
   * @param most answers kept
   */
  constructor(
    private readonly ageMs: number,
    private readonly most = 256,
  ) {}

  /** The answer for a key: one that is young enough, or a new one. A failure is not kept. */
  get(key: string, read: () => Promise<T>, written: Written = {}): Promise<T> {
    const held = this.held.get(key);
    if (!held || !this.holds(key, held, written)) return this.read(key, read, written);
    const age = performance.now() - held.ended;
    if (age > this.ageMs * 2) return this.read(key, read, written);
    // Nobody waits for this one; if it fails, whoever asks when the old one is too old is told.
    if (age > this.ageMs) this.read(key, read, written).catch(() => undefined);
    return held.value;
  }

  private read(key: string, read: () => Promise<T>, written: Written): Promise<T> {
    const running = this.running.get(key);
    if (running && this.holds(key, running, written)) return running.value;
    const reading: Reading<T> = { begun: performance.now(), ended: Infinity, value: read() };
    this.running.set(key, reading);
    const end = (): void => {
      if (this.running.get(key) === reading) this.running.delete(key);
    };
    reading.value.then(() => {
      end();
      reading.ended = performance.now();
      if ((this.held.get(key)?.begun ?? 0) > reading.begun) return;
      if (this.held.size >= this.most) this.held.clear();
      this.held.set(key, reading);
    }, end);
    return reading.value;
  }

  /** Whether a reading tells what it has to of what was written. */
  private holds(key: string, { begun }: Reading<T>, { own = 0, anyone = 0 }: Written): boolean {
    if (begun < own) return false;
    const last = this.held.get(key);
    const slow = last ? Math.max(0, last.ended - last.begun - QUICK_MS) : 0;
    return begun >= anyone || performance.now() - begun <= slow * SHARE;
  }
}
