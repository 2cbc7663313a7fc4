import { ApplicationFailure, Context } from '@temporalio/activity';
import { messageOf } from '../adapters/logging';
import type { ObjectStore } from '../adapters/object-store/types';
import type { Db } from '../adapters/postgres';
import { RagIndexError, type RagClient } from '../adapters/rag-client';
import type { EvaluationBundle } from '../domain/contracts/dataset';
import { FAULTS } from '../domain/faults';
import { badState, ownerFault } from './failures';

export interface CorpusActivities {
  indexCorpora(runId: string): Promise<{ corpora: number; chunks: number }>;
}

/** Puts a run's documents where its agents can retrieve them. */
export function createCorpusActivities(deps: {
  db: Db;
  objectStore: ObjectStore;
  /** Null when no retrieval service is configured; then only a bundle without corpora can open. */
  rag: RagClient | null;
}): CorpusActivities {
  const { db, objectStore, rag } = deps;
  return {
    /**
     * Indexes every corpus of the run's bundle, once per content. A failure keeps the run from opening, visibly, instead
     * of being skipped (decision 15); documents that the service refuses are final.
     */
    async indexCorpora(runId) {
      const context = Context.current();
      const run = await db.evaluationRun.findUnique({ where: { id: runId } });
      if (!run?.bundleKey) throw badState(`run ${runId} has no bundle yet`);
      const bundle = JSON.parse(
        (await objectStore.getBytes(run.bundleKey)).toString('utf8'),
      ) as EvaluationBundle;
      const corpora = bundle.corpora ?? [];
      let chunks = 0;
      for (const corpus of corpora) {
        if (!rag) throw ownerFault(`${runId} has documents to index, but EIREL_RAG_TOOL_URL is not set`);
        context.heartbeat({ corpus: corpus.corpus_id });
        try {
          const indexed = await rag.indexCorpus(
            {
              corpusId: corpus.corpus_id,
              documents: corpus.documents.map((document) => ({
                docId: document.doc_id,
                content: document.content,
                ...(document.title ? { title: document.title } : {}),
              })),
            },
            context.cancellationSignal,
          );
          chunks += indexed.chunks;
        } catch (error) {
          if (error instanceof RagIndexError && !error.retryable) {
            throw ApplicationFailure.nonRetryable(
              `corpus ${corpus.corpus_id}: ${error.message}`,
              FAULTS.badState,
            );
          }
          throw ownerFault(`corpus ${corpus.corpus_id} could not be indexed: ${messageOf(error)}`, error);
        }
      }
      return { corpora: corpora.length, chunks };
    },
  };
}
