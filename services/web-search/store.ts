import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { JobIdentity } from '../../adapters/budget/ledger';
import type { ChainAnswer } from '../../adapters/search';
import type { OpenPageResponse } from '../../domain/contracts/tools/web-search';
import { normaliseQuery } from './documents';

/** What a search found, as every job of the run sees it. */
export interface CachedSearch extends ChainAnswer {
  retrievedAt: string;
}

/** A page as it was read, as every job of the run sees it; `lines` are what is searched in. */
export interface CachedPage {
  page: OpenPageResponse;
  lines: string[];
}

/** A document that one of a job's searches found. */
export interface KnownDocument {
  title: string;
  url: string;
  snippet: string;
  publishedAt: string | null;
}

export type EventKind = 'searches' | 'opened_pages' | 'find_on_page_events';

const EVENTS_KEPT = 500;

/**
 * What searches have found, in Redis. Results and pages are kept by run, so that every miner sees the same web while a
 * run lasts: who asks first decides, and who asks at the same moment is given the first one's answer. Outside a run
 * they are kept by job.
 */
export class SearchStore {
  constructor(
    private readonly redis: Redis,
    private readonly seconds: number,
  ) {}

  search(job: JobIdentity, query: string, topK: number): Promise<CachedSearch | null> {
    return this.get(this.searchKey(job, query, topK));
  }

  /** @returns what is kept: the given answer, or the one that another call has put there before */
  keepSearch(job: JobIdentity, query: string, topK: number, found: CachedSearch): Promise<CachedSearch> {
    return this.keep(this.searchKey(job, query, topK), found);
  }

  page(job: JobIdentity, documentId: string): Promise<CachedPage | null> {
    return this.get(this.pageKey(job, documentId));
  }

  /** @returns what is kept, as of `keepSearch` */
  keepPage(job: JobIdentity, documentId: string, page: CachedPage): Promise<CachedPage> {
    return this.keep(this.pageKey(job, documentId), page);
  }

  /** Remembers which documents a job may open. */
  async addDocuments(job: JobIdentity, documents: ReadonlyMap<string, KnownDocument>): Promise<void> {
    if (documents.size === 0) return;
    const key = jobKey(job.jobId, 'documents');
    const fields = [...documents].flatMap(([id, document]) => [id, JSON.stringify(document)]);
    await this.redis
      .multi()
      .hset(key, ...fields)
      .expire(key, this.seconds)
      .exec();
  }

  /** The document that a job's searches found under this id, or null. */
  async document(job: JobIdentity, documentId: string): Promise<KnownDocument | null> {
    const text = await this.redis.hget(jobKey(job.jobId, 'documents'), documentId);
    return text ? (JSON.parse(text) as KnownDocument) : null;
  }

  /** Which of these documents a job's searches have found. */
  async known(job: JobIdentity, documentIds: readonly string[]): Promise<Set<string>> {
    if (documentIds.length === 0) return new Set();
    const found = await this.redis.hmget(jobKey(job.jobId, 'documents'), ...documentIds);
    return new Set(documentIds.filter((_, index) => found[index] !== null));
  }

  /** Whether a job has opened a page. */
  async hasOpened(job: JobIdentity, documentId: string): Promise<boolean> {
    return (await this.redis.sismember(jobKey(job.jobId, 'opened'), documentId)) === 1;
  }

  async markOpened(job: JobIdentity, documentId: string): Promise<void> {
    const key = jobKey(job.jobId, 'opened');
    await this.redis.multi().sadd(key, documentId).expire(key, this.seconds).exec();
  }

  /** Adds to a job's retrieval ledger; the last 500 of each kind are kept. */
  async addEvent(job: JobIdentity, kind: EventKind, event: Record<string, unknown>): Promise<void> {
    const key = jobKey(job.jobId, kind);
    await this.redis
      .multi()
      .rpush(key, JSON.stringify(event))
      .ltrim(key, -EVENTS_KEPT, -1)
      .expire(key, this.seconds)
      .exec();
  }

  async events(jobId: string, kind: EventKind): Promise<Record<string, unknown>[]> {
    const texts = await this.redis.lrange(jobKey(jobId, kind), 0, -1);
    return texts.map((text) => JSON.parse(text) as Record<string, unknown>);
  }

  private searchKey(job: JobIdentity, query: string, topK: number): string {
    const digest = createHash('sha256')
      .update(`${topK}\n${normaliseQuery(query)}`)
      .digest('hex');
    return `eirel:web-search:${scopeOf(job)}:query:${digest}`;
  }

  private pageKey(job: JobIdentity, documentId: string): string {
    return `eirel:web-search:${scopeOf(job)}:page:${documentId}`;
  }

  private async get<T>(key: string): Promise<T | null> {
    const text = await this.redis.get(key);
    return text ? (JSON.parse(text) as T) : null;
  }

  private async keep<T>(key: string, value: T): Promise<T> {
    const set = await this.redis.set(key, JSON.stringify(value), 'EX', this.seconds, 'NX');
    return set === 'OK' ? value : ((await this.get<T>(key)) ?? value);
  }
}

function scopeOf(job: JobIdentity): string {
  return job.runId ? `run:${job.runId}` : `job:${job.jobId}`;
}

function jobKey(jobId: string, part: string): string {
  return `eirel:web-search:ledger:${jobId}:${part}`;
}
