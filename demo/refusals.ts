import { gzipSync } from 'node:zlib';
import { signRequest } from '../adapters/keys/sign';
import type { DemoWallet } from './keys';

/** A request that had to be refused, and how it was. */
export interface Refusal {
  what: string;
  status: number;
  detail: string;
}

/** Sends what must be refused, and reports how it was: a wrong signature, a replay, a bad archive, a used fee. */
export async function attemptRefusals(input: {
  apiUrl: string;
  miner: DemoWallet;
  validator: DemoWallet;
  /** A sound archive, and the fee that another submission was paid with. */
  archive: Buffer;
  usedFee: { extrinsicHash: string; blockHash: string };
}): Promise<Refusal[]> {
  const { apiUrl, miner, validator } = input;
  const claim = { method: 'POST', path: '/v1/families/general_chat/tasks/claim' };
  const body = Buffer.from('{"batch_size": 1}');
  const send = async (
    what: string,
    headers: Record<string, string>,
    path = claim.path,
    bytes: Buffer = body,
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
  const upload = async (what: string, archive: Buffer, query = ''): Promise<Refusal> => {
    const bytes = multipart(archive);
    const headers = {
      'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
      ...signRequest(miner.hotkey, { method: 'POST', path: '/v1/submissions', body: bytes }),
    };
    return send(what, headers, `/v1/submissions${query}`, bytes);
  };
  refusals.push(await upload('bad archive', gzipSync(Buffer.from('this is no archive'))));
  const { extrinsicHash, blockHash } = input.usedFee;
  refusals.push(
    await upload(
      'second use of a fee',
      input.archive,
      `?extrinsic_hash=${extrinsicHash}&block_hash=${blockHash}`,
    ),
  );
  return refusals;
}

const BOUNDARY = 'eirel-demo';

function multipart(archive: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(
      `--${BOUNDARY}\r\nContent-Disposition: form-data; name="archive"; filename="agent.tar.gz"\r\n` +
        'Content-Type: application/gzip\r\n\r\n',
    ),
    archive,
    Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
  ]);
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
