/**
 * A bounded memory of results by key, the longest unused going first. Work under way is shared too: whoever asks for a
 * key while it is being worked out waits for that one result. Failures are not kept.
 */
export class ResultCache<T> {
  private readonly entries = new Map<string, Promise<T>>();

  /** @param capacity most results kept; 0 keeps none, but still shares work under way */
  constructor(private readonly capacity: number) {}

  /** The result of a key: kept, under way, or worked out now. */
  async get(key: string, work: () => Promise<T>): Promise<T> {
    const kept = this.entries.get(key);
    if (kept) {
      this.entries.delete(key);
      this.entries.set(key, kept);
      return kept;
    }
    const promise = work();
    this.entries.set(key, promise);
    try {
      const result = await promise;
      if (this.capacity === 0) this.entries.delete(key);
      this.trim();
      return result;
    } catch (error) {
      this.entries.delete(key);
      throw error;
    }
  }

  get size(): number {
    return this.entries.size;
  }

  private trim(): void {
    for (const key of this.entries.keys()) {
      if (this.entries.size <= this.capacity) return;
      this.entries.delete(key);
    }
  }
}
