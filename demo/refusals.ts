import { gzipSync } from 'node:zlib';
import { signRequest } from '../adapters/keys/sign';
import type { DemoWallet } from './keys';

/** A request that had to be refused, and how it was. */
export interface Refusal {
  what: string;
  status: number;
  detail: string;
}

/** Sends what must be refused, and reports how it was: a wrong signature, a replay, a bad archive. */
export async function attemptRefusals(input: {
  apiUrl: string;
  miner: DemoWallet;
  validator: DemoWallet;
}): Promise<Refusal[]> {
  const { apiUrl, miner, validator } = input;
  const claim = { method: 'POST', path: '/v1/families/general_chat/tasks/claim' };
  const body = Buffer.from('{"batch_size": 1}');
  const send = async (
    what: string,
    headers: Record<string, string>,
    path = claim.path,
    bytes = body,
  ): Promise<Refusal> => {
    const response = await fetch(`${apiUrl}${path}`, {
      method: 'POST',
      headers,
      body: new Uint8Array(bytes),
    });
    const text = await response.text();
    return { what, status: response.status, detail: detailOf(text) };
  };
  const json = { 'content-type': 'application/json' };
  const signed = signRequest(validator.hotkey, { ...claim, body });
  const forged = { ...json, ...signRequest(validator.hotkey, { ...claim, body: Buffer.from('{}') }) };
  const refusals = [await send('wrong signature', forged)];
  const first = await send('first use', { ...json, ...signed });
  if (first.status !== 200)
    throw new Error(`a correct claim was answered with ${first.status}: ${first.detail}`);
  refusals.push(
    await send('replayed request', { ...json, ...signed, 'X-Request-Id': 'another-id-does-not-help' }),
  );
  const boundary = 'refused';
  const upload = Buffer.concat([
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="archive"; filename="a.tar.gz"\r\nContent-Type: application/gzip\r\n\r\n`,
    ),
    gzipSync(Buffer.from('this is no archive')),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  const path = '/v1/submissions';
  refusals.push(
    await send(
      'bad archive',
      {
        'content-type': `multipart/form-data; boundary=${boundary}`,
        ...signRequest(miner.hotkey, { method: 'POST', path, body: upload }),
      },
      path,
      upload,
    ),
  );
  return refusals;
}

function detailOf(text: string): string {
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown };
    return typeof detail === 'string' ? detail : JSON.stringify(detail);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}
