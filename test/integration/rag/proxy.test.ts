/** Embeddings that the provider-proxy prices and records. */
import { ensurePythonVenv, projectRoot } from '../../../adapters/local-stack';
import { mintJobToken } from '../../../domain/job-token';
import { MASTER as PROXY_MASTER, startStack, VENDOR_KEY, type Stack } from '../provider-proxy/harness';
import { run } from '../tools/python';
import { jobHeaders, letterVectors, startEmbeddings, startRag, type RagHarness } from './harness';
import { join } from 'node:path';

jest.setTimeout(120_000);

const MODEL = 'text-embedding-3-small';
const CORPUS = {
  corpus_id: 'c',
  documents: [
    { doc_id: 'z', content: 'zebra zebra' },
    { doc_id: 'q', content: 'qqqq' },
  ],
};

let vendor: Awaited<ReturnType<typeof startEmbeddings>>;
let proxy: Stack;
let rag: RagHarness;

beforeAll(async () => {
  vendor = await startEmbeddings((input) => ({
    body: { ...letterVectors(input), usage: { prompt_tokens: 1_000, total_tokens: 1_000 } },
  }));
  proxy = await startStack();
  await proxy.restart({ openAiBaseUrl: vendor.url });
  rag = await startRag(throughProxy());
});
afterAll(async () => {
  await rag.stop();
  await proxy.stop();
  await vendor.close();
});

function throughProxy(): NodeJS.ProcessEnv {
  return {
    EIREL_RAG_EMBEDDING_MODEL: MODEL,
    EIREL_PROVIDER_PROXY_URL: proxy.url,
    EIREL_PROVIDER_PROXY_TOKEN: PROXY_MASTER,
  };
}

it('are charged to names of the owner, one for each corpus and each job that asks', async () => {
  expect((await rag.owner('/v1/rag/corpora', CORPUS)).body).toMatchObject({ metadata: { embedding: MODEL } });
  const found = await rag.retrieve({ corpus_id: 'c', query: 'q', k: 1 });
  expect(found.body.chunks).toEqual([expect.objectContaining({ doc_id: 'q', score: 1 })]);
  const rows = await proxy.prisma.providerCall.findMany({ orderBy: { createdAt: 'asc' } });
  // A thousand tokens at 0.02 USD a million.
  const charge = { kind: 'llm', provider: 'openai', model: MODEL, status: 'ok', costMicroUsd: 20n };
  expect(rows).toEqual([
    expect.objectContaining({ jobId: 'rag-index:c', promptTokens: 1_000, completionTokens: 0, ...charge }),
    expect.objectContaining({ jobId: 'rag-query:miner-dep-a', deploymentId: null, ...charge }),
  ]);
  expect(vendor.calls.every(({ authorization }) => authorization === `Bearer ${VENDOR_KEY}`)).toBe(true);
  expect(await proxy.prisma.budgetHold.count()).toBe(0);
});

it('can be asked for by a job of its own, under its budget, and only for a model that has a price', async () => {
  const { token, jobId } = await proxy.attempt();
  const ask = (body: object) =>
    proxy.request('/v1/embeddings', { method: 'POST', token, body: JSON.stringify(body) });
  expect(await ask({ model: MODEL, input: ['a', 'b'] })).toMatchObject({
    status: 200,
    body: { object: 'list', data: [{ index: 0 }, { index: 1 }] },
  });
  expect(await proxy.prisma.providerCall.findFirst({ where: { jobId } })).toMatchObject({
    costMicroUsd: 20n,
  });
  expect(await ask({ model: 'openai/unknown-embedding', input: 'a' })).toMatchObject({
    status: 400,
    body: { detail: expect.stringContaining('it has no price') },
  });
  expect(await ask({ model: 'chutes/zai-org/GLM-5.1-TEE', input: [] })).toMatchObject({ status: 422 });
});

it('over the budget are refused once, with the reason, and the corpus stays', async () => {
  await proxy.restart({ openAiBaseUrl: vendor.url, jobBudgetMicroUsd: 0 });
  await rag.restart(throughProxy());
  const before = vendor.calls.length;
  const answer = await rag.owner('/v1/rag/corpora', {
    ...CORPUS,
    documents: [{ doc_id: 'x', content: 'xylophone' }],
  });
  expect(answer).toMatchObject({
    status: 502,
    body: { detail: { error: 'embedding_failed', reason: expect.stringContaining('run budget exhausted') } },
  });
  expect(vendor.calls).toHaveLength(before);
  expect(await proxy.prisma.providerCall.count({ where: { errorCode: 'budget_exhausted' } })).toBe(1);
  await proxy.restart({ openAiBaseUrl: vendor.url });
  await rag.restart(throughProxy());
  expect((await rag.retrieve({ corpus_id: 'c', query: 'q', k: 1 })).body.chunks).toHaveLength(1);
});

it("answer the SDK's own clients of retrieval and of models unchanged", async () => {
  const venv = await ensurePythonVenv('miner-sdk', ['eirel==0.5.2'], {
    toolsDir: join(projectRoot(), '.eirel', 'tools'),
    ignoreRequiresPython: true,
  });
  const headers = jobHeaders('dep-a');
  const attempt = await proxy.attempt();
  const answer = await run(venv.python, SDK_SCRIPT, {
    rag: rag.url(),
    ragToken: headers.Authorization?.slice('Bearer '.length),
    ragJob: headers['X-Eirel-Job-Id'],
    proxy: proxy.url,
    token: attempt.token,
    job: attempt.jobId,
    forged: mintJobToken(
      { ...attempt, expiresAt: new Date(Date.now() + 60_000) },
      'a secret of somebody else',
    ),
  });
  expect(answer).toEqual({
    found: ['q'],
    unknown: expect.stringContaining('404'),
    said: expect.any(String),
    refused: expect.stringContaining('invalid provider proxy token'),
  });
  expect(await proxy.prisma.providerCall.count({ where: { jobId: attempt.jobId, provider: 'chutes' } })).toBe(
    1,
  );
});

const SDK_SCRIPT = `
import asyncio, json, sys
from eirel.families.general_chat.tools._service_client import ToolServiceClient, ToolServiceConfig, ToolServiceError
from eirel.families.general_chat.tools.rag import RagTool
from eirel.provider import AgentProviderClient, MinerProviderConfig, ProviderRequestError
given = json.loads(sys.argv[1])
async def main():
    client = ToolServiceClient(ToolServiceConfig(base_url=given["rag"], api_token=given["ragToken"], job_id=given["ragJob"]))
    tool = RagTool(client)
    found = await tool.execute(corpus_id="c", query="q", k=1)
    try:
        await tool.execute(corpus_id="nowhere", query="q"); unknown = None
    except ToolServiceError as error:
        unknown = str(error)
    await client.close()
    def provider(token):
        return AgentProviderClient(MinerProviderConfig(provider="chutes", model="moonshotai/Kimi-K2.5-TEE", mode="proxy",
            subnet_proxy_url=given["proxy"], subnet_proxy_token=token, subnet_proxy_job_id=given["job"], run_budget_usd=1.0))
    payload = {"messages": [{"role": "user", "content": "What is the tallest tower?"}], "max_tokens": 50}
    answer = await provider(given["token"]).chat_completions(payload)
    try:
        await provider(given["forged"]).chat_completions(payload); refused = None
    except ProviderRequestError as error:
        refused = str(error)
    print(json.dumps({"found": [chunk["doc_id"] for chunk in found["chunks"]], "unknown": unknown,
                      "said": answer["choices"][0]["message"]["content"], "refused": refused}))
asyncio.run(main())
`;
