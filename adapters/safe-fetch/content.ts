/** Types and charsets of what comes back from the web. */

/** A `Content-Type` header, taken apart; both empty when it says nothing. */
export interface ContentType {
  mime: string;
  charset: string;
}

export function parseContentType(header: string): ContentType {
  const mime = (header.split(';', 1)[0] ?? '').trim().toLowerCase();
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(header)?.[1] ?? '';
  return { mime: /^[\w.+-]+\/[\w.+-]+$/.test(mime) ? mime : '', charset: charset.toLowerCase() };
}

export function isHtml(mime: string): boolean {
  return mime.includes('html');
}

/** Whether a body of this type can be read as text. */
export function isText(mime: string): boolean {
  return (
    mime.startsWith('text/') ||
    mime.endsWith('+xml') ||
    mime.endsWith('+json') ||
    /^application\/(json|xml|xhtml\+xml|javascript|x-javascript|ld\+json|x-ndjson|yaml|x-yaml|toml)$/.test(
      mime,
    )
  );
}

const META_WINDOW = 2048;

/**
 * Decodes a body: byte order mark first, then the header's charset, then an HTML meta element, then UTF-8. Bytes that
 * do not fit become U+FFFD.
 */
export function decodeText(bytes: Buffer, mime: string, charset: string): string {
  const marked = byteOrderMark(bytes);
  const declared = marked ?? (charset || (isHtml(mime) || mime === '' ? metaCharset(bytes) : ''));
  return decoderFor(declared).decode(bytes);
}

function decoderFor(label: string): { decode(bytes: Uint8Array): string } {
  if (label) {
    try {
      return new TextDecoder(label);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return new TextDecoder('utf-8');
}

function byteOrderMark(bytes: Buffer): string | null {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8';
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return null;
}

function metaCharset(bytes: Buffer): string {
  const head = bytes.subarray(0, META_WINDOW).toString('latin1');
  const label = /<meta[^>]{0,200}?charset\s*=\s*["']?([\w:.-]{1,40})/i.exec(head)?.[1]?.toLowerCase() ?? '';
  // A document that says it is UTF-16 in ASCII letters is not.
  return label.startsWith('utf-16') ? 'utf-8' : label;
}
