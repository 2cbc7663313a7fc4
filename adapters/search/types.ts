/** One result, whatever engine found it. */
export interface SearchResult {
  title: string;
  url: string;
  snippet: string;
  /** Higher is better; 0 to 1. */
  score: number;
  metadata: Record<string, unknown>;
}

/** A search engine. */
export interface SearchBackend {
  name: string;
  /**
   * @param topK results wanted, 1 to 10
   * @throws SearchError
   */
  search(query: string, topK: number, signal: AbortSignal): Promise<SearchResult[]>;
}

/** An engine did not answer as it should. The message names the engine and never a key. */
export class SearchError extends Error {
  override readonly name = 'SearchError';
  constructor(
    readonly backend: string,
    /** Whether the same request might succeed later: an outage, not a refusal. */
    readonly retryable: boolean,
    message: string,
  ) {
    super(`${backend}: ${message}`);
  }
}

/** Score of the result at a position, counted from 0, for engines that only rank. */
export function rankScore(index: number): number {
  return Math.max(0, Number((1 - 0.08 * index).toFixed(6)));
}
