import { randomBytes } from 'node:crypto';

/** The form of an upload: one file part named `archive`. The whole of it is what a signature covers. */
export function multipartArchive(archive: Buffer): { bytes: Buffer; contentType: string } {
  const boundary = `eirel-${randomBytes(12).toString('hex')}`;
  const head =
    `--${boundary}\r\nContent-Disposition: form-data; name="archive"; filename="agent.tar.gz"\r\n` +
    'Content-Type: application/gzip\r\n\r\n';
  return {
    bytes: Buffer.concat([Buffer.from(head), archive, Buffer.from(`\r\n--${boundary}--\r\n`)]),
    contentType: `multipart/form-data; boundary=${boundary}`,
  };
}
