import { localHashEmbedder } from '../../../adapters/embedding';
import { createRagClient, ragClientFromEnv } from '../../../adapters/rag-client';
import { jobHeaders, letterVectors, MASTER, startEmbeddings, startRag, type RagHarness } from './harness';

jest.setTimeout(60_000);

const PLANETS = [
  {
    doc_id: 'mars',
    content: 'Mars is the fourth planet. Its dust storms can cover the whole globe for weeks.',
  },
  { doc_id: 'venus', content: 'Venus is the second planet. Its atmosphere is thick with carbon dioxide.' },
  { doc_id: 'sea', content: 'The Mariana Trench is the deepest oceanic trench on Earth.' },
];
const long = (sentences: number) =>
  Array.from(
    { length: sentences },
    (_, index) => `Sentence number ${index} speaks of topic ${index % 37}. `,
  ).join('');

interface Hit {
  chunk_id: string;
  doc_id: string;
  score: number;
  text: string;
  char_start: number;
  char_end: number;
}

describe('offline', () => {
  let rag: RagHarness;
  beforeAll(async () => {
    rag = await startRag({ EIREL_RAG_TOOL_MAX_REQUESTS: '1000' });
  });
  afterAll(() => rag.stop());

  it('indexes, lists and retrieves, and says which embedding it was', async () => {
    const indexed = await rag.owner('/v1/rag/corpora', { corpus_id: 'planets', documents: PLANETS });
    expect(indexed).toEqual({
      status: 200,
      body: {
        corpus_id: 'planets',
        n_documents: 3,
        n_chunks: 3,
        metadata: { embedding: 'local-hash-v1', unchanged: false },
      },
    });
    const { status, body } = await rag.retrieve({ corpus_id: 'planets', query: 'deepest trench', k: 2 });
    expect(status).toBe(200);
    const hits = body.chunks as Hit[];
    expect(hits.map(({ chunk_id }) => chunk_id)[0]).toBe('sea#0000');
    expect(hits).toHaveLength(2);
    expect(hits[0]).toMatchObject({ doc_id: 'sea', text: PLANETS[2]?.content, char_start: 0, char_end: 58 });
    expect(hits[0]?.score).toBeGreaterThan(hits[1]?.score ?? 1);
    expect(body.metadata).toEqual({ embedding: 'local-hash-v1' });
    const listed = await rag.owner('/v1/rag/corpora');
    expect(listed.body.corpora).toContainEqual({
      corpus_id: 'planets',
      n_chunks: 3,
      n_documents: 3,
      embedding: 'local-hash-v1',
    });
  });

  it('finds exactly the best pieces', async () => {
    await rag.owner('/v1/rag/corpora', {
      corpus_id: 'exact',
      documents: [{ doc_id: 'long', content: long(400) }],
    });
    const chunks = await rag.prisma.ragChunk.findMany({
      where: { corpusId: 'exact' },
      orderBy: { ordinal: 'asc' },
    });
    expect(chunks.length).toBeGreaterThan(10);
    const question = 'topic 12 sentence';
    const { body } = await rag.retrieve({ corpus_id: 'exact', query: question, k: 10 });
    const [query] = await localHashEmbedder.embed([question], { job: 'test' });
    const texts = await localHashEmbedder.embed(
      chunks.map((chunk) => chunk.body),
      { job: 'test' },
    );
    const scores = texts
      .map((vector, index) => ({
        id: chunks[index]?.chunkId,
        score: vector.reduce((sum, value, place) => sum + value * (query?.[place] ?? 0), 0),
        index,
      }))
      .sort((a, b) => b.score - a.score || a.index - b.index)
      .slice(0, 10);
    expect((body.chunks as Hit[]).map(({ chunk_id }) => chunk_id)).toEqual(scores.map(({ id }) => id));
    (body.chunks as Hit[]).forEach(({ score }, index) =>
      expect(score).toBeCloseTo(scores[index]?.score ?? 0, 12),
    );
  });

  it('answers the same to the last digit after a restart', async () => {
    const documents = [
      ...PLANETS,
      { doc_id: 'long', content: long(300) },
      { doc_id: 'emoji', content: '\u{1f600} smile. '.repeat(400) },
    ];
    await rag.owner('/v1/rag/corpora', { corpus_id: 'kept', documents });
    const questions = ['topic 5', 'smile', 'carbon dioxide', 'nothing that is there'];
    const ask = () =>
      Promise.all(questions.map((query) => rag.retrieve({ corpus_id: 'kept', query, k: 10 })));
    const before = await ask();
    await rag.restart();
    expect(await ask()).toEqual(before);
    expect(before.every(({ status }) => status === 200)).toBe(true);
  });

  it('replaces a corpus as a whole, also while it is searched', async () => {
    const version = (name: string) =>
      Array.from({ length: 30 }, (_, index) => ({
        doc_id: `${name}-${index}`,
        content: `${name} text ${index}`,
      }));
    await rag.owner('/v1/rag/corpora', { corpus_id: 'swap', documents: version('old') });
    let done = false;
    const seen: string[] = [];
    const searching = (async () => {
      while (!done) {
        const { body } = await rag.retrieve({ corpus_id: 'swap', query: 'text', k: 10 }, 'dep-swap');
        const names = new Set((body.chunks as Hit[]).map(({ doc_id }) => doc_id.split('-')[0]));
        expect(names.size).toBe(1);
        seen.push([...names][0] ?? '');
      }
    })();
    const replaced = await rag.owner('/v1/rag/corpora', { corpus_id: 'swap', documents: version('new') });
    done = true;
    await searching;
    expect(replaced.body).toMatchObject({ n_chunks: 30 });
    const { body } = await rag.retrieve({ corpus_id: 'swap', query: 'text', k: 1 }, 'dep-swap');
    expect((body.chunks as Hit[])[0]?.doc_id).toMatch(/^new-/);
    expect(await rag.prisma.ragChunk.count({ where: { corpusId: 'swap' } })).toBe(30);
  });

  it('leaves an empty corpus for no documents', async () => {
    await rag.owner('/v1/rag/corpora', { corpus_id: 'empty', documents: PLANETS });
    const { body } = await rag.owner('/v1/rag/corpora', { corpus_id: 'empty', documents: [] });
    expect(body).toMatchObject({ n_documents: 0, n_chunks: 0 });
    expect((await rag.retrieve({ corpus_id: 'empty', query: 'mars' })).body.chunks).toEqual([]);
    await rag.restart();
    expect((await rag.retrieve({ corpus_id: 'empty', query: 'mars' })).body.chunks).toEqual([]);
  });

  it('keeps the owner routes to the owner', async () => {
    for (const init of [
      { method: 'GET' },
      { method: 'POST', body: JSON.stringify({ corpus_id: 'x', documents: [] }) },
    ]) {
      const headers = { 'Content-Type': 'application/json' };
      const job = await fetch(`${rag.url()}/v1/rag/corpora`, {
        ...init,
        headers: { ...headers, ...jobHeaders('dep-a') },
      });
      expect(job.status).toBe(401);
      expect(await job.json()).toEqual({ detail: 'rag tool: master token required for /v1/rag/corpora' });
      const nobody = await fetch(`${rag.url()}/v1/rag/corpora`, { ...init, headers });
      expect(nobody.status).toBe(401);
    }
  });

  it('refuses what is out of bounds and changes nothing', async () => {
    await rag.owner('/v1/rag/corpora', { corpus_id: 'bounds', documents: PLANETS });
    const post = (body: object) => rag.owner('/v1/rag/corpora', { corpus_id: 'bounds', ...body });
    const many = Array.from({ length: 201 }, (_, index) => ({ doc_id: `d${index}`, content: 'x' }));
    expect(await post({ documents: many })).toEqual({
      status: 413,
      body: { detail: { error: 'too_many_documents', limit: 200 } },
    });
    expect(await post({ documents: [{ doc_id: 'long', content: '\u{1f600}'.repeat(200_001) }] })).toEqual({
      status: 413,
      body: { detail: { error: 'document_too_long', doc_id: 'long', limit_chars: 200_000 } },
    });
    for (const wrong of [
      { documents: PLANETS, chunk_chars: 300, overlap_chars: 300 },
      { documents: PLANETS, chunk_chars: 199 },
      { documents: [PLANETS[0], PLANETS[0]] },
      { documents: [{ doc_id: 'nul', content: 'a\0b' }] },
      { documents: [{ doc_id: '', content: 'x' }] },
      {},
    ]) {
      expect((await post(wrong)).status).toBe(422);
    }
    expect((await rag.retrieve({ corpus_id: 'bounds', query: 'mars', k: 11 })).status).toBe(422);
    const { body } = await rag.retrieve({ corpus_id: 'bounds', query: 'fourth planet dust storms' });
    expect((body.chunks as Hit[])[0]?.doc_id).toBe('mars');
  });
});

it('lets a job retrieve 30 times, and does not count a corpus that is not there', async () => {
  const rag = await startRag();
  try {
    await rag.owner('/v1/rag/corpora', { corpus_id: 'c', documents: PLANETS });
    for (let times = 0; times < 35; times += 1) {
      const { status, body } = await rag.retrieve({ corpus_id: 'nowhere', query: 'q' });
      expect({ status, body }).toEqual({
        status: 404,
        body: { detail: { error: 'unknown_corpus', corpus_id: 'nowhere' } },
      });
    }
    const statuses = [];
    for (let times = 0; times < 32; times += 1) {
      statuses.push((await rag.retrieve({ corpus_id: 'c', query: 'mars' })).status);
    }
    expect(statuses).toEqual([...Array<number>(30).fill(200), 429, 429]);
    const refused = await rag.retrieve({ corpus_id: 'c', query: 'mars' });
    expect(refused.body).toEqual({ detail: { error: 'rag_quota_exhausted', max_requests: 30 } });
    expect((await rag.retrieve({ corpus_id: 'c', query: 'mars' }, 'dep-b')).status).toBe(200);
    const rows = await rag.prisma.orchestratorToolCallLog.findMany({ where: { jobId: 'miner-dep-a' } });
    expect(rows).toHaveLength(30);
    expect(rows[0]).toMatchObject({ toolName: 'rag.retrieve', status: 'ok' });
    const { chunk_ids: ids } = JSON.parse(rows[0]?.resultDigest ?? '') as { chunk_ids: string[] };
    expect(ids[0]).toBe('mars#0000');
    expect(ids).toHaveLength(3);
  } finally {
    await rag.stop();
  }
});

describe('with an endpoint', () => {
  it('asks in batches of 256, with the key, and tries again what passes', async () => {
    const endpoint = await startEmbeddings((input, call) =>
      call === 1
        ? { status: 503, body: { error: { message: 'busy' } } }
        : call === 2
          ? { status: 429, headers: { 'Retry-After': '0' }, body: { error: { message: 'slow down' } } }
          : { body: letterVectors(input) },
    );
    const rag = await startRag({
      EIREL_RAG_EMBEDDING_BASE_URL: endpoint.url,
      EIREL_RAG_EMBEDDING_API_KEY: 'sk-rag-test',
      EIREL_RAG_EMBEDDING_MODEL: 'letters',
    });
    try {
      const documents = Array.from({ length: 100 }, (_, index) => ({
        doc_id: `d${index}`,
        content: 'zebra '.repeat(180),
      }));
      documents.push({ doc_id: 'q', content: 'qqqq' });
      const { body } = await rag.owner('/v1/rag/corpora', {
        corpus_id: 'c',
        documents,
        chunk_chars: 400,
        overlap_chars: 10,
      });
      expect(body).toMatchObject({ n_chunks: 301, metadata: { embedding: 'letters' } });
      expect(endpoint.calls.slice(2).map(({ inputs }) => inputs.length)).toEqual([256, 45]);
      expect(endpoint.calls.every(({ authorization }) => authorization === 'Bearer sk-rag-test')).toBe(true);
      const again = await rag.owner('/v1/rag/corpora', {
        corpus_id: 'c',
        documents,
        chunk_chars: 400,
        overlap_chars: 10,
      });
      expect(again.body.metadata).toEqual({ embedding: 'letters', unchanged: true });
      expect(endpoint.calls).toHaveLength(4);
      const found = await rag.retrieve({ corpus_id: 'c', query: 'q', k: 1 });
      expect((found.body.chunks as Hit[])[0]).toMatchObject({ doc_id: 'q', score: 1 });
    } finally {
      await rag.stop();
      await endpoint.close();
    }
  });

  it('answers 502 when it is refused, keeps what was there, and never shows the key', async () => {
    const endpoint = await startEmbeddings(() => ({
      status: 401,
      body: { error: { message: 'Incorrect API key provided: sk-rag-secret' } },
    }));
    const rag = await startRag({
      EIREL_RAG_EMBEDDING_BASE_URL: endpoint.url,
      EIREL_RAG_EMBEDDING_API_KEY: 'sk-rag-secret',
      EIREL_RAG_EMBEDDING_MODEL: 'letters',
    });
    try {
      await rag.owner('/v1/rag/corpora', { corpus_id: 'c', documents: [] });
      const answer = await rag.owner('/v1/rag/corpora', { corpus_id: 'c', documents: PLANETS });
      expect(answer.status).toBe(502);
      expect(answer.body.detail).toMatchObject({ error: 'embedding_failed' });
      expect(JSON.stringify(answer)).not.toContain('sk-rag-secret');
      expect((await rag.owner('/v1/rag/corpora')).body.corpora).toMatchObject([
        { corpus_id: 'c', n_chunks: 0 },
      ]);
      expect(endpoint.calls).toHaveLength(1);
      await rag.restart({ EIREL_RAG_EMBEDDING_MODEL: 'local-hash-v1' });
      await rag.owner('/v1/rag/corpora', { corpus_id: 'c', documents: PLANETS });
      await rag.restart({ EIREL_RAG_EMBEDDING_MODEL: '', EIREL_RAG_EMBEDDING_API_KEY: '' });
      const unset = await rag.retrieve({ corpus_id: 'c', query: 'mars' });
      expect(unset.status).toBe(502);
    } finally {
      await rag.stop();
      await endpoint.close();
    }
  });
});

describe('the client of runEpoch', () => {
  it('indexes twice at the price of once, and tells what may be retried', async () => {
    const rag = await startRag();
    try {
      const client = createRagClient({ baseUrl: rag.url(), token: MASTER });
      const corpus = { corpusId: 'run-1', documents: [{ docId: 'a', content: 'Alpha beta.', title: 'A' }] };
      expect(await client.indexCorpus(corpus)).toEqual({
        documents: 1,
        chunks: 1,
        embedding: 'local-hash-v1',
        unchanged: false,
      });
      expect(await client.indexCorpus(corpus)).toMatchObject({ unchanged: true });
      await expect(
        client.indexCorpus({ corpusId: 'run-1', documents: [{ docId: 'a', content: '' }] }),
      ).rejects.toMatchObject({ retryable: false, status: 422 });
      await expect(
        createRagClient({ baseUrl: rag.url(), token: 'wrong' }).indexCorpus(corpus),
      ).rejects.toMatchObject({ retryable: false, status: 401 });
      await expect(
        createRagClient({ baseUrl: 'http://127.0.0.1:1', token: MASTER }).indexCorpus(corpus),
      ).rejects.toMatchObject({ retryable: true, status: null });
    } finally {
      await rag.stop();
    }
  });

  it('is not there without an address, and says which token is missing', () => {
    expect(ragClientFromEnv({})).toBeNull();
    expect(() => ragClientFromEnv({ EIREL_RAG_TOOL_URL: 'http://127.0.0.1:8088' })).toThrow(
      /EIREL_RAG_TOOL_API_TOKEN/,
    );
  });
});
