/** One reading for everybody who asks within a short time, for counts over many rows that many ask for. */
export class SharedRead<T> {
  private readonly readings = new Map<string, { until: number; value: Promise<T> }>();

  /** @param ageMs how long an answer is given again @param most answers kept */
  constructor(
    private readonly ageMs: number,
    private readonly most = 256,
  ) {}

  /** The answer for a key: one that is young enough or under way, else a new one. A failure is not kept. */
  get(key: string, read: () => Promise<T>): Promise<T> {
    const last = this.readings.get(key);
    if (last && last.until > performance.now()) return last.value;
    const reading = { until: Infinity, value: read() };
    if (this.readings.size >= this.most) this.readings.clear();
    this.readings.set(key, reading);
    reading.value.then(
      () => (reading.until = performance.now() + this.ageMs),
      () => {
        if (this.readings.get(key) === reading) this.readings.delete(key);
      },
    );
    return reading.value;
  }

  /** Forgets everything, because something was written. */
  clear(): void {
    this.readings.clear();
  }
}
