import type { LookupFunction } from 'node:net';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import { pipeline, type Duplex, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { FetchFailed } from './errors';
import type { CheckedHop } from './guard';

/** Limits of one request. Times in milliseconds. */
export interface HopLimits {
  userAgent: string;
  connectMs: number;
  /** From the request to the last of the response headers. */
  headersMs: number;
  /** Between two pieces of the body. */
  idleMs: number;
  maxHeaderBytes: number;
}

const ACCEPT =
  'text/html,application/xhtml+xml,application/xml;q=0.9,text/*;q=0.8,application/json;q=0.8,*/*;q=0.1';

/**
 * Sends one GET to the addresses that were checked, and no others, and waits for the response headers. Nothing of the
 * caller's is sent: no cookie, no credential, no referrer. Redirects are not followed.
 * @throws FetchFailed
 */
export function openHop(hop: CheckedHop, limits: HopLimits, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { url } = hop;
    const secure = url.protocol === 'https:';
    let settled = false;
    let timer: NodeJS.Timeout | undefined;
    const fail = (error: FetchFailed) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      request.destroy();
      reject(error);
    };
    const onAbort = () => fail(abortReason(signal));
    const phase = (ms: number, words: string) => {
      clearTimeout(timer);
      timer = setTimeout(() => fail(new FetchFailed(words, 'timeout')), ms);
    };

    const request = (secure ? https : http).request(url, {
      method: 'GET',
      // A connection of its own: one from a pool might have been opened under an earlier answer of the resolver.
      agent: false,
      lookup: pinned(hop),
      maxHeaderSize: limits.maxHeaderBytes,
      headers: {
        'user-agent': limits.userAgent,
        accept: ACCEPT,
        'accept-encoding': 'gzip, deflate, br',
        'accept-language': 'en,*;q=0.5',
      },
    });
    phase(limits.connectMs, 'the host could not be connected to in time');
    request.once('socket', (socket) => {
      socket.once(secure ? 'secureConnect' : 'connect', () => {
        if (!isChecked(hop, socket.remoteAddress)) {
          fail(
            new FetchFailed('the connection led to another address than the one that was checked', 'network'),
          );
          return;
        }
        phase(limits.headersMs, 'the host did not answer in time');
      });
    });
    request.once('response', (response) => {
      if (settled) {
        response.destroy();
        return;
      }
      settled = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      resolve(response);
    });
    request.on('error', (error: NodeJS.ErrnoException) => fail(failureOf(error)));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    request.end();
  });
}

/** A body that was read, as far as it was allowed to come. */
export interface ReadBody {
  bytes: Buffer;
  truncated: boolean;
}

/**
 * Reads and decompresses a body, stopping at `maxBytes` of what comes out of the decompressor: a bomb is cut off in the
 * stream and never held.
 * @throws FetchFailed for an encoding that is not known, a broken body, or one that is too slow
 */
export function readBody(
  response: IncomingMessage,
  maxBytes: number,
  idleMs: number,
  signal: AbortSignal,
): Promise<ReadBody> {
  return new Promise((resolve, reject) => {
    let decoded: Readable;
    try {
      decoded = decode(response);
    } catch (error) {
      response.destroy();
      reject(error as FetchFailed);
      return;
    }
    const chunks: Buffer[] = [];
    let kept = 0;
    let raw = 0;
    let timer: NodeJS.Timeout | undefined;
    const end = (outcome: ReadBody | FetchFailed) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      decoded.removeAllListeners('data');
      response.destroy();
      decoded.destroy();
      if (outcome instanceof FetchFailed) reject(outcome);
      else resolve(outcome);
    };
    const done = (truncated: boolean) => end({ bytes: Buffer.concat(chunks), truncated });
    const onAbort = () => end(abortReason(signal));
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => end(new FetchFailed('the host stopped sending', 'timeout')), idleMs);
    };
    alive();
    if (decoded !== response) {
      // Compressed input that never turns into output has to end as well.
      response.on('data', (chunk: Buffer) => {
        raw += chunk.length;
        alive();
        if (raw > maxBytes + 65_536) done(true);
      });
    }
    decoded.on('data', (chunk: Buffer) => {
      alive();
      const room = maxBytes - kept;
      if (chunk.length > room) {
        chunks.push(chunk.subarray(0, room));
        done(true);
        return;
      }
      chunks.push(chunk);
      kept += chunk.length;
    });
    decoded.once('end', () => done(false));
    // After `done` the streams are destroyed and may still report that; the promise is settled by then.
    decoded.on('error', (error: NodeJS.ErrnoException) => end(failureOf(error)));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

function decode(response: IncomingMessage): Readable {
  const encoding = (response.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const through = (stream: Duplex): Readable => {
    // The error of either side reaches the reader through the last stream.
    pipeline(response, stream, () => undefined);
    return stream;
  };
  switch (encoding) {
    case '':
    case 'identity':
      return response;
    case 'gzip':
    case 'x-gzip':
      return through(createGunzip());
    case 'deflate':
      return through(createInflate());
    case 'br':
      return through(createBrotliDecompress());
    default:
      throw new FetchFailed('the host used a content encoding that was not offered', 'protocol');
  }
}

function pinned({ addresses }: CheckedHop): LookupFunction {
  return (_hostname, options, callback) => {
    const wanted = addresses.filter(
      ({ family }) => options.family === undefined || options.family === 0 || family === options.family,
    );
    const first = wanted[0];
    if (!first) {
      callback(Object.assign(new Error('no checked address of that family'), { code: 'ENOTFOUND' }), '', 4);
    } else if (options.all) {
      (callback as unknown as (error: null, found: readonly object[]) => void)(null, wanted);
    } else {
      callback(null, first.address, first.family);
    }
  };
}

function isChecked(hop: CheckedHop, remote: string | undefined): boolean {
  if (!remote) return false;
  const plain = remote.replace(/^::ffff:(?=\d+\.)/i, '');
  return hop.addresses.some(({ address }) => address === plain || sameV6(address, plain));
}

function sameV6(a: string, b: string): boolean {
  return (
    isIP(a) === 6 && isIP(b) === 6 && new URL(`http://[${a}]`).hostname === new URL(`http://[${b}]`).hostname
  );
}

function abortReason(signal: AbortSignal): FetchFailed {
  const { reason } = signal as { reason: unknown };
  return reason instanceof FetchFailed ? reason : new FetchFailed('the fetch was given up', 'cancelled');
}

function failureOf(error: NodeJS.ErrnoException): FetchFailed {
  const code = error.code ?? '';
  if (code === 'HPE_HEADER_OVERFLOW')
    return new FetchFailed('the response headers are too large', 'protocol');
  if (code.startsWith('HPE_')) return new FetchFailed('the answer is not HTTP', 'protocol');
  if (code.startsWith('Z_') || code.startsWith('ERR_BROTLI') || code.startsWith('ERR__ERROR_')) {
    return new FetchFailed('the body could not be decompressed', 'protocol');
  }
  if (
    code.startsWith('ERR_TLS') ||
    code.startsWith('ERR_SSL') ||
    /CERT|SELF_SIGNED|EPROTO|ISSUER/.test(code)
  ) {
    return new FetchFailed('the TLS connection or its certificate was not accepted', 'network');
  }
  switch (code) {
    case 'ECONNREFUSED':
      return new FetchFailed('the host refused the connection', 'network');
    case 'ECONNRESET':
    case 'EPIPE':
      return new FetchFailed('the host closed the connection', 'network');
    default:
      return new FetchFailed('the host could not be reached', 'network');
  }
}
