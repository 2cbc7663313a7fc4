/** Folds what an agent sends, streamed or at once, into one response (evaluation.md 2.4). */
import { z } from 'zod';
import { answerText, type AgentStreamEvent } from '../contracts/invocation';

export interface Source {
  url: string;
  title?: string;
}

/** One turn's response in the shape that results carry. */
export interface TurnResponse {
  status: 'completed' | 'failed' | 'deferred';
  output: Record<string, unknown>;
  citations: unknown[];
  tool_calls: Record<string, unknown>[];
  metadata: Record<string, unknown>;
  error: string | null;
}

/** Collects the events of one stream. Feed it every event, then read `response()` once the stream has ended. */
export class StreamFold {
  private readonly deltas: string[] = [];
  private readonly citations: unknown[] = [];
  private readonly toolCalls: Record<string, unknown>[] = [];
  private done: Extract<AgentStreamEvent, { event: 'done' }> | null = null;

  /** True once `done` was seen; later events change nothing. */
  get ended(): boolean {
    return this.done !== null;
  }

  add(event: AgentStreamEvent): void {
    if (this.done) return;
    switch (event.event) {
      case 'delta':
        this.deltas.push(event.text);
        break;
      case 'citation':
        this.citations.push(event.citation);
        break;
      case 'tool_call':
        this.toolCalls.push(event.tool_call);
        break;
      case 'done':
        this.done = event;
        break;
      case 'tool_result':
      case 'trace':
      case 'checkpoint':
        break;
    }
  }

  /**
   * What the stream amounts to. A stream without `done` counts as completed; `done.citations` replace the streamed ones;
   * the deltas are the answer where the output has none.
   */
  response(): TurnResponse {
    const output = { ...(this.done?.output ?? {}) };
    const streamed = this.deltas.join('');
    if (!('answer' in output) && streamed !== '') output.answer = streamed;
    const metadata = this.done?.metadata ?? {};
    return {
      status: this.done?.status ?? 'completed',
      output,
      citations: this.done?.citations ?? this.citations,
      tool_calls: executedCalls(metadata) ?? this.done?.tool_calls ?? this.toolCalls,
      metadata,
      error: this.done?.error ?? null,
    };
  }
}

const record = z.record(z.string(), z.unknown());

/** The attested calls that the owner put into the metadata, null when it put none. */
export function executedCalls(metadata: Record<string, unknown>): Record<string, unknown>[] | null {
  const parsed = z.array(record).safeParse(metadata.executed_tool_calls);
  return parsed.success ? parsed.data : null;
}

const unaryBody = z.looseObject({
  status: z.enum(['completed', 'failed', 'deferred']).catch('completed'),
  output: z.union([record, z.string()]).nullish().catch(null),
  citations: z.array(z.unknown()).nullish().catch(null),
  tool_calls: z.array(record).nullish().catch(null),
  metadata: record.nullish().catch(null),
  error: z.string().nullish().catch(null),
});

/** Reads the answer of the unary route; null when it is not a JSON object. */
export function unaryResponse(body: unknown): TurnResponse | null {
  const parsed = unaryBody.safeParse(body);
  if (!parsed.success) return null;
  const { status, output, citations, tool_calls: calls, metadata, error, ...rest } = parsed.data;
  const text = answerText({ ...rest, output });
  const asObject = typeof output === 'string' ? {} : (output ?? {});
  const answered = text !== '' && answerText({ output: asObject }) === '' ? { answer: text } : {};
  return {
    status,
    output: { ...asObject, ...answered },
    citations: citations ?? [],
    tool_calls: executedCalls(metadata ?? {}) ?? calls ?? [],
    metadata: metadata ?? {},
    error: error ?? null,
  };
}

/**
 * The sources of a response: its citations, then what its web searches and page fetches returned, one entry per URL in
 * the order of appearance. An entry that names no URL is dropped.
 */
export function citationsOf(response: Pick<TurnResponse, 'citations' | 'tool_calls'>): Source[] {
  const found = new Map<string, Source>();
  const add = (source: Source | null): void => {
    if (source && !found.has(source.url)) found.set(source.url, source);
  };
  for (const citation of response.citations) add(sourceOf(citation));
  for (const call of response.tool_calls) {
    const name = toolNameOf(call);
    if (name !== 'web_search' && name !== 'url_fetch') continue;
    const results = Array.isArray(call.results) ? call.results : [];
    for (const result of results) add(sourceOf(result));
  }
  return [...found.values()];
}

function sourceOf(value: unknown): Source | null {
  if (typeof value === 'string') return value.trim() ? { url: value.trim() } : null;
  if (value === null || typeof value !== 'object') return null;
  const { url, title } = value as { url?: unknown; title?: unknown };
  if (typeof url !== 'string' || !url.trim()) return null;
  return typeof title === 'string' && title ? { url: url.trim(), title } : { url: url.trim() };
}

/** Name of a tool call as agents and the ledger spell it (`tool`, `name` or `tool_name`), lower-cased; '' without one. */
export function toolNameOf(call: Record<string, unknown>): string {
  for (const key of ['tool', 'name', 'tool_name']) {
    const value = call[key];
    if (typeof value === 'string' && value.trim()) return value.trim().toLowerCase();
  }
  return '';
}
