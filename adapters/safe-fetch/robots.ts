import robotsParser from 'robots-parser';
import { FetchFailed, SsrfBlocked } from './errors';

const LIFE_MS = 3_600_000;
const MAX_ENTRIES = 500;

/** What a fetch of the file has to answer. */
interface RobotsFile {
  status: number;
  text: string;
}

interface Entry {
  allows: (url: string) => boolean;
  until: number;
}

/** robots.txt files of the last hour, by origin (RFC 9309). */
export class RobotsCache {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly userAgent: string) {}

  /**
   * Whether a page may be fetched. A host without the file allows everything, one that fails to serve it nothing.
   * @param get fetches the file under the same guard as the page
   */
  async allows(url: URL, get: (robotsUrl: URL) => Promise<RobotsFile>): Promise<boolean> {
    const now = Date.now();
    const known = this.entries.get(url.origin);
    if (known && known.until > now) return known.allows(url.href);
    const entry = { allows: await this.read(url, get), until: now + LIFE_MS };
    this.entries.delete(url.origin);
    this.entries.set(url.origin, entry);
    if (this.entries.size > MAX_ENTRIES) {
      const oldest = this.entries.keys().next().value;
      if (oldest !== undefined) this.entries.delete(oldest);
    }
    return entry.allows(url.href);
  }

  private async read(url: URL, get: (robotsUrl: URL) => Promise<RobotsFile>): Promise<Entry['allows']> {
    const robotsUrl = new URL('/robots.txt', url);
    let page: RobotsFile;
    try {
      page = await get(robotsUrl);
    } catch (error) {
      if (error instanceof FetchFailed || error instanceof SsrfBlocked) return () => false;
      throw error;
    }
    if (page.status >= 500) return () => false;
    if (page.status >= 400) return () => true;
    const rules = robotsParser(robotsUrl.href, page.text);
    return (href) => rules.isAllowed(href, this.userAgent) ?? true;
  }
}
