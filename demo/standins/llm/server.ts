import { setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { judge, judgeEnvelope } from './judging';
import { sendJson as send, textOf, type Completion } from './completion';
import { dialectOf, openai, type Dialect } from './dialects';
import { answerTo, loadKnowledge, type Fact } from './knowledge';
import { asOracle, pagesAbout } from './oracles';
import { hashOf, tokensOf } from './text';

/** A request that got as far as a model. */
export interface ModelCall {
  model: string;
  /** What was posted, in its own protocol. */
  body: Record<string, unknown>;
}

/** An answer that a test puts in the place of the model's. */
export interface ScriptedAnswer {
  status?: number;
  headers?: Record<string, string>;
  /** Sent as it is. */
  body?: unknown;
  /** What the model says, in an otherwise ordinary completion. */
  content?: string;
  /** Leaves the usage out of the completion. */
  withoutUsage?: boolean;
  /** Milliseconds to wait before answering. */
  delayMs?: number;
  /** Cuts the connection without an answer. */
  hangUp?: boolean;
  /** Milliseconds to wait before each event of a stream. */
  eventDelayMs?: number;
  /** Cuts the connection after so many events of a stream. */
  hangUpAfterEvents?: number;
}

export interface LlmStandinOptions {
  /** 0 takes a free port. */
  port?: number;
  host?: string;
  /** Dataset whose gold answers the models know; without one they know nothing. */
  knowledgePath?: string;
  /** The one key that is accepted; without one any non-empty key is. */
  apiKey?: string;
  /** Models that exist; without a list all do. */
  models?: readonly string[];
  /** Time that a model takes, in milliseconds. */
  latencyMs?: number;
  /** Lets a test answer in the model's place; undefined leaves the model to it. */
  script?: (call: ModelCall) => ScriptedAnswer | undefined;
}

export interface LlmStandin {
  /** Base URL in the vendors' sense, ending in `/v1`. */
  baseUrl: string;
  port: number;
  /** Completions asked for since the start. */
  calls(): number;
  /** Streams whose reader left before their end. */
  abandoned(): number;
  close(): Promise<void>;
}

const BODY_LIMIT_BYTES = 32 * 1024 * 1024;

/**
 * Starts a local server that speaks four protocols: OpenAI's chat completions (with the list of models) and responses,
 * Anthropic's messages and Gemini's generateContent, with streams (but for responses), usage, web search where it is a
 * tool of the protocol, and errors in the vendor's shape. It keeps no state: the same request gets the same words.
 */
export async function startLlmStandin(options: LlmStandinOptions = {}): Promise<LlmStandin> {
  const facts = options.knowledgePath ? loadKnowledge(options.knowledgePath) : [];
  let calls = 0;
  let abandoned = 0;
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const server = createServer((req, res) => {
    const running = {
      ...options,
      facts,
      closing: closing.signal,
      count: () => (calls += 1),
      countAbandoned: () => (abandoned += 1),
    };
    handle(req, res, running).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      if (!res.headersSent) sendError(res, openai, 500, message, 'server_error', null);
    });
  });
  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    baseUrl: `http://${host}:${port}/v1`,
    calls: () => calls,
    abandoned: () => abandoned,
    close: () =>
      new Promise((resolve) => {
        closing.abort();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Running extends LlmStandinOptions {
  facts: readonly Fact[];
  closing: AbortSignal;
  count: () => void;
  countAbandoned: () => void;
}

async function handle(req: IncomingMessage, res: ServerResponse, options: Running): Promise<void> {
  const { facts } = options;
  const path = (req.url ?? '/').split('?')[0] ?? '/';
  if (path === '/healthz') return send(res, 200, { status: 'ok', facts: facts.length });
  const known = dialectOf(path);
  const dialect = known ?? openai;
  const key = dialect.key(req.headers);
  if (!key || (options.apiKey && key !== options.apiKey)) {
    const message = key
      ? `Incorrect API key provided: ${key.slice(0, 3)}***.`
      : 'You did not provide an API key.';
    return sendError(res, dialect, 401, message, 'invalid_request_error', 'invalid_api_key');
  }
  if (path === '/v1/models' && req.method === 'GET') {
    const data = (options.models ?? []).map((id) => ({
      id,
      object: 'model',
      created: 0,
      owned_by: 'standin',
    }));
    return send(res, 200, { object: 'list', data });
  }
  if (!known || req.method !== 'POST') {
    return sendError(res, dialect, 404, `Invalid URL (${req.method} ${path})`, 'invalid_request_error', null);
  }
  const body = await readJson(req);
  const asked = body && dialect.read(body);
  if (!body || !asked) return sendError(res, dialect, 400, dialect.demands, 'invalid_request_error', null);
  const { model } = asked;
  if (options.models && !options.models.includes(model)) {
    const message = `The model \`${model}\` does not exist or you do not have access to it.`;
    return sendError(res, dialect, 404, message, 'invalid_request_error', 'model_not_found');
  }
  options.count();
  const scripted = options.script?.({ model, body });
  const wait = scripted?.delayMs ?? options.latencyMs ?? 0;
  if (wait > 0) await delay(wait, undefined, { signal: options.closing });
  if (scripted?.hangUp) {
    req.socket.destroy();
    return;
  }
  for (const [name, value] of Object.entries(scripted?.headers ?? {})) res.setHeader(name, value);
  const status = scripted?.status ?? 200;
  if (status >= 400 && scripted?.body === undefined) {
    return status === 429
      ? sendError(res, dialect, 429, `Rate limit reached for ${model}.`, 'requests', 'rate_limit_exceeded')
      : sendError(
          res,
          dialect,
          status,
          'The server had an error while processing your request.',
          'server_error',
          null,
        );
  }
  if (scripted?.body !== undefined) return send(res, scripted.status ?? 200, scripted.body);

  const completion = complete(model, asked.body, scripted?.content ?? say(model, asked.body, facts));
  if (asked.search) completion.found = pagesAbout(facts, lastUserText(asked.body));
  if (scripted?.withoutUsage) delete completion.usage;
  if (asked.stream) await stream(res, dialect, completion, { body, scripted, options });
  else send(res, 200, dialect.answer(completion));
}

function say(model: string, body: Record<string, unknown>, facts: readonly Fact[]): string {
  const last = lastUserText(body);
  const envelope = judgeEnvelope(last);
  if (envelope) return judge(envelope);
  return asOracle(facts, model, last) ?? answerTo(facts, model, last);
}

function lastUserText(body: Record<string, unknown>): string {
  return (
    messageTexts(body)
      .filter(({ role }) => role === 'user')
      .at(-1)?.text ?? ''
  );
}

function complete(model: string, body: Record<string, unknown>, said: string): Completion {
  const prompt = messageTexts(body).reduce((sum, { text }) => sum + tokensOf(text) + 4, 3);
  const limit = limitOf(body);
  // Models of this kind think before they speak, and are paid for it.
  const reasoning = Math.min(40 + (hashOf(said) % 40), Math.floor(limit / 2));
  const room = Math.max(1, limit - reasoning);
  const cut = tokensOf(said) > room;
  const content = cut ? said.slice(0, room * 4) : said;
  const completion = tokensOf(content) + reasoning;
  return {
    id: `chatcmpl-${hashOf(JSON.stringify(body)).toString(16)}`,
    object: 'chat.completion',
    created: 1_767_225_600,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: cut ? 'length' : 'stop' }],
    usage: {
      prompt_tokens: prompt,
      completion_tokens: completion,
      total_tokens: prompt + completion,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: reasoning },
    },
  };
}

function limitOf(body: Record<string, unknown>): number {
  const given = body.max_completion_tokens ?? body.max_tokens;
  return typeof given === 'number' && given >= 1 ? Math.floor(given) : 4096;
}

function messageTexts(body: Record<string, unknown>): { role: string; text: string }[] {
  return (body.messages as { role?: unknown; content?: unknown }[]).map(({ role, content }) => ({
    role: String(role),
    text: textOf(content),
  }));
}

async function stream(
  res: ServerResponse,
  dialect: Dialect,
  completion: Completion,
  given: { body: Record<string, unknown>; scripted: ScriptedAnswer | undefined; options: Running },
): Promise<void> {
  const { body, scripted, options } = given;
  let sent = 0;
  res.once('close', () => {
    if (!res.writableFinished) options.countAbandoned();
  });
  res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  const event = async (value: object | string, name?: string): Promise<void> => {
    if (res.destroyed) return;
    if (sent === scripted?.hangUpAfterEvents) {
      res.destroy();
      return;
    }
    if (scripted?.eventDelayMs) await delay(scripted.eventDelayMs, undefined, { signal: options.closing });
    const data = typeof value === 'string' ? value : JSON.stringify(value);
    res.write(`${name ? `event: ${name}\n` : ''}data: ${data}\n\n`);
    sent += 1;
  };
  await dialect.stream(completion, { event }, body);
  res.end();
}

async function readJson(req: IncomingMessage): Promise<Record<string, unknown> | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT_BYTES) return null;
    chunks.push(chunk);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function sendError(
  res: ServerResponse,
  dialect: Dialect,
  status: number,
  message: string,
  type: string,
  code: string | null,
): void {
  send(res, status, dialect.failure({ status, message, type, code }));
}
