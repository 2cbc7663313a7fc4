/** Submissions written with the published miner SDK, installed from PyPI once and cached. */
import { join } from 'node:path';
import { MinerFault, type ContainerRuntime } from '../../../adapters/container-runtime';
import { ensurePythonVenv } from '../../../adapters/local-stack';
import { projectRoot } from '../../../adapters/project-root';
import { ask, Bench, pack, type Packed } from './harness';

jest.setTimeout(240_000);

let python: string;
let bench: Bench;
let runtime: ContainerRuntime;
beforeAll(async () => {
  const venv = await ensurePythonVenv('miner-sdk', ['eirel==0.5.2'], {
    toolsDir: join(projectRoot(), '.eirel', 'tools'),
    ignoreRequiresPython: true,
  });
  python = venv.python;
});
beforeEach(() => {
  bench = new Bench({ EIREL_PROCESS_RUNTIME_PYTHON: python });
  runtime = bench.runtime();
});
afterEach(() => bench.dispose());

const place = async (agent: Packed) =>
  runtime.place(
    bench.spec(agent, await bench.build(runtime, agent), {
      memoryBytes: 512 * 1024 * 1024,
      env: { EIREL_DISABLE_REQUEST_AUTH: '1' },
    }),
  );

const infer = async (url: string): Promise<{ output: { answer: string } }> => {
  const response = await fetch(`${url}/v1/agent/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ prompt: 'six times seven' }),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as { output: { answer: string } };
};

const BASE_AGENT = `
from helper import ANSWER
from eirel.base_agent import BaseAgent
from eirel.schemas import AgentCapabilityMetadata, AgentInvocationResponse

class Agent(BaseAgent):
    async def infer(self, request):
        return AgentInvocationResponse(family_id="general_chat", output={"answer": ANSWER + request.prompt})

capabilities = AgentCapabilityMetadata(family_id="general_chat", description="test")
miner = Agent(hotkey="h", endpoint="http://x", version="1", capabilities=capabilities)
`;

test('an agent object is served as the SDK serves it', async () => {
  const agent = pack(
    {
      'miner/__init__.py': '',
      'miner/main.py': BASE_AGENT,
      'helper.py': 'ANSWER = "asked: "\n',
    },
    { sdk_runtime: { entry_module: 'miner.main', app_object: 'miner' } },
  );
  const placed = await place(agent);
  expect(bench.logLines.join('\n')).toContain("starts miner.main:miner with the miner SDK's runtime");
  expect((await infer(placed.endpointUrl)).output.answer).toBe('asked: six times seven');
  expect(await ask(`${placed.endpointUrl}/healthz`)).toMatchObject({
    status: 'ok',
    family_id: 'general_chat',
  });
});

test('a MinerApp, a factory and a plain ASGI application are served too', async () => {
  const handler = `
from eirel.app import MinerApp
async def handle(payload): raise RuntimeError("not asked")
async def agent(payload): return {"status": "completed", "output": {"answer": "from " + payload["prompt"]}}
def build(): return MinerApp(title="t", handler=handle, agent_handler=agent)
app = build()
`;
  for (const [object, source] of [
    ['app', handler],
    ['build', handler],
    ['app.app', handler],
  ] as const) {
    const placed = await place(
      pack({ 'app.py': `# ${object}\n${source}` }, { sdk_runtime: { app_object: object } }),
    );
    expect((await infer(placed.endpointUrl)).output.answer).toBe('from six times seven');
    await runtime.remove('d1');
  }
});

test.each([
  ['an import that fails', 'import torch_of_nowhere\napp = None\n', 'torch_of_nowhere'],
  ['a missing object', 'x = 1\n', 'set sdk_runtime.app_object'],
  ['an object that nothing can serve', 'app = 42\n', 'which no server can call'],
])('%s is told to the miner', async (_, source, line) => {
  const failed = await place(pack({ 'app.py': source })).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(MinerFault);
  expect((failed as MinerFault).code).toBe('exited_early');
  expect((failed as MinerFault).logLines.join('\n')).toContain(line);
});
