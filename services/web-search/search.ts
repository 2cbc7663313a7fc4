import { AllBackendsFailed, searchInOrder, type SearchBackend } from '../../adapters/search';
import type { JobIdentity } from '../../adapters/budget/ledger';
import type { Logger } from '../../adapters/logging';
import type { SearchRequest, SearchResponse } from '../../domain/contracts/tools/web-search';
import { HttpError } from '../../domain/http-errors';
import { naiveIso } from '../../domain/time';
import type { ToolResult } from '../tools';
import { normaliseQuery, toDocuments } from './documents';
import type { CachedSearch, SearchStore } from './store';

/** What a search works with. */
export interface SearchDeps {
  backends: readonly SearchBackend[];
  store: SearchStore;
  timeoutMs: number;
  logger: Logger;
}

/** Searches that are being made by this process, by what the cache calls them. */
type UnderWay = Map<string, Promise<CachedSearch>>;

/** Searches the web, or what the run already knows of it. */
export class Searcher {
  private readonly underWay: UnderWay = new Map();

  constructor(private readonly deps: SearchDeps) {}

  /**
   * @returns the answer and its digest for the ledger
   * @throws HttpError 503 when no engine answers
   */
  async search(job: JobIdentity, request: SearchRequest): Promise<ToolResult<SearchResponse>> {
    const { store } = this.deps;
    const { query, top_k: topK } = request;
    const found = (await store.search(job, query, topK)) ?? (await this.together(job, query, topK));
    const documents = toDocuments(found.results, request.preferred_domain_families);
    const ids = documents.map((document) => document.document_id);
    await Promise.all([
      store.addDocuments(
        job,
        new Map(
          documents.map(({ document_id: id, title, url, snippet, metadata }) => [
            id,
            {
              title,
              url,
              snippet,
              publishedAt: (metadata.published_at as string | null | undefined) ?? null,
            },
          ]),
        ),
      ),
      store.addEvent(job, 'searches', {
        query,
        top_k: topK,
        search_backend: found.backend,
        document_ids: ids,
        retrieved_at: found.retrievedAt,
      }),
    ]);
    return {
      body: {
        documents,
        snapshot_id: request.snapshot_id ?? null,
        query,
        retrieval_ledger_id: `ledger:${job.jobId}`,
        retrieved_at: found.retrievedAt,
        metadata: {
          execution_mode: 'live_web',
          search_backend: found.backend,
          search_backends_attempted: found.attempted,
        },
      },
      digest: { document_ids: ids, search_backend: found.backend },
    };
  }

  /** One call to the engines for all who ask the same in this process at the same time. */
  private together(job: JobIdentity, query: string, topK: number): Promise<CachedSearch> {
    const key = JSON.stringify([job.runId ?? job.jobId, topK, normaliseQuery(query)]);
    const running = this.underWay.get(key);
    if (running) return running;
    const work = this.ask(job, query, topK).finally(() => this.underWay.delete(key));
    this.underWay.set(key, work);
    return work;
  }

  private async ask(job: JobIdentity, query: string, topK: number): Promise<CachedSearch> {
    const { backends, store, timeoutMs, logger } = this.deps;
    try {
      const answer = await searchInOrder(backends, query, topK, { timeoutMs, logger });
      return await store.keepSearch(job, query, topK, { ...answer, retrievedAt: naiveIso(new Date()) });
    } catch (error) {
      if (!(error instanceof AllBackendsFailed)) throw error;
      throw new HttpError(
        503,
        error.message,
        { search_backends_attempted: error.attempted },
        { 'Retry-After': '5' },
      );
    }
  }
}
