import { createHash } from 'node:crypto';
import { isHtml, type Extractor, type FetchedPage, type SafeFetcher } from '../../adapters/safe-fetch';
import type { OpenPageRequest, OpenPageResponse } from '../../domain/contracts/tools/web-search';
import { HttpError } from '../../domain/http-errors';
import { naiveIso } from '../../domain/time';
import type { ToolCall, ToolResult } from '../tools';
import { fetchRefusal } from '../url-fetch/refusals';
import { canonicalUrl, documentId } from './documents';
import type { CachedPage, KnownDocument, SearchStore } from './store';

/** What opening a page works with. */
export interface OpenPageDeps {
  store: SearchStore;
  fetcher: SafeFetcher;
  extractor: Extractor;
}

/** Lines of one page that are kept and searched in. */
const MAX_LINES = 4000;
const SNIPPET_CHARACTERS = 300;
/** How sure the text is the page's, by its number of words. */
const CONFIDENCE: readonly [words: number, confidence: number][] = [
  [250, 0.95],
  [120, 0.82],
  [40, 0.58],
  [10, 0.3],
];
const PAYWALL =
  /subscribe to (continue|read)|sign in to (continue|read)|create (a free )?account to|enable javascript and cookies|access denied|are you a (human|robot)/i;
const PAYWALL_STATUSES = new Set([401, 402, 403, 451]);

/**
 * Opens a page that one of the job's searches found. A page is read once in a run; a page that answers with an error or
 * without text is opened all the same, and says so in `metadata.open_error_kind`.
 * @throws HttpError 404 for a document that the job has not found; 400, 429 or 502 as url-fetch has them
 */
export async function openPage(
  request: OpenPageRequest,
  call: ToolCall,
  { store, fetcher, extractor }: OpenPageDeps,
): Promise<ToolResult<OpenPageResponse>> {
  const { job } = call;
  const { document_id: id } = request;
  const known = await store.document(job, id);
  if (!known) throw new HttpError(404, 'document not found in retrieval ledger');
  let cached = await store.page(job, id);
  if (!cached) {
    let fetched: FetchedPage;
    try {
      fetched = await fetcher.fetch(known.url, { signal: call.signal, anyType: true });
    } catch (error) {
      throw fetchRefusal(error);
    }
    cached = await store.keepPage(job, id, await read(id, known, fetched, extractor));
  }
  const { page } = cached;
  const links = await withTargets(page.links, (ids) => store.known(job, ids));
  await store.markOpened(job, id);
  await store.addEvent(job, 'opened_pages', {
    document_id: id,
    url: page.url,
    final_url: page.final_url,
    http_status: page.http_status,
    content_hash: page.content_hash,
    retrieved_at: page.retrieved_at,
  });
  const problem = page.metadata.open_error_kind as string | undefined;
  return {
    body: {
      ...page,
      links,
      snapshot_id: request.snapshot_id ?? null,
      retrieval_ledger_id: `ledger:${job.jobId}`,
    },
    digest: { document_id: id, final_url: page.final_url, content_hash: page.content_hash },
    ...(problem === undefined ? {} : { failure: problem }),
  };
}

async function read(
  id: string,
  known: KnownDocument,
  fetched: FetchedPage,
  extractor: Extractor,
): Promise<CachedPage> {
  const text = isHtml(fetched.mime)
    ? await extractor.read(fetched.text, fetched.finalUrl)
    : {
        title: '',
        lines: fetched.text.split(/\r?\n/).map((line) => line.trim()),
        links: [],
        publishedAt: null,
      };
  const lines = text.lines.filter((line) => line !== '').slice(0, MAX_LINES);
  const content = lines.join('\n');
  const problem = problemOf(fetched, content);
  const words = content.split(/\s+/).filter(Boolean).length;
  const confidence = CONFIDENCE.find(([least]) => words >= least)?.[1] ?? 0;
  const publishedAt = text.publishedAt ?? known.publishedAt;
  const page: OpenPageResponse = {
    document_id: id,
    title: text.title || known.title,
    url: known.url,
    content,
    snippet: content.slice(0, SNIPPET_CHARACTERS) || known.snippet,
    links: text.links.map((link) => ({ title: link.text, url: link.href, target_document_id: null })),
    metadata: {
      truncated: fetched.truncated,
      word_count: words,
      ...(problem === null ? {} : { open_error_kind: problem }),
    },
    snapshot_id: null,
    retrieval_ledger_id: '',
    canonical_url: canonicalUrl(fetched.finalUrl),
    final_url: fetched.finalUrl,
    published_at: publishedAt,
    retrieved_at: naiveIso(new Date()),
    content_hash: createHash('sha256').update(fetched.bytes).digest('hex'),
    date_confidence: text.publishedAt ? 0.9 : known.publishedAt ? 0.6 : 0,
    content_type: fetched.contentType,
    http_status: fetched.status,
    extraction_confidence: problem === 'paywall_or_access_limited' ? Math.min(confidence, 0.25) : confidence,
  };
  return { page, lines };
}

function problemOf(fetched: FetchedPage, content: string): string | null {
  if (PAYWALL_STATUSES.has(fetched.status)) return 'paywall_or_access_limited';
  if (fetched.status >= 400) return 'http_error';
  if (fetched.bytes.length === 0 && fetched.mime !== '' && !isHtml(fetched.mime) && fetched.text === '') {
    return 'unsupported_content_type';
  }
  if (content === '') return 'empty_or_unreadable';
  return content.length < 2000 && PAYWALL.test(content) ? 'paywall_or_access_limited' : null;
}

async function withTargets(
  links: OpenPageResponse['links'],
  known: (ids: string[]) => Promise<Set<string>>,
): Promise<OpenPageResponse['links']> {
  const ids = links.map((link) => documentId(link.url));
  const found = await known(ids);
  return links.map((link, index) => {
    const target = ids[index] ?? '';
    return { ...link, target_document_id: found.has(target) ? target : null };
  });
}
