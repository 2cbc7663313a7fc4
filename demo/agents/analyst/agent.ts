/** An agent in TypeScript without any package: streams, and asks a small, cheap model that is sometimes wrong. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

interface Invocation {
  prompt: string;
  history?: { role: string; content: string }[];
  inputs?: { document_text?: string };
}

const proxyUrl = process.env.EIREL_PROVIDER_PROXY_URL ?? '';
const model = process.env.MINER_MODEL || 'demo/analyst-small';
const ATTEMPTS = 30;
const PAUSE_MS = 1000;

async function ask(invocation: Invocation, jobId: string, token: string): Promise<string> {
  const document = invocation.inputs?.document_text;
  const messages = [
    { role: 'system', content: 'Answer in one short sentence.' },
    ...(invocation.history ?? []).map(({ role, content }) => ({ role, content })),
    { role: 'user', content: document ? `${invocation.prompt}\n\nDocument:\n${document}` : invocation.prompt },
  ];
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await fetch(`${proxyUrl}/v1/chat/completions`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${token}`,
          'x-eirel-job-id': jobId,
          'x-eirel-run-budget-usd': process.env.EIREL_RUN_BUDGET_USD ?? '30',
        },
        body: JSON.stringify({ provider: 'chutes', model, payload: { messages, max_tokens: 256, temperature: 0 } }),
      });
      if ([502, 503, 504].includes(response.status)) throw new Error(`proxy answered ${response.status}`);
      if (!response.ok) throw Object.assign(new Error(`proxy answered ${response.status}`), { final: true });
      const body = (await response.json()) as {
        upstream_response: { choices: { message: { content: string } }[] };
      };
      return body.upstream_response.choices[0]?.message.content ?? '';
    } catch (error) {
      if ((error as { final?: boolean }).final || attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

async function bodyOf(request: IncomingMessage): Promise<Invocation> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as Invocation;
}

async function infer(request: IncomingMessage, response: ServerResponse, stream: boolean): Promise<void> {
  const invocation = await bodyOf(request);
  const jobId = String(request.headers['x-eirel-job-id'] ?? process.env.EIREL_PROVIDER_PROXY_JOB_ID ?? '');
  const token = String(request.headers['x-eirel-job-token'] ?? process.env.EIREL_PROVIDER_PROXY_TOKEN ?? '');
  const line = (event: object) => response.write(`${JSON.stringify(event)}\n`);
  try {
    const answer = await ask(invocation, jobId, token);
    if (!stream) {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ status: 'completed', output: { answer }, citations: [], metadata: {} }));
      return;
    }
    response.setHeader('content-type', 'application/x-ndjson');
    for (const word of answer.match(/\S+\s*/g) ?? []) line({ event: 'delta', text: word });
    line({ event: 'done', status: 'completed', output: { answer }, citations: [], metadata: { agent: 'analyst' } });
  } catch (error) {
    line({ event: 'done', status: 'failed', error: (error as Error).message });
  }
  response.end();
}

createServer((request, response) => {
  if (request.url === '/healthz') {
    response.setHeader('content-type', 'application/json');
    response.end('{"status":"ok"}');
  } else if (request.method === 'POST' && request.url?.startsWith('/v1/agent/infer')) {
    infer(request, response, request.url.endsWith('/stream')).catch((error: unknown) => {
      console.error('bad request', error);
      response.statusCode = 400;
      response.end('{"detail":"bad request"}');
    });
  } else {
    response.statusCode = 404;
    response.end('{"detail":"Not Found"}');
  }
}).listen(Number(process.env.MINER_RUNTIME_PORT ?? 8080), process.env.MINER_RUNTIME_HOST ?? '0.0.0.0', () => {
  console.log(`analyst listens on ${process.env.MINER_RUNTIME_PORT ?? 8080}`);
});
