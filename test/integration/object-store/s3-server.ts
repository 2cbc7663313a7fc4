/** A bucket over HTTP that speaks as much of S3's wire protocol as the store uses, and checks what it is sent. */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Held {
  bytes: Buffer;
  headers: Record<string, string>;
}

export class S3Server {
  readonly objects = new Map<string, Held>();
  readonly uploads = new Map<
    string,
    { key: string; parts: Map<number, Buffer>; headers: Record<string, string> }
  >();
  readonly calls: string[] = [];
  /** Status codes to answer the next requests with; null lets one through. */
  readonly failures: (number | null)[] = [];
  private server: Server | undefined;

  constructor(
    readonly accessKey: string,
    readonly secretKey: string,
  ) {}

  async start(): Promise<string> {
    this.server = createServer((request, response) => {
      void body(request).then((bytes) => {
        const { status, headers = {}, content = '' } = this.answer(request, bytes);
        response.writeHead(status, headers);
        response.end(content);
      });
    });
    await new Promise<void>((resolve) => this.server?.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) => this.server?.close(resolve));
  }

  private answer(
    request: IncomingMessage,
    bytes: Buffer,
  ): { status: number; headers?: Record<string, string>; content?: Buffer | string } {
    const url = new URL(request.url ?? '/', 'http://s3');
    const key = decodeURIComponent(url.pathname).slice(1);
    this.calls.push(`${request.method} ${key}`);
    const failure = this.failures.shift();
    if (failure != null) return { status: failure, content: error('InternalError') };
    if (!this.signed(request, url, bytes)) return { status: 403, content: error('SignatureDoesNotMatch') };
    const meta = Object.fromEntries(
      Object.entries(request.headers).filter(
        ([name]) => name.startsWith('x-amz-meta-') || name === 'content-type',
      ),
    ) as Record<string, string>;
    const uploadId = url.searchParams.get('uploadId');
    if (request.method === 'POST' && url.searchParams.has('uploads')) {
      const id = randomBytes(8).toString('hex');
      this.uploads.set(id, { key, parts: new Map(), headers: meta });
      return {
        status: 200,
        content: `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      };
    }
    if (uploadId !== null) return this.multipart(request.method ?? '', uploadId, url, bytes);
    if (request.method === 'PUT') {
      this.objects.set(key, { bytes, headers: meta });
      return { status: 200, headers: { ETag: '"x"' } };
    }
    if (request.method === 'DELETE') {
      this.objects.delete(key);
      return { status: 204 };
    }
    const held = this.objects.get(key);
    if (held === undefined)
      return { status: 404, content: request.method === 'HEAD' ? '' : error('NoSuchKey') };
    const headers = { ...held.headers, 'content-length': String(held.bytes.length) };
    return { status: 200, headers, content: request.method === 'HEAD' ? '' : held.bytes };
  }

  private multipart(method: string, id: string, url: URL, bytes: Buffer) {
    const upload = this.uploads.get(id);
    if (upload === undefined) return { status: 404, content: error('NoSuchUpload') };
    if (method === 'PUT') {
      upload.parts.set(Number(url.searchParams.get('partNumber')), bytes);
      return { status: 200, headers: { ETag: `"${id}-${url.searchParams.get('partNumber')}"` } };
    }
    this.uploads.delete(id);
    if (method === 'DELETE') return { status: 204 };
    const parts = [...upload.parts].sort(([a], [b]) => a - b).map(([, part]) => part);
    this.objects.set(upload.key, { bytes: Buffer.concat(parts), headers: upload.headers });
    return {
      status: 200,
      content: '<CompleteMultipartUploadResult><ETag>"x"</ETag></CompleteMultipartUploadResult>',
    };
  }

  /** AWS signature version 4 over the request as it arrived. */
  private signed(request: IncomingMessage, url: URL, bytes: Buffer): boolean {
    const digest = String(request.headers['x-amz-content-sha256']);
    if (digest !== 'UNSIGNED-PAYLOAD' && digest !== createHash('sha256').update(bytes).digest('hex'))
      return false;
    const match = /Credential=([^/]+)\/([^,]+), SignedHeaders=([^,]+), Signature=(\w+)/.exec(
      request.headers.authorization ?? '',
    );
    if (match === null || match[1] !== this.accessKey) return false;
    const [, , scope = '', signedHeaders = '', signature] = match;
    const query = [...url.searchParams]
      .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
      .sort()
      .join('&');
    const headers = signedHeaders
      .split(';')
      .map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
    const canonical = [request.method, url.pathname, query, headers.join(''), signedHeaders, digest].join(
      '\n',
    );
    const toSign = [
      'AWS4-HMAC-SHA256',
      request.headers['x-amz-date'],
      scope,
      createHash('sha256').update(canonical).digest('hex'),
    ].join('\n');
    const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
    const derived = scope
      .split('/')
      .reduce<string | Buffer>((key, part) => hmac(key, part), `AWS4${this.secretKey}`);
    return hmac(derived, toSign).toString('hex') === signature;
  }
}

const error = (code: string): string =>
  `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;

async function body(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces);
}
