import { Readability } from '@mozilla/readability';
import type * as Linkedom from 'linkedom' with { 'resolution-mode': 'import' };
import type { PageLink, PageText } from './page';

// What is used of the document; the project is compiled without the browser's types.
interface Node {
  nodeType: number;
  nodeName: string;
  nodeValue: string | null;
  textContent: string | null;
  firstChild: Node | null;
  nextSibling: Node | null;
  parentNode: Node | null;
}
interface Element extends Node {
  getAttribute(name: string): string | null;
  hasAttribute(name: string): boolean;
  querySelector(selector: string): Element | null;
  querySelectorAll(selector: string): Iterable<Element>;
  remove(): void;
}
interface Document extends Element {
  documentElement: Element | null;
}

// Its CommonJS build is declared as if it were an ES module, which an import statement would not be allowed to load.
// eslint-disable-next-line @typescript-eslint/no-require-imports
const { parseHTML } = require('linkedom') as typeof Linkedom;

const TITLE_CHARACTERS = 200;
const LINK_CHARACTERS = 200;
const MAX_LINKS = 50;
const MAX_LINES = 4000;
const BOILERPLATE =
  'title,script,style,noscript,template,nav,footer,header,aside,form,svg,iframe,[hidden],[aria-hidden="true"]';
/** Below this many characters a page is too short for its main part to be told from the rest. */
const SHORT_PAGE = 500;
/** A main part smaller than this share of the page has lost too much, as happens with tables and lists. */
const LEAST_SHARE = 0.2;

const INLINE = new Set(
  'A ABBR ACRONYM B BDI BDO BIG CITE CODE DATA DEL DFN EM FONT I IMG INS KBD LABEL MARK Q RP RT RUBY S SAMP SMALL SPAN STRIKE STRONG SUB SUP TIME TT U VAR WBR'.split(
    ' ',
  ),
);

/**
 * Reads a page: its title, its main text in lines (one per block), and the first links of the whole page.
 * @param html the decoded document
 * @param url where it was found, which relative links are resolved against
 */
export function readPage(html: string, url: string): PageText {
  // A fragment has no body of its own, and the parser would answer with an empty one.
  const source = /<body[\s>]/i.test(html) ? html : `<html><body>${html}</body></html>`;
  const { document } = parseHTML(source) as unknown as { document: Document };
  const title = collapse(document.querySelector('title')?.textContent ?? '').slice(0, TITLE_CHARACTERS);
  const links = linksOf(document, url);
  const publishedAt = publicationDate(document);
  for (const element of [...document.querySelectorAll(BOILERPLATE)]) element.remove();
  const root =
    document.querySelector('main') ??
    document.querySelector('article') ??
    document.querySelector('body') ??
    document.documentElement;
  const whole = root ? linesOf(root) : [];
  const main = mainLines(document);
  const size = sizeOf(whole);
  const kept = size < SHORT_PAGE || sizeOf(main) < size * LEAST_SHARE ? whole : main;
  return { title, lines: kept.slice(0, MAX_LINES), links, publishedAt };
}

/**
 * The library without what is only of use to those who show its HTML: making links absolute, one by one, took a fifth of
 * a page's time.
 */
class TextReadability extends Readability<Element> {
  protected _fixRelativeUris(): void {
    // Links are taken from the page itself.
  }
}

function mainLines(document: Document): string[] {
  const article = new TextReadability(document as never, {
    // The element itself: writing it as HTML and reading that again would give the same text.
    serializer: (element) => element as unknown as Element,
    keepClasses: true,
    disableJSONLD: true,
  }).parse();
  return article?.content ? linesOf(article.content) : [];
}

/** The text of an element, a line for each block; walks without recursion, so that no depth of nesting can overflow. */
function linesOf(root: Node): string[] {
  const lines: string[] = [];
  let line = '';
  const endLine = () => {
    const text = collapse(line);
    if (text) lines.push(text);
    line = '';
  };
  let node: Node | null = root;
  while (node) {
    if (node.nodeType === 3) line += node.nodeValue ?? '';
    const block: boolean = node.nodeType === 1 && !INLINE.has(node.nodeName.toUpperCase());
    if (block) endLine();
    if (node.nodeType === 1 && node.firstChild) {
      node = node.firstChild;
      continue;
    }
    let up: Node = node;
    while (up !== root && !up.nextSibling && up.parentNode) {
      up = up.parentNode;
      if (up.nodeType === 1 && !INLINE.has(up.nodeName.toUpperCase())) endLine();
    }
    node = up === root ? null : up.nextSibling;
  }
  endLine();
  return lines;
}

function linksOf(document: Document, url: string): PageLink[] {
  const links: PageLink[] = [];
  const base = baseOf(document, url);
  for (const anchor of document.querySelectorAll('a[href]')) {
    const href = (anchor.getAttribute('href') ?? '').trim();
    if (href === '' || href.startsWith('#')) continue;
    let target: URL;
    try {
      target = new URL(href, base);
    } catch {
      continue;
    }
    if (target.protocol !== 'http:' && target.protocol !== 'https:') continue;
    links.push({ href: target.href, text: collapse(anchor.textContent ?? '').slice(0, LINK_CHARACTERS) });
    if (links.length >= MAX_LINKS) break;
  }
  return links;
}

function baseOf(document: Document, url: string): string {
  const href = document.querySelector('base[href]')?.getAttribute('href');
  if (!href) return url;
  return URL.canParse(href, url) ? new URL(href, url).href : url;
}

function publicationDate(document: Document): string | null {
  const meta = document.querySelector(
    'meta[property="article:published_time"],meta[name="date"],meta[itemprop="datePublished"]',
  );
  const text =
    meta?.getAttribute('content') ??
    document.querySelector('time[datetime]')?.getAttribute('datetime') ??
    null;
  return text && !Number.isNaN(Date.parse(text)) ? text.slice(0, 64) : null;
}

function collapse(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function sizeOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + line.length, 0);
}
