import { createHash } from 'node:crypto';
import type { SearchResult } from '../../adapters/search';
import type { SearchDocument } from '../../domain/contracts/tools/web-search';

/** A URL without what two spellings of one page differ in: `www.`, query, fragment, trailing slash, case of the host. */
export function canonicalUrl(url: string): string {
  const parsed = new URL(url);
  const host = parsed.host.replace(/^www\./, '');
  return `${parsed.protocol}//${host}${parsed.pathname.replace(/\/+$/, '')}`;
}

/** The id of a page: the same for every job and every search that finds it. */
export function documentId(url: string): string {
  // The query tells pages apart that only differ in it, although it is no part of the canonical form.
  const { search } = new URL(url);
  return `web-${createHash('sha256')
    .update(canonicalUrl(url) + search)
    .digest('hex')
    .slice(0, 16)}`;
}

/** A query as the cache knows it: equal for spellings that differ in case, width and white space. */
export function normaliseQuery(query: string): string {
  return query.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();
}

/** Results as documents, one for each page, in the order of their scores. */
export function toDocuments(
  results: readonly SearchResult[],
  preferred: readonly string[],
): SearchDocument[] {
  const byId = new Map<string, SearchDocument>();
  for (const result of results) {
    const id = documentId(result.url);
    if (byId.has(id)) continue;
    const domain = new URL(result.url).hostname.replace(/^www\./, '');
    byId.set(id, {
      document_id: id,
      title: result.title,
      url: result.url,
      snippet: result.snippet,
      score: Number((result.score + bonus(domain, preferred)).toFixed(6)),
      metadata: { ...result.metadata, canonical_url: canonicalUrl(result.url), domain },
    });
  }
  return [...byId.values()].sort((a, b) => b.score - a.score || (a.document_id < b.document_id ? -1 : 1));
}

/** 0.25 for a preferred domain or one below it, 0.15 for a suffix such as `.gov`; the first that fits counts. */
function bonus(domain: string, preferred: readonly string[]): number {
  for (const entry of preferred) {
    const family = entry.trim().toLowerCase();
    if (family.startsWith('.')) {
      if (domain.endsWith(family)) return 0.15;
    } else if (domain === family || domain.endsWith(`.${family}`)) {
      return 0.25;
    }
  }
  return 0;
}
