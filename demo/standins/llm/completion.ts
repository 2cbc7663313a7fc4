import type { ServerResponse } from 'node:http';

/** An OpenAI chat completion, as the models here make it; other protocols are written from it. */
export interface Completion {
  id: string;
  object: string;
  created: number;
  model: string;
  choices: { index: number; message: { role: string; content: string }; finish_reason: string }[];
  usage?: CompletionUsage;
  /** Pages that the model looked up; absent when it did not search. */
  found?: string[];
}

/** Tokens of a completion; reasoning is part of `completion_tokens`. */
export interface CompletionUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details: { cached_tokens: number };
  completion_tokens_details: { reasoning_tokens: number };
}

/** The words of a completion with the space before each, as a stream sends them. */
export function piecesOf(completion: Completion): string[] {
  return completion.choices[0]?.message.content.match(/\s*\S+|\s+$/g) ?? [];
}

/** A stream that is being written. */
export interface EventSink {
  /** Sends one event; `name` goes into its `event` field. */
  event(value: object | string, name?: string): Promise<void>;
}

/** The text of a message in any of the protocols: a string, or a list of parts with `text`. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return (content as { text?: unknown }[])
    .map((part) => (typeof part.text === 'string' ? part.text : ''))
    .join('\n');
}

export function sendJson(res: ServerResponse, status: number, body: unknown): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(text);
}
