import type { JobIdentity } from '../../adapters/budget/ledger';
import type { FindOnPageRequest, FindOnPageResponse } from '../../domain/contracts/tools/web-search';
import { HttpError } from '../../domain/http-errors';
import { naiveIso } from '../../domain/time';
import type { SearchStore } from './store';

const MAX_MATCHES = 8;

/**
 * Finds lines of an opened page that contain a text, in any case; at most 8, each once.
 * @throws HttpError 404 for a document that the job has not found, 409 for one that it has not opened or that has no text
 */
export async function findOnPage(
  job: JobIdentity,
  request: FindOnPageRequest,
  store: SearchStore,
): Promise<FindOnPageResponse> {
  const { document_id: id, pattern } = request;
  const known = await store.document(job, id);
  if (!known) throw new HttpError(404, 'document not found in retrieval ledger');
  const cached = (await store.hasOpened(job, id)) ? await store.page(job, id) : null;
  if (!cached || cached.lines.length === 0)
    throw new HttpError(409, 'open the page first; it has no text yet');
  const needle = pattern.toLowerCase();
  const seen = new Set<string>();
  const spans: FindOnPageResponse['support_spans'] = [];
  for (const [line, text] of cached.lines.entries()) {
    if (spans.length >= MAX_MATCHES) break;
    const start = text.toLowerCase().indexOf(needle);
    if (start < 0 || seen.has(text)) continue;
    seen.add(text);
    spans.push({ line, start, end: start + needle.length, text });
  }
  const retrievedAt = naiveIso(new Date());
  await store.addEvent(job, 'find_on_page_events', {
    document_id: id,
    pattern,
    match_count: spans.length,
    retrieved_at: retrievedAt,
  });
  return {
    document_id: id,
    title: cached.page.title,
    url: cached.page.url,
    pattern,
    matches: spans.map((span) => span.text),
    support_spans: spans,
    snapshot_id: request.snapshot_id ?? null,
    retrieval_ledger_id: `ledger:${job.jobId}`,
    retrieved_at: retrievedAt,
  };
}
