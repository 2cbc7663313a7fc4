import { randomBytes } from 'node:crypto';

/** Where the payment of a fee is on chain: its block, and the extrinsic by hash or by its place in the block. */
export interface FeeReference {
  blockHash: string;
  extrinsicHash?: string | undefined;
  extrinsicIndex?: number | undefined;
}

/**
 * The form of an upload: the fee's reference, and one file part named `archive`. The whole of it is what a signature covers,
 * which a query is not.
 */
export function multipartArchive(
  archive: Buffer,
  fee: FeeReference | null = null,
): { bytes: Buffer; contentType: string } {
  const boundary = `eirel-${randomBytes(12).toString('hex')}`;
  const part = (name: string, rest: string): string =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${rest}`;
  const fields = Object.entries({
    block_hash: fee?.blockHash,
    extrinsic_hash: fee?.extrinsicHash,
    extrinsic_index: fee?.extrinsicIndex,
  }).flatMap(([name, value]) => (value === undefined ? [] : [part(name, `\r\n\r\n${value}\r\n`)]));
  const head = part('archive', '; filename="agent.tar.gz"\r\nContent-Type: application/gzip\r\n\r\n');
  return {
    bytes: Buffer.concat([
      Buffer.from(fields.join('') + head),
      archive,
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]),
    contentType: `multipart/form-data; boundary=${boundary}`,
  };
}
