/** Sends recorded requests byte for byte with their own signatures, and compares the answers. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { INTERNAL_TOKEN, pythonJson } from '../harness';
import type { Answer, ApiUnderTest } from '../harness';
import { ADDED_FIELDS, DIFFERENCES } from './differences';

interface Part {
  name: string;
  filename: string;
  content_type: string;
  base64: string;
}
export interface Sample {
  name: string;
  request: {
    method: string;
    path: string;
    headers: Record<string, string>;
    body: string | null | { multipart?: { boundary: string; parts: Part[] } };
  };
  response: { status: number; headers: Record<string, string>; body: unknown };
}

export const samples = JSON.parse(readFileSync(join(__dirname, 'samples.json'), 'utf8')) as Sample[];

/** Names of the samples that were sent so far. */
export const replayed = new Set<string>();

export const sample = (name: string): Sample => {
  const found = samples.find((entry) => entry.name === name);
  if (!found) throw new Error(`no sample ${name}`);
  return found;
};

function bytesOf(body: Sample['request']['body']): Buffer | undefined {
  if (body === null) return undefined;
  if (typeof body === 'string') return Buffer.from(body);
  if (!body.multipart) return Buffer.from(pythonJson(body));
  const { boundary, parts } = body.multipart;
  return Buffer.concat([
    ...parts.flatMap((part) => [
      Buffer.from(
        `--${boundary}\r\nContent-Disposition: form-data; name="${part.name}"; filename="${part.filename}"\r\n` +
          `Content-Type: ${part.content_type}\r\n\r\n`,
      ),
      Buffer.from(part.base64, 'base64'),
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
}

/** The time that the API under test believes in: that of the last sample. */
export const clock = { now: new Date() };

/** Sends a sample as it was recorded, at its own time. */
export async function send(api: ApiUnderTest, name: string): Promise<Answer> {
  replayed.add(name);
  const { request } = sample(name);
  const stamp = Date.parse(request.headers['X-Timestamp'] ?? '');
  if (!Number.isNaN(stamp)) clock.now = new Date(stamp + (name === 'auth-stale-past' ? 120_000 : 0));
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([header, value]) => [
      header,
      value.replace('<internal-service-token>', INTERNAL_TOKEN),
    ]),
  );
  return api.call(request.method, request.path, { headers, body: bytesOf(request.body) });
}

const NAIVE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?$/;
const added = Object.keys(ADDED_FIELDS);

/**
 * Paths at which an answer is not of the recorded form: a field that lacks or is new, another type, a null where there
 * was a value or the other way round, a time of another form, a list of another length.
 */
export function compare(recorded: unknown, answered: unknown, path = '$'): string[] {
  if (recorded === null || answered === null) {
    return recorded === answered
      ? []
      : [`${path}: ${recorded === null ? 'null became a value' : 'became null'}`];
  }
  if (Array.isArray(recorded)) {
    if (!Array.isArray(answered)) return [`${path}: no list any more`];
    const short =
      recorded.length === answered.length
        ? []
        : [`${path}: length ${recorded.length} became ${answered.length}`];
    const both = recorded.slice(0, answered.length);
    return [...short, ...both.flatMap((item, index) => compare(item, answered[index], `${path}[${index}]`))];
  }
  if (typeof recorded !== typeof answered) return [`${path}: ${typeof recorded} became ${typeof answered}`];
  if (typeof recorded === 'string') {
    const [was, is] = [NAIVE.test(recorded), NAIVE.test(answered as string)];
    return was === is ? [] : [`${path}: a time of another form`];
  }
  if (typeof recorded !== 'object') return [];
  const theirs = recorded as Record<string, unknown>;
  const ours = answered as Record<string, unknown>;
  const missing = Object.keys(theirs).filter((field) => !(field in ours));
  const extra = Object.keys(ours).filter((field) => !(field in theirs) && !isAdded(`${path}.${field}`));
  return [
    ...missing.map((field) => `${path}.${field}: missing`),
    ...extra.map((field) => `${path}.${field}: new`),
    ...Object.keys(theirs).flatMap((field) =>
      field in ours ? compare(theirs[field], ours[field], `${path}.${field}`) : [],
    ),
  ];
}

const isAdded = (path: string): boolean => {
  const plain = path.replace(/\[\d+\]/g, '[]');
  return added.some((field) => plain.endsWith(field));
};

/** Sends a sample and compares everything with the recording, but for what the table of differences allows. */
export async function replay(api: ApiUnderTest, name: string): Promise<Answer> {
  const { request, response } = sample(name);
  const difference = DIFFERENCES[name];
  const status = difference?.status ?? response.status;
  const answer = await send(api, name);
  expect({ name, status: answer.status, body: answer.status === status ? '' : answer.body }).toEqual({
    name,
    status,
    body: '',
  });
  const sentId = request.headers['X-Request-Id'];
  expect([name, answer.headers.get('x-request-id')]).toEqual([
    name,
    sentId ?? (expect.stringMatching(/^[0-9a-f]{12}$/) as unknown),
  ]);
  if (difference?.detail)
    expect([name, answer.body.detail]).toEqual([name, expect.stringMatching(difference.detail)]);
  if (status !== response.status) return answer;
  const type = (text: string | null | undefined): string | undefined => text?.split(';')[0];
  expect([name, type(answer.headers.get('content-type'))]).toEqual([
    name,
    type(response.headers['content-type']),
  ]);
  if (type(response.headers['content-type']) !== 'application/json') return answer;
  // Explicit errors are part of the wire word for word.
  if (status >= 400 && !difference) expect([name, answer.body]).toEqual([name, response.body]);
  const allowed = difference?.paths ?? [];
  const left = compare(response.body, answer.body).filter((path) => !allowed.some((rule) => rule.test(path)));
  if (status < 400) expect([name, left]).toEqual([name, []]);
  return answer;
}
