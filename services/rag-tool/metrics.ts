import { Counter, Gauge, type Registry } from 'prom-client';

/** Metrics of retrieval beside those of every tool. */
export interface RagMetrics {
  indexed: Counter;
  retrieved: Counter;
  embeddingFailures: Counter;
  unknownCorpora: Counter;
}

/** Registers them; `corpora` tells how many are held now. */
export function createRagMetrics(registry: Registry, corpora: () => number): RagMetrics {
  const registers = [registry];
  const counter = (name: string, help: string) =>
    new Counter({ name: `eirel_rag_${name}_total`, help, registers });
  new Gauge({
    name: 'eirel_rag_corpora',
    help: 'Corpora held',
    registers,
    collect() {
      this.set(corpora());
    },
  });
  return {
    indexed: counter('index_requests', 'Requests to index a corpus'),
    retrieved: counter('retrieve_requests', 'Retrievals that were let through'),
    embeddingFailures: counter('embedding_failures', 'Times that no vectors could be had'),
    unknownCorpora: counter('unknown_corpus', 'Retrievals from a corpus that is not there'),
  };
}
