import { createHash } from 'node:crypto';
import type { PageText } from './page';

const MAX_PAGES = 512;
const MAX_CHARACTERS = 16 * 1024 * 1024;

/**
 * What was read on pages lately, by their very bytes and address: all miners of a run open the same sources, and the same
 * page reads the same. The least used goes first, by number and by size.
 */
export class RecentPages {
  private readonly pages = new Map<string, { page: PageText; characters: number }>();
  private characters = 0;

  /** Where a page is kept. */
  static keyOf(html: string, url: string): string {
    return createHash('sha256').update(url).update('\0').update(html).digest('base64');
  }

  find(key: string): PageText | null {
    const found = this.pages.get(key);
    if (!found) return null;
    this.pages.delete(key);
    this.pages.set(key, found);
    return found.page;
  }

  keep(key: string, page: PageText): void {
    const characters = sizeOf(page);
    if (this.pages.has(key) || characters > MAX_CHARACTERS) return;
    this.pages.set(key, { page, characters });
    this.characters += characters;
    for (const [oldest, { characters: size }] of this.pages) {
      if (this.pages.size <= MAX_PAGES && this.characters <= MAX_CHARACTERS) break;
      this.pages.delete(oldest);
      this.characters -= size;
    }
  }
}

function sizeOf({ title, lines, links }: PageText): number {
  const texts = lines.reduce((sum, line) => sum + line.length, title.length);
  return links.reduce((sum, { href, text }) => sum + href.length + text.length, texts);
}
