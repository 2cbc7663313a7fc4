/** Wire contract of web-search (runtime-and-tools.md 4.2). */
import { z } from 'zod';
import { jsonObject } from '../common';

/** Results that one search answers at the most; the SDK lets agents ask for 20. */
export const MAX_TOP_K = 10;

/** `POST /v1/search`. A `top_k` past the maximum is the maximum. */
export const searchRequestSchema = z.object({
  query: z.string().trim().min(1).max(2000),
  top_k: z
    .int()
    .min(1)
    .max(100)
    .default(5)
    .transform((value) => Math.min(value, MAX_TOP_K)),
  snapshot_id: z.string().max(128).nullish(),
  preferred_domain_families: z.array(z.string().min(1).max(253)).max(50).default([]),
});
export type SearchRequest = z.infer<typeof searchRequestSchema>;

export const searchDocumentSchema = z.object({
  document_id: z.string(),
  title: z.string(),
  url: z.string(),
  snippet: z.string(),
  score: z.number(),
  metadata: jsonObject,
});
export type SearchDocument = z.infer<typeof searchDocumentSchema>;

export const searchResponseSchema = z.object({
  documents: z.array(searchDocumentSchema),
  snapshot_id: z.string().nullable(),
  query: z.string(),
  retrieval_ledger_id: z.string(),
  retrieved_at: z.string(),
  metadata: jsonObject,
});
export type SearchResponse = z.infer<typeof searchResponseSchema>;

/** `POST /v1/open-page`; the id of a document that one of this job's searches found. */
export const openPageRequestSchema = z.object({
  document_id: z.string().min(1).max(256),
  snapshot_id: z.string().max(128).nullish(),
});
export type OpenPageRequest = z.infer<typeof openPageRequestSchema>;

export const openPageResponseSchema = z.object({
  document_id: z.string(),
  title: z.string(),
  url: z.string(),
  content: z.string(),
  snippet: z.string(),
  links: z.array(z.object({ title: z.string(), url: z.string(), target_document_id: z.string().nullable() })),
  metadata: jsonObject,
  snapshot_id: z.string().nullable(),
  retrieval_ledger_id: z.string(),
  canonical_url: z.string(),
  final_url: z.string(),
  published_at: z.string().nullable(),
  retrieved_at: z.string(),
  content_hash: z.string(),
  date_confidence: z.number(),
  content_type: z.string(),
  http_status: z.int(),
  extraction_confidence: z.number(),
});
export type OpenPageResponse = z.infer<typeof openPageResponseSchema>;

/** `POST /v1/find-on-page`: lines of a page that this job has opened. */
export const findOnPageRequestSchema = z.object({
  document_id: z.string().min(1).max(256),
  pattern: z.string().min(1).max(500),
  snapshot_id: z.string().max(128).nullish(),
});
export type FindOnPageRequest = z.infer<typeof findOnPageRequestSchema>;

export const findOnPageResponseSchema = z.object({
  document_id: z.string(),
  title: z.string(),
  url: z.string(),
  pattern: z.string(),
  matches: z.array(z.string()),
  support_spans: z.array(z.object({ line: z.int(), start: z.int(), end: z.int(), text: z.string() })),
  snapshot_id: z.string().nullable(),
  retrieval_ledger_id: z.string(),
  retrieved_at: z.string(),
});
export type FindOnPageResponse = z.infer<typeof findOnPageResponseSchema>;

/** `GET /v1/jobs/{job}/ledger`. */
export const retrievalLedgerSchema = z.object({
  job_id: z.string(),
  retrieval_ledger_id: z.string(),
  execution_mode: z.string(),
  searches: z.array(jsonObject),
  opened_pages: z.array(jsonObject),
  find_on_page_events: z.array(jsonObject),
});
export type RetrievalLedger = z.infer<typeof retrievalLedgerSchema>;
