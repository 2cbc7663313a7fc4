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
  const decoder = decoderFor(declared);
  return decoder.encoding === 'windows-1252' ? decodeWindows1252(bytes) : decoder.decode(bytes);
}

// 0x80 to 0x9f; positions that the code page leaves open stay the control characters that they are.
const WINDOWS_1252 =
  '\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f' +
  '\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178';

/** The most frequent code page of old pages, which the decoder of some Node versions takes for plain Latin-1. */
function decodeWindows1252(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[\u0080-\u009f]/g, (character) => WINDOWS_1252[character.charCodeAt(0) - 0x80] ?? character);
}

function decoderFor(label: string): { encoding: string; decode(bytes: Uint8Array): string } {
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
