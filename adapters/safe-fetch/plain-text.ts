/** Reads text out of HTML in one pass and linear time, for pages that a real parser cannot be given. */

const SKIPPED = new Set(['script', 'style', 'noscript', 'template', 'svg', 'iframe']);
const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
};
const MAX_LINES = 4000;

/** @returns the title (at most 200 characters) and the text, a line for each run between tags */
export function plainText(html: string): { title: string; lines: string[] } {
  const lower = html.toLowerCase();
  const lines: string[] = [];
  let title = '';
  let at = 0;
  let inTitle = false;
  while (at < html.length && lines.length < MAX_LINES) {
    const open = html.indexOf('<', at);
    const text = clean(html.slice(at, open < 0 ? html.length : open));
    if (text) {
      if (inTitle) title = (title + text).slice(0, 200);
      else lines.push(text);
    }
    if (open < 0) break;
    const close = html.indexOf('>', open);
    if (close < 0) break;
    const name = /^<(\/?[a-z][a-z0-9]{0,15})/.exec(lower.slice(open, open + 18))?.[1] ?? '';
    if (name === 'title') inTitle = true;
    else if (name === '/title') inTitle = false;
    at = close + 1;
    if (SKIPPED.has(name)) {
      const end = lower.indexOf(`</${name}`, at);
      // Without an end the rest of the page belongs to it.
      if (end < 0) break;
      at = end;
    }
  }
  return { title, lines };
}

function clean(text: string): string {
  return text
    .replace(/&(amp|lt|gt|quot|apos|nbsp);/g, (_, name: string) => ENTITIES[name] ?? '')
    .replace(/\s+/g, ' ')
    .trim();
}
