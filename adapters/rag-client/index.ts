import { z } from 'zod';
import { indexCorpusResponseSchema, type IndexCorpusRequest } from '../../domain/contracts/tools/rag';

/** Where the retrieval service is, and the owner's bearer for it. */
export interface RagClientConfig {
  baseUrl: string;
  token: string;
  /** Longest wait for one corpus, in seconds (300): all its vectors are made within it. */
  timeoutSeconds?: number;
}

/** A corpus as a bundle holds it. */
export interface RagCorpusDocuments {
  corpusId: string;
  documents: readonly { docId: string; content: string; title?: string }[];
}

/** What was indexed; `unchanged` when the service had the same content already. */
export interface IndexedCorpus {
  documents: number;
  chunks: number;
  embedding: string;
  unchanged: boolean;
}

/**
 * The service did not index a corpus. `retryable` is false where trying again without a change cannot help: the
 * documents are refused, or the token is.
 */
export class RagIndexError extends Error {
  override readonly name = 'RagIndexError';
  constructor(
    message: string,
    readonly retryable: boolean,
    readonly status: number | null,
  ) {
    super(message);
  }
}

/** Indexes corpora on behalf of a run. */
export interface RagClient {
  /**
   * Puts a corpus in place. The same call again costs nothing, so an activity may retry it.
   * @throws RagIndexError
   */
  indexCorpus(corpus: RagCorpusDocuments, signal?: AbortSignal): Promise<IndexedCorpus>;
}

const DEFAULT_TIMEOUT_SECONDS = 300;
const refusalSchema = z.object({ detail: z.unknown() });

/** A client of the retrieval service's owner routes. */
export function createRagClient(config: RagClientConfig): RagClient {
  const url = `${config.baseUrl.replace(/\/+$/, '')}/v1/rag/corpora`;
  return {
    async indexCorpus({ corpusId, documents }, signal) {
      const body: IndexCorpusRequest = {
        corpus_id: corpusId,
        documents: documents.map(({ docId, content, title }) => ({
          doc_id: docId,
          content,
          ...(title === undefined ? {} : { metadata: { title } }),
        })),
      };
      const limit = AbortSignal.timeout((config.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS) * 1000);
      let status: number;
      let answer: unknown;
      try {
        const response = await fetch(url, {
          method: 'POST',
          headers: { Authorization: `Bearer ${config.token}`, 'Content-Type': 'application/json' },
          body: JSON.stringify(body),
          signal: signal ? AbortSignal.any([signal, limit]) : limit,
        });
        status = response.status;
        answer = await response.json();
      } catch (error) {
        signal?.throwIfAborted();
        const reason =
          error instanceof Error ? ((error.cause as Error | undefined)?.message ?? error.message) : '';
        throw new RagIndexError(
          `the retrieval service gave no answer for ${corpusId}: ${reason}`,
          true,
          null,
        );
      }
      if (status !== 200) throw refusal(corpusId, status, answer);
      const parsed = indexCorpusResponseSchema.safeParse(answer);
      if (!parsed.success) {
        throw new RagIndexError(
          `the retrieval service answered ${corpusId} in a form that is not known`,
          true,
          status,
        );
      }
      const { n_documents, n_chunks, metadata } = parsed.data;
      return { documents: n_documents, chunks: n_chunks, ...metadata };
    },
  };
}

function refusal(corpusId: string, status: number, answer: unknown): RagIndexError {
  const parsed = refusalSchema.safeParse(answer);
  const detail = parsed.success ? parsed.data.detail : undefined;
  const text = typeof detail === 'string' ? detail : (JSON.stringify(detail) ?? '');
  const retryable = status >= 500 || status === 429;
  return new RagIndexError(
    `corpus ${corpusId} was not indexed: ${status} ${text.slice(0, 500)}`.trim(),
    retryable,
    status,
  );
}

/**
 * The client of the environment, from `EIREL_RAG_TOOL_URL` and `EIREL_RAG_TOOL_API_TOKEN`; null when no service is
 * named, so that a run with corpora can say what is missing.
 * @throws Error when only the token is missing
 */
export function ragClientFromEnv(env: NodeJS.ProcessEnv): RagClient | null {
  const baseUrl = env.EIREL_RAG_TOOL_URL?.trim();
  if (!baseUrl) return null;
  const token = env.EIREL_RAG_TOOL_API_TOKEN?.trim();
  if (!token) {
    throw new Error(
      'EIREL_RAG_TOOL_API_TOKEN is required beside EIREL_RAG_TOOL_URL: the owner token of rag-tool',
    );
  }
  return createRagClient({ baseUrl, token });
}
