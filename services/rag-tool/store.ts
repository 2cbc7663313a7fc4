import type { PrismaClient } from '../../adapters/postgres';
import type { Chunk } from '../../domain/chunking/chunks';

/** A corpus in memory; row `i` of `vectors` belongs to `chunks[i]`. */
export interface Corpus {
  corpusId: string;
  contentSha256: string;
  embedding: string;
  dimensions: number;
  documentCount: number;
  chunkChars: number;
  overlapChars: number;
  chunks: readonly Chunk[];
  /** Unit vectors one after another. */
  vectors: Float32Array;
}

/** A piece and how well it matches. */
export interface Hit {
  chunk: Chunk;
  score: number;
}

const ROWS_PER_INSERT = 500;
const TRANSACTION_MS = 120_000;

/** Corpora, kept in PostgreSQL and held in memory for search. */
export class CorpusStore {
  private readonly corpora = new Map<string, Corpus>();

  constructor(private readonly prisma: PrismaClient) {}

  /** Takes all corpora from the database, as at start. @returns how many */
  async load(): Promise<number> {
    const rows = await this.prisma.ragCorpus.findMany({ orderBy: { corpusId: 'asc' } });
    for (const row of rows) {
      const chunks = await this.prisma.ragChunk.findMany({
        where: { corpusId: row.corpusId },
        orderBy: { ordinal: 'asc' },
      });
      const vectors = new Float32Array(chunks.length * row.dimensions);
      chunks.forEach(({ vector }, index) =>
        vectors.set(floats(vector, row.dimensions), index * row.dimensions),
      );
      this.corpora.set(row.corpusId, {
        ...row,
        chunks: chunks.map(({ chunkId, docId, body, charStart, charEnd }) => ({
          id: chunkId,
          docId,
          text: body,
          start: charStart,
          end: charEnd,
        })),
        vectors,
      });
    }
    return rows.length;
  }

  get size(): number {
    return this.corpora.size;
  }

  find(corpusId: string): Corpus | undefined {
    return this.corpora.get(corpusId);
  }

  /** All corpora, by id. */
  list(): Corpus[] {
    return [...this.corpora.values()].sort((a, b) => (a.corpusId < b.corpusId ? -1 : 1));
  }

  /**
   * Puts a corpus in the place of the one with its id, as a whole: in the database in one transaction, then in
   * memory. Whoever searches meanwhile gets the old one or the new one. Database errors pass through and change
   * nothing.
   */
  async replace(corpus: Corpus): Promise<void> {
    const { corpusId, chunks, vectors, dimensions, ...head } = corpus;
    const rows = chunks.map((chunk, ordinal) => ({
      corpusId,
      ordinal,
      docId: chunk.docId,
      chunkId: chunk.id,
      body: chunk.text,
      charStart: chunk.start,
      charEnd: chunk.end,
      vector: bytes(vectors.subarray(ordinal * dimensions, (ordinal + 1) * dimensions)),
    }));
    await this.prisma.$transaction(
      async (transaction) => {
        await transaction.ragCorpus.deleteMany({ where: { corpusId } });
        await transaction.ragCorpus.create({
          data: { corpusId, dimensions, chunkCount: chunks.length, ...head },
        });
        for (let start = 0; start < rows.length; start += ROWS_PER_INSERT) {
          await transaction.ragChunk.createMany({ data: rows.slice(start, start + ROWS_PER_INSERT) });
        }
      },
      { timeout: TRANSACTION_MS, maxWait: 10_000 },
    );
    this.corpora.set(corpusId, corpus);
  }
}

/**
 * The `k` pieces with the largest dot product, exactly: every piece is compared. Equal scores are in the order of the
 * corpus, so that the same question has the same answer.
 */
export function topK(corpus: Corpus, query: Float32Array, k: number): Hit[] {
  const { chunks, vectors, dimensions } = corpus;
  const width = Math.min(dimensions, query.length);
  const best: { index: number; score: number }[] = [];
  for (let index = 0, offset = 0; index < chunks.length; index += 1, offset += dimensions) {
    let score = 0;
    for (let place = 0; place < width; place += 1) {
      score += (vectors[offset + place] as number) * (query[place] as number);
    }
    const last = best.at(-1);
    if (best.length >= k && last !== undefined && score <= last.score) continue;
    // Behind those of the same score: they came before.
    let at = best.length;
    while (at > 0 && (best[at - 1] as { score: number }).score < score) at -= 1;
    best.splice(at, 0, { index, score });
    if (best.length > k) best.pop();
  }
  return best.flatMap(({ index, score }) => {
    const chunk = chunks[index];
    return chunk ? [{ chunk, score }] : [];
  });
}

function bytes(vector: Float32Array): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(vector.length * 4));
  vector.forEach((value, index) => view.setFloat32(index * 4, value, true));
  return new Uint8Array(view.buffer);
}

function floats(data: Uint8Array, dimensions: number): Float32Array {
  if (data.byteLength !== dimensions * 4) {
    throw new Error(
      `a stored vector has ${data.byteLength} bytes, not ${dimensions * 4}; index the corpus anew`,
    );
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Float32Array.from({ length: dimensions }, (_, index) => view.getFloat32(index * 4, true));
}
