import { randomUUID } from 'node:crypto';
import {
  bodySha256Hex,
  canonicalMessage,
  HOTKEY_HEADER,
  REQUEST_ID_HEADER,
  SIGNATURE_HEADER,
  TIMESTAMP_HEADER,
} from '../../domain/signing';
import type { Hotkey } from './types';

/**
 * Signs a request to the owner API (api.md section 1.1).
 * @param request.path request target; a query is left out of what is signed, as the original clients do
 * @param request.body exact bytes to be sent, text as its UTF-8 bytes, nothing for an empty body
 * @param request.now instant of the timestamp, the present without one
 * @param request.requestId replay nonce, a fresh UUID without one
 * @returns the four headers to send along
 */
export function signRequest(
  hotkey: Hotkey,
  request: {
    method: string;
    path: string;
    body?: Uint8Array | string | undefined;
    now?: Date | undefined;
    requestId?: string | undefined;
  },
): Record<string, string> {
  // Six fractional digits and an explicit offset, as Python's isoformat() of an aware datetime.
  const timestamp = (request.now ?? new Date()).toISOString().replace('Z', '000+00:00');
  const body = typeof request.body === 'string' ? Buffer.from(request.body, 'utf8') : request.body;
  const message = canonicalMessage({
    method: request.method,
    path: request.path.split('?', 1)[0] as string,
    bodyHash: bodySha256Hex(body ?? new Uint8Array()),
    timestamp,
  });
  return {
    [HOTKEY_HEADER]: hotkey.ss58,
    [SIGNATURE_HEADER]: hotkey.sign(message),
    [TIMESTAMP_HEADER]: timestamp,
    [REQUEST_ID_HEADER]: request.requestId ?? randomUUID(),
  };
}
