/** Sends recorded requests byte for byte with their own signatures, and compares the answers. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { INTERNAL_TOKEN } from '../harness';
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
    /** The text as it was sent: a signature tells 1.0 from 1. */
    body: string | null | { multipart: { boundary: string; parts: Part[] } };
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

/** Sends a sample and says in what the answer is not the recorded one, but for what the table of differences allows. */
export async function replay(
  api: ApiUnderTest,
  name: string,
): Promise<{ answer: Answer; problems: string[] }> {
  const { request, response } = sample(name);
  const difference = DIFFERENCES[name];
  const status = difference?.status ?? response.status;
  const answer = await send(api, name);
  const problems: string[] = [];
  const check = (holds: boolean, what: string): void => {
    if (!holds) problems.push(`${name}: ${what}`);
  };
  check(
    answer.status === status,
    `status ${answer.status} instead of ${status}: ${answer.text.slice(0, 300)}`,
  );
  const id = answer.headers.get('x-request-id') ?? '';
  const sentId = request.headers['X-Request-Id'];
  check(sentId ? id === sentId : /^[0-9a-f]{12}$/.test(id), `x-request-id ${id}`);
  const detail = (answer.body as { detail?: unknown } | null)?.detail;
  if (difference?.detail) check(difference.detail.test(String(detail)), `detail ${JSON.stringify(detail)}`);
  if (answer.status !== response.status) return { answer, problems };
  const type = (text: string | null | undefined): string | undefined => text?.split(';')[0];
  const [was, is] = [type(response.headers['content-type']), type(answer.headers.get('content-type'))];
  check(was === is, `content type ${is} instead of ${was}`);
  if (was !== 'application/json') return { answer, problems };
  if (answer.status >= 400) {
    // Explicit errors are part of the wire word for word.
    const same = isDeepStrictEqual(answer.body, response.body);
    check(difference !== undefined || same, `body ${answer.text.slice(0, 500)}`);
    return { answer, problems };
  }
  const allowed = difference?.paths ?? [];
  for (const path of compare(response.body, answer.body)) {
    check(
      allowed.some((rule) => rule.test(path)),
      path,
    );
  }
  return { answer, problems };
}

/** Replays samples in order, and fails with everything that is not as recorded in any of them. */
export async function replayAll(api: ApiUnderTest, names: readonly string[]): Promise<void> {
  const problems: string[] = [];
  for (const name of names) problems.push(...(await replay(api, name)).problems);
  expect(problems).toEqual([]);
}

/** Replays one sample and gives its answer back. */
export async function replayOne(api: ApiUnderTest, name: string): Promise<Answer> {
  const { answer, problems } = await replay(api, name);
  expect(problems).toEqual([]);
  return answer;
}
