import { createHash, createHmac } from 'node:crypto';

export interface PresignRequest {
  /** Address of the object without a query. */
  url: URL;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** Of temporary credentials. */
  sessionToken?: string;
  /** Seconds, at most 604800. */
  expiresSeconds: number;
  now: Date;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest();
/** RFC 3986: `encodeURIComponent` leaves five characters alone that the signature wants encoded. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/**
 * A link that lets its bearer GET one object from S3-compatible storage until it expires, by AWS Signature Version 4
 * in the query. Nothing is contacted.
 */
export function presignGet(request: PresignRequest): string {
  const stamp = request.now.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = stamp.slice(0, 8);
  const scope = `${day}/${request.region}/s3/aws4_request`;
  const query = [
    ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
    ['X-Amz-Credential', `${request.accessKeyId}/${scope}`],
    ['X-Amz-Date', stamp],
    ['X-Amz-Expires', String(request.expiresSeconds)],
    ...(request.sessionToken === undefined ? [] : [['X-Amz-Security-Token', request.sessionToken]]),
    ['X-Amz-SignedHeaders', 'host'],
  ]
    .map(([name, value]) => `${encode(name ?? '')}=${encode(value ?? '')}`)
    .join('&');
  const path = request.url.pathname
    .split('/')
    .map((part) => encode(decodeURIComponent(part)))
    .join('/');
  const canonical = ['GET', path, query, `host:${request.url.host}`, '', 'host', 'UNSIGNED-PAYLOAD'].join(
    '\n',
  );
  const toSign = ['AWS4-HMAC-SHA256', stamp, scope, sha256(canonical)].join('\n');
  const key = ['s3', 'aws4_request'].reduce<Buffer>(
    (previous, part) => hmac(previous, part),
    hmac(hmac(`AWS4${request.secretAccessKey}`, day), request.region),
  );
  const signature = createHmac('sha256', key).update(toSign).digest('hex');
  return `${request.url.origin}${path}?${query}&X-Amz-Signature=${signature}`;
}
