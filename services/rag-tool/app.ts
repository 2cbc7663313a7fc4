import { createEmbedder, type Embedder } from '../../adapters/embedding';
import {
  corporaResponseSchema,
  indexCorpusRequestSchema,
  indexCorpusResponseSchema,
  retrieveRequestSchema,
  retrieveResponseSchema,
} from '../../domain/contracts/tools/rag';
import { HttpError } from '../../domain/http-errors';
import {
  createToolService,
  defineRoute,
  defineTool,
  type BuiltToolService,
  type Caller,
  type ToolResources,
} from '../tools';
import type { RagConfig } from './config';
import { embedOrRefuse, Indexer } from './indexing';
import { createRagMetrics, type RagMetrics } from './metrics';
import { CorpusStore, topK } from './store';
import { Turns } from './turns';

/** An embedding call with its retries, in seconds. */
const MAX_SECONDS = 130;

/**
 * Builds the retrieval service; resolves once all corpora of the database are in memory.
 * @param embedder in place of the configured one
 */
export async function createRagService(
  config: RagConfig,
  { prisma, redis, logger }: ToolResources,
  embedder: Embedder = createEmbedder(config.embedding),
): Promise<BuiltToolService> {
  const store = new CorpusStore(prisma);
  const loaded = await store.load();
  logger.info('corpora are loaded', { corpora: loaded, embedding: embedder.name });
  const indexer = new Indexer(store, embedder);
  const turns = new Turns();
  const counted = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (error instanceof HttpError && error.status === 502) metrics().embeddingFailures.inc();
      throw error;
    }
  };
  // A corpus that is not there is refused before the call is counted, so that a wrong name costs nobody a call.
  const requestOfKnownCorpus = retrieveRequestSchema.superRefine(({ corpus_id: corpusId }) => {
    if (store.find(corpusId)) return;
    metrics().unknownCorpora.inc();
    throw new HttpError(404, { error: 'unknown_corpus', corpus_id: corpusId });
  });

  const tool = createToolService({
    config,
    words: {
      name: 'rag-tool',
      invalidToken: 'rag tool: invalid auth',
      missingJob: 'missing X-Eirel-Job-Id header',
      quotaExceeded: (limit) => ({ error: 'rag_quota_exhausted', max_requests: limit }),
    },
    prisma,
    redis,
    logger,
    bodyLimitBytes: config.maxBodyBytes,
    health: () => ({ status: 'ok', corpora: store.size, embedding: embedder.name }),
    tools: [
      defineTool({
        name: 'rag.retrieve',
        path: '/v1/rag/retrieve',
        summary: 'The pieces of a corpus that match a question best',
        request: requestOfKnownCorpus,
        response: retrieveResponseSchema,
        priceMicroUsd: 0,
        maxSeconds: MAX_SECONDS,
        refusals: { 404: 'The corpus is not there', 502: 'No vector of the question could be had' },
        async run({ corpus_id: corpusId, query, k }, call) {
          metrics().retrieved.inc();
          const corpus = store.find(corpusId);
          if (!corpus) throw new HttpError(404, { error: 'unknown_corpus', corpus_id: corpusId });
          if (corpus.chunks.length > 0 && corpus.embedding !== embedder.name) {
            throw new HttpError(502, {
              error: 'embedding_failed',
              reason: `the corpus was indexed with ${corpus.embedding} and the service now has ${embedder.name}; index it anew`,
            });
          }
          const [vector] =
            corpus.chunks.length > 0
              ? await counted(
                  embedOrRefuse(embedder, [query], {
                    // The owner pays for it, and sees for whom.
                    job: `rag-query:${call.job.jobId}`,
                    signal: call.signal,
                  }),
                )
              : [];
          await turns.next();
          const hits = vector ? topK(corpus, vector, k) : [];
          return {
            body: {
              corpus_id: corpusId,
              query,
              chunks: hits.map(({ chunk, score }) => ({
                doc_id: chunk.docId,
                chunk_id: chunk.id,
                text: chunk.text,
                score,
                char_start: chunk.start,
                char_end: chunk.end,
              })),
              metadata: { embedding: corpus.embedding },
            },
            digest: { chunk_ids: hits.map(({ chunk }) => chunk.id) },
          };
        },
      }),
    ],
    routes: [
      defineRoute({
        method: 'post',
        path: '/v1/rag/corpora',
        summary: 'Indexes a corpus in the place of the one with its id; for the owner',
        access: 'either',
        request: indexCorpusRequestSchema,
        response: indexCorpusResponseSchema,
        refusals: { 413: 'Too many documents, or one that is too long', 502: 'No vectors could be had' },
        async handle({ caller, body }) {
          requireOwner(caller);
          metrics().indexed.inc();
          return counted(indexer.index(body));
        },
      }),
      defineRoute({
        method: 'get',
        path: '/v1/rag/corpora',
        summary: 'The corpora that are indexed; for the owner',
        access: 'either',
        response: corporaResponseSchema,
        handle({ caller }) {
          requireOwner(caller);
          return Promise.resolve({
            corpora: store.list().map((corpus) => ({
              corpus_id: corpus.corpusId,
              n_chunks: corpus.chunks.length,
              n_documents: corpus.documentCount,
              embedding: corpus.embedding,
            })),
          });
        },
      }),
    ],
  });
  const registered = createRagMetrics(tool.service.registry, () => store.size);
  function metrics(): RagMetrics {
    return registered;
  }
  return tool;
}

/** The original answers 401, not 403, to a job's token here. */
function requireOwner(caller: Caller): void {
  if (caller.kind !== 'owner') {
    throw new HttpError(401, 'rag tool: master token required for /v1/rag/corpora');
  }
}
