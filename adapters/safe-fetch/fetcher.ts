import type { IncomingMessage } from 'node:http';
import { decodeText, isText, parseContentType } from './content';
import { FetchFailed } from './errors';
import { checkHop, parseTarget, type GuardOptions, type Resolve } from './guard';
import { openHop, readBody, type HopLimits } from './hop';
import { RobotsCache } from './robots';

/** Settings of fetching. Times in milliseconds. */
export interface SafeFetchConfig {
  userAgent: string;
  /** Bytes of a body kept, counted after decompression. */
  maxBytes: number;
  maxRedirects: number;
  /** For all hops together. */
  totalMs: number;
  /** For a name, a connection, the headers, and the pause between two pieces of a body. */
  phaseMs: { resolve: number; connect: number; headers: number; idle: number };
  /** `host:port` pairs exempt from the address check; from configuration only, for tests and demos. */
  allowedTargets: ReadonlySet<string>;
  /** Whether robots.txt is asked for and obeyed. */
  obeyRobots: boolean;
}

export interface SafeFetchDeps {
  /** Lets a request to this host pass or throws HostRateLimited; asked once for each host of a fetch. */
  admitHost?: (host: string) => Promise<void>;
  /** The system's resolver unless given. */
  resolve?: Resolve;
}

/** A page as it came. */
export interface FetchedPage {
  url: string;
  finalUrl: string;
  status: number;
  /** The header as it was sent, empty when there was none. */
  contentType: string;
  /** Lower-case type without parameters. */
  mime: string;
  /** The body decoded by its declared charset, byte order mark or meta element, else UTF-8. */
  text: string;
  /** SHA-256 can be taken of these; at most `maxBytes`. */
  bytes: Buffer;
  truncated: boolean;
  /** Hosts that were asked, in order. */
  hops: string[];
  /** `Last-Modified` as sent. */
  lastModified: string | null;
}

export interface FetchOptions {
  signal?: AbortSignal;
  /** Answers a body that is not text with an empty one instead of failing. */
  anyType?: boolean;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_HEADER_BYTES = 32_768;

/** Fetches pages of the public web for somebody who must not reach anything else. */
export class SafeFetcher {
  private readonly robots: RobotsCache;

  constructor(
    private readonly config: SafeFetchConfig,
    private readonly deps: SafeFetchDeps = {},
  ) {
    this.robots = new RobotsCache(config.userAgent);
  }

  /**
   * Parses a URL and checks its first hop, without connecting.
   * @throws SsrfBlocked; FetchFailed when its name cannot be resolved
   */
  async check(url: string): Promise<void> {
    await checkHop(parseTarget(url), this.guard());
  }

  /**
   * Fetches a page by GET, following redirects, each of them checked like the first.
   * @throws SsrfBlocked, HostRateLimited or FetchFailed
   */
  async fetch(url: string, options: FetchOptions = {}): Promise<FetchedPage> {
    const total = new AbortController();
    const timer = setTimeout(
      () => total.abort(new FetchFailed('the fetch took too long', 'timeout')),
      this.config.totalMs,
    );
    const signal = options.signal ? AbortSignal.any([total.signal, options.signal]) : total.signal;
    try {
      return await this.follow(parseTarget(url), signal, { anyType: options.anyType ?? false, robots: true });
    } finally {
      clearTimeout(timer);
    }
  }

  private async follow(
    start: URL,
    signal: AbortSignal,
    mode: { anyType: boolean; robots: boolean },
  ): Promise<FetchedPage> {
    const hops: string[] = [];
    let current = start;
    for (let redirects = 0; ; redirects += 1) {
      const hop = await checkHop(current, this.guard());
      if (mode.robots && !hops.includes(current.hostname)) await this.deps.admitHost?.(current.hostname);
      hops.push(current.hostname);
      if (mode.robots && this.config.obeyRobots) await this.requireRobots(current, signal);
      signal.throwIfAborted();
      const response = await openHop(hop, this.limits(), signal);
      const location = REDIRECTS.has(response.statusCode ?? 0) ? response.headers.location : undefined;
      if (location === undefined) return this.read(start, current, response, hops, signal, mode.anyType);
      response.destroy();
      if (redirects >= this.config.maxRedirects) {
        throw new FetchFailed(`more than ${this.config.maxRedirects} redirects`, 'too_many_redirects');
      }
      current = parseTarget(location, current);
    }
  }

  private async read(
    start: URL,
    final: URL,
    response: IncomingMessage,
    hops: string[],
    signal: AbortSignal,
    anyType: boolean,
  ): Promise<FetchedPage> {
    const header = response.headers['content-type'] ?? '';
    const { mime, charset } = parseContentType(header);
    const page = {
      url: start.href,
      finalUrl: final.href,
      status: response.statusCode ?? 0,
      contentType: header,
      mime,
      hops,
      lastModified: response.headers['last-modified'] ?? null,
    };
    if (mime !== '' && !isText(mime)) {
      response.destroy();
      if (anyType) return { ...page, text: '', bytes: Buffer.alloc(0), truncated: false };
      throw new FetchFailed(`content type ${mime.slice(0, 80)} is not text`, 'content_type');
    }
    const { maxBytes, phaseMs } = this.config;
    const { bytes, truncated } = await readBody(response, maxBytes, phaseMs.idle, signal);
    if (mime === '' && bytes.subarray(0, 1024).includes(0)) {
      if (anyType) return { ...page, text: '', bytes: Buffer.alloc(0), truncated: false };
      throw new FetchFailed('the body is not text', 'content_type');
    }
    return { ...page, text: decodeText(bytes, mime, charset), bytes, truncated };
  }

  private async requireRobots(url: URL, signal: AbortSignal): Promise<void> {
    const allowed = await this.robots.allows(url, (robotsUrl) =>
      this.follow(robotsUrl, signal, { anyType: true, robots: false }),
    );
    if (!allowed) throw new FetchFailed('robots.txt of the host does not allow it', 'robots');
  }

  private guard(): GuardOptions {
    const { allowedTargets, phaseMs } = this.config;
    return {
      allowedTargets,
      resolveMs: phaseMs.resolve,
      ...(this.deps.resolve ? { resolve: this.deps.resolve } : {}),
    };
  }

  private limits(): HopLimits {
    const { userAgent, phaseMs } = this.config;
    return {
      userAgent,
      connectMs: phaseMs.connect,
      headersMs: phaseMs.headers,
      idleMs: phaseMs.idle,
      maxHeaderBytes: MAX_HEADER_BYTES,
    };
  }
}
