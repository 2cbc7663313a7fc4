import type { KeyValues } from './runtime';

/**
 * Key-value state with its whole history: every key keeps the values it had from which block on, so that a read at an
 * old block sees what was true then. Changes collect per block, and within it per extrinsic so that one can be undone.
 */
export class StateDb implements KeyValues {
  private readonly history = new Map<string, { block: number; value: string | null }[]>();
  private pending = new Map<string, string | null>();
  private attempt: Map<string, string | null> | null = null;

  /** Newest value, unsealed changes included. */
  get(key: string): string | null {
    for (const overlay of [this.attempt, this.pending]) {
      const value = overlay?.get(key);
      if (value !== undefined) return value;
    }
    return this.history.get(key)?.at(-1)?.value ?? null;
  }

  set(key: string, value: string | null): void {
    (this.attempt ?? this.pending).set(key, value);
  }

  /** Value after the given block. */
  getAt(key: string, block: number): string | null {
    const versions = this.history.get(key);
    if (!versions) return null;
    let low = 0;
    let high = versions.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((versions[middle] as { block: number }).block <= block) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? null : (versions[low - 1]?.value ?? null);
  }

  /** Keys under a prefix that have a value after the given block, sorted. */
  keysAt(prefix: string, block: number): string[] {
    return [...this.history.keys()]
      .filter((k) => k.startsWith(prefix) && this.getAt(k, block) !== null)
      .sort();
  }

  /** Runs changes that are kept only when `work` returns true. */
  tryChanges(work: () => boolean): void {
    if (this.attempt) throw new Error('changes cannot be nested');
    this.attempt = new Map();
    const keep = work();
    const changes = this.attempt;
    this.attempt = null;
    if (keep) for (const [key, value] of changes) this.pending.set(key, value);
  }

  /** Forgets what a block changed, and all after it. */
  revert(block: number): void {
    this.pending = new Map();
    for (const [key, versions] of this.history) {
      const kept = versions.filter((version) => version.block < block);
      if (kept.length === 0) this.history.delete(key);
      else if (kept.length < versions.length) this.history.set(key, kept);
    }
  }

  /** Makes the collected changes part of a block. @returns them sorted by key */
  seal(block: number): [string, string | null][] {
    const changes = [...this.pending].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [key, value] of changes) {
      const versions = this.history.get(key);
      if (versions) versions.push({ block, value });
      else this.history.set(key, [{ block, value }]);
    }
    this.pending = new Map();
    return changes;
  }
}
