/** Wire contract of the retrieval tool (runtime-and-tools.md 4.5). Lengths and offsets are in code points. */
import { z } from 'zod';

/** Documents in a corpus, and code points in a document. */
export const RAG_MAX_DOCUMENTS = 200;
export const RAG_MAX_DOCUMENT_CHARACTERS = 200_000;

const corpusId = z.string().min(1).max(128);

/** `POST /v1/rag/corpora`: replaces the corpus as a whole; without documents it is left empty. */
export const indexCorpusRequestSchema = z.object({
  corpus_id: corpusId,
  documents: z.array(
    z.object({
      doc_id: z.string().min(1).max(128),
      content: z.string().min(1),
      metadata: z.record(z.string(), z.unknown()).nullish(),
    }),
  ),
  chunk_chars: z.int().min(200).max(4000).nullish(),
  overlap_chars: z.int().min(0).max(1000).nullish(),
});
export type IndexCorpusRequest = z.infer<typeof indexCorpusRequestSchema>;

/** `embedding` names what the vectors were made by: a model, or `local-hash-v1` for the offline one. */
export const indexCorpusResponseSchema = z.object({
  corpus_id: z.string(),
  n_documents: z.int(),
  n_chunks: z.int(),
  metadata: z.object({ embedding: z.string(), unchanged: z.boolean() }),
});
export type IndexCorpusResponse = z.infer<typeof indexCorpusResponseSchema>;

/** `GET /v1/rag/corpora`. */
export const corporaResponseSchema = z.object({
  corpora: z.array(
    z.object({
      corpus_id: z.string(),
      n_chunks: z.int(),
      n_documents: z.int(),
      embedding: z.string(),
    }),
  ),
});

/** `POST /v1/rag/retrieve`. */
export const retrieveRequestSchema = z.object({
  corpus_id: corpusId,
  query: z.string().min(1).max(4000),
  k: z.int().min(1).max(10).default(5),
});
export type RetrieveRequest = z.infer<typeof retrieveRequestSchema>;

export const retrieveResponseSchema = z.object({
  corpus_id: z.string(),
  query: z.string(),
  chunks: z.array(
    z.object({
      doc_id: z.string(),
      chunk_id: z.string(),
      text: z.string(),
      score: z.number(),
      char_start: z.int(),
      char_end: z.int(),
    }),
  ),
  metadata: z.object({ embedding: z.string() }),
});
export type RetrieveResponse = z.infer<typeof retrieveResponseSchema>;
