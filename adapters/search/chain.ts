import { messageOf, type Logger } from '../logging';
import { SearchError, type SearchBackend, type SearchResult } from './types';

/** What a search found, where, and whom it asked before. */
export interface ChainAnswer {
  results: SearchResult[];
  backend: string;
  attempted: string[];
}

/** None of the engines answered. */
export class AllBackendsFailed extends Error {
  override readonly name = 'AllBackendsFailed';
  constructor(readonly attempted: readonly string[]) {
    super('all search backends failed');
  }
}

/**
 * Asks engines in their order until one answers; an answer without results is an answer. An engine that refuses (a
 * wrong key, say) is passed over like one that is down, since a search that another engine can serve should not fail.
 * Results whose address is not an http or https URL are left out.
 * @param timeoutMs longest time for each engine
 * @throws AllBackendsFailed
 */
export async function searchInOrder(
  backends: readonly SearchBackend[],
  query: string,
  topK: number,
  { timeoutMs, logger }: { timeoutMs: number; logger: Logger },
): Promise<ChainAnswer> {
  const attempted: string[] = [];
  for (const backend of backends) {
    attempted.push(backend.name);
    try {
      const found = await backend.search(query, topK, AbortSignal.timeout(timeoutMs));
      const results = found.filter(({ url }) => isWebUrl(url)).slice(0, topK);
      return { results, backend: backend.name, attempted };
    } catch (error) {
      const retryable = error instanceof SearchError && error.retryable;
      logger.warn('a search engine failed', { backend: backend.name, retryable, error: messageOf(error) });
    }
  }
  throw new AllBackendsFailed(attempted);
}

function isWebUrl(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}
