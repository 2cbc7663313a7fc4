import { EmbeddingError, type Embedder, type EmbeddingPurpose } from '../../adapters/embedding';
import {
  chunkDocument,
  codePointLength,
  DEFAULT_CHUNK_CHARS,
  DEFAULT_OVERLAP_CHARS,
  type Chunk,
} from '../../domain/chunking/chunks';
import {
  RAG_MAX_DOCUMENT_CHARACTERS,
  RAG_MAX_DOCUMENTS,
  type IndexCorpusRequest,
  type IndexCorpusResponse,
} from '../../domain/contracts/tools/rag';
import { canonicalJson, sha256Hex } from '../../domain/evidence/canonical';
import { HttpError, unprocessable } from '../../domain/http-errors';
import type { CorpusStore } from './store';

/** Indexes corpora one at a time for each id, so that the last request is the one that stays. */
export class Indexer {
  private readonly queues = new Map<string, Promise<unknown>>();

  constructor(
    private readonly store: CorpusStore,
    private readonly embedder: Embedder,
  ) {}

  /**
   * `POST /v1/rag/corpora`. A corpus that is there already with the same documents, sizes and embedding is left as it
   * is, so that a retried activity costs nothing.
   * @throws HttpError 413 for too many or too long documents, 422 for sizes or texts that do not fit, 502 when the
   *   vectors cannot be had; the corpus that was there before is then still there
   */
  async index(request: IndexCorpusRequest): Promise<IndexCorpusResponse> {
    const before = this.queues.get(request.corpus_id) ?? Promise.resolve();
    const work = before.then(
      () => this.indexNow(request),
      () => this.indexNow(request),
    );
    this.queues.set(request.corpus_id, work);
    try {
      return await work;
    } finally {
      if (this.queues.get(request.corpus_id) === work) this.queues.delete(request.corpus_id);
    }
  }

  private async indexNow(request: IndexCorpusRequest): Promise<IndexCorpusResponse> {
    const { corpus_id: corpusId, documents } = request;
    const chunkChars = request.chunk_chars ?? DEFAULT_CHUNK_CHARS;
    const overlapChars = request.overlap_chars ?? DEFAULT_OVERLAP_CHARS;
    check(request, chunkChars, overlapChars);
    const contentSha256 = sha256Hex(
      canonicalJson({
        documents: documents.map(({ doc_id, content }) => [doc_id, content]),
        chunkChars,
        overlapChars,
        embedding: this.embedder.name,
      }),
    );
    const known = this.store.find(corpusId);
    if (known?.contentSha256 === contentSha256) {
      return answer(corpusId, known.documentCount, known.chunks.length, known.embedding, true);
    }
    const chunks = documents.flatMap(({ doc_id, content }) =>
      chunkDocument(doc_id, content, chunkChars, overlapChars),
    );
    const { vectors, dimensions } = await this.embed(chunks, `rag-index:${corpusId}`);
    await this.store.replace({
      corpusId,
      contentSha256,
      embedding: this.embedder.name,
      dimensions,
      documentCount: documents.length,
      chunkChars,
      overlapChars,
      chunks,
      vectors,
    });
    return answer(corpusId, documents.length, chunks.length, this.embedder.name, false);
  }

  private async embed(
    chunks: readonly Chunk[],
    job: string,
  ): Promise<{ vectors: Float32Array; dimensions: number }> {
    if (chunks.length === 0) return { vectors: new Float32Array(0), dimensions: 0 };
    const rows = await embedOrRefuse(
      this.embedder,
      chunks.map(({ text }) => text),
      { job },
    );
    const dimensions = rows[0]?.length ?? 0;
    const vectors = new Float32Array(rows.length * dimensions);
    rows.forEach((row, index) => vectors.set(row, index * dimensions));
    return { vectors, dimensions };
  }
}

/**
 * Vectors, or the refusal that clients know.
 * @throws HttpError 502 `embedding_failed`
 */
export async function embedOrRefuse(
  embedder: Embedder,
  texts: readonly string[],
  purpose: EmbeddingPurpose,
): Promise<Float32Array[]> {
  try {
    return await embedder.embed(texts, purpose);
  } catch (error) {
    if (!(error instanceof EmbeddingError)) throw error;
    throw new HttpError(502, { error: 'embedding_failed', reason: error.message });
  }
}

function check({ documents }: IndexCorpusRequest, chunkChars: number, overlapChars: number): void {
  if (documents.length > RAG_MAX_DOCUMENTS) {
    throw new HttpError(413, { error: 'too_many_documents', limit: RAG_MAX_DOCUMENTS });
  }
  if (overlapChars >= chunkChars) {
    throw invalid(
      ['overlap_chars'],
      `overlap_chars must be less than chunk_chars (${chunkChars})`,
      overlapChars,
    );
  }
  const seen = new Set<string>();
  for (const [index, { doc_id: docId, content }] of documents.entries()) {
    if (codePointLength(content) > RAG_MAX_DOCUMENT_CHARACTERS) {
      throw new HttpError(413, {
        error: 'document_too_long',
        doc_id: docId,
        limit_chars: RAG_MAX_DOCUMENT_CHARACTERS,
      });
    }
    if (seen.has(docId)) {
      throw invalid(['documents', index, 'doc_id'], 'doc_id must be unique within the corpus', docId);
    }
    seen.add(docId);
    for (const [field, text] of Object.entries({ doc_id: docId, content })) {
      if (/\0|\p{Cs}/u.test(text)) {
        throw invalid(['documents', index, field], 'must not contain NUL or a lone surrogate', docId);
      }
    }
  }
}

function invalid(path: (string | number)[], message: string, input: unknown): HttpError {
  return unprocessable([
    { type: 'value_error', loc: ['body', ...path], msg: `Value error, ${message}`, input },
  ]);
}

function answer(
  corpusId: string,
  documentCount: number,
  chunkCount: number,
  embedding: string,
  unchanged: boolean,
): IndexCorpusResponse {
  return {
    corpus_id: corpusId,
    n_documents: documentCount,
    n_chunks: chunkCount,
    metadata: { embedding, unchanged },
  };
}
