/** The three sample agents of the demo, as their miners pack them, and a model for them to ask. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Packaging, packAgent } from '../../../../demo/archives';
import { ensurePythonVenv } from '../../../../adapters/local-stack';
import { projectRoot } from '../../../../adapters/project-root';
import { parseManifest } from '../../../../domain/contracts/manifest';
import type { Packed } from '../harness';
import { TOOLS } from '../../../harness/tools';

/** Python of a virtual environment with the published miner SDK; made once and kept. */
export async function sdkPython(): Promise<string> {
  const venv = await ensurePythonVenv('miner-sdk', ['eirel==0.5.2'], {
    toolsDir: TOOLS,
    ignoreRequiresPython: true,
  });
  return venv.python;
}

/** How the demo's miners pack their agents. */
const SAMPLES: [name: string, packaging: Packaging][] = [
  ['parrot', 'plain'],
  ['analyst', 'typescript'],
  ['scholar', 'sdk'],
];

export async function sampleAgents(): Promise<{ name: string; packed: Packed }[]> {
  const python = await sdkPython();
  const workDir = mkdtempSync(join(tmpdir(), 'eirel-samples-'));
  try {
    const agents = [];
    for (const [name, packaging] of SAMPLES) {
      const source = join(projectRoot(), 'demo', 'agents', name);
      const bytes = await packAgent(source, packaging, { sdkPython: python, workDir });
      const parsed = parseManifest(readFileSync(join(source, 'submission.yaml'), 'utf8'));
      if (!parsed.ok) throw new Error(parsed.message);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      agents.push({ name, packed: { bytes, sha256, manifest: parsed.manifest } });
    }
    return agents;
  } finally {
    rmSync(workDir, { recursive: true, force: true });
  }
}

/** Answers as the provider-proxy does, and remembers with which credentials it was asked. */
export class Model {
  readonly tokens: string[] = [];
  private readonly server: Server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      this.tokens.push(request.headers.authorization ?? '');
      const { payload } = JSON.parse(body) as { payload: { messages: { content: string }[] } };
      const content = `model: ${payload.messages.at(-1)?.content ?? ''}`;
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          upstream_response: {
            choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
          },
          usage: { provider: 'chutes', model: 'm', request_count: 1, estimated_total_tokens: 1, cost_usd: 0 },
        }),
      );
    });
  });

  /** @param host an address of this machine that agents reach; @returns the model's base address */
  async listen(host: string): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, host, resolve));
    return `http://${host}:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request as AsyncIterable<Buffer>) text += piece.toString('utf8');
  return text;
}
