/**
 * All agents of a bench behind one address, a path for each. An agent answers as agents do, streamed, and its one model call
 * is written down as the provider-proxy writes it.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { CallRecords } from '../../adapters/budget/records';
import { createPrisma } from '../../adapters/postgres';

const port = Number(process.env.EIREL_BENCH_AGENTS_PORT);
const answerChars = Number(process.env.EIREL_BENCH_ANSWER_CHARS);
const records = new CallRecords(createPrisma(process.env.DATABASE_URL as string, { poolSize: 4 }));

/** Words that differ from answer to answer and do not compress too well. */
function answerOf(seed: string): string {
  let text = '';
  for (let n = 0; text.length < answerChars; n += 1) {
    const word = createHash('sha1').update(`${seed}${n}`).digest('hex');
    text += `${word.slice(0, 12)} is what the source ${word.slice(12, 16)} says about it; `;
  }
  return text.slice(0, answerChars);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, deploymentId = '', ...route] = (request.url ?? '').split('/');
  if (route.join('/') === 'healthz') {
    response.writeHead(200).end('ok');
    return;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { turn_id?: string; prompt?: string };
  await records.write({
    charge: {
      id: randomUUID(),
      jobId: String(request.headers['x-eirel-job-id']),
      deploymentId,
      runId: 'run-1',
      kind: 'llm',
      provider: 'chutes',
      model: 'simulated',
      status: 'ok',
      errorCode: null,
      promptTokens: 400,
      completionTokens: 1500,
      costMicroUsd: 1200,
      latencyMs: 20,
    },
    attestation: null,
  });
  const text = answerOf(`${deploymentId} ${body.turn_id ?? body.prompt ?? ''}`);
  const half = Math.floor(text.length / 2);
  const done = { event: 'done', status: 'completed', output: { answer: text }, citations: [], metadata: {} };
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.write(`${JSON.stringify({ event: 'delta', text: text.slice(0, half) })}\n`);
  response.write(`${JSON.stringify({ event: 'delta', text: text.slice(half) })}\n`);
  response.end(`${JSON.stringify(done)}\n`);
}

createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    response.destroy();
  });
}).listen(port, '127.0.0.1');
