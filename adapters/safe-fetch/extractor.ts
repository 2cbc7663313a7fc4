import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { PageText } from './page';
import { plainText } from './plain-text';
import { RecentPages } from './recent-pages';

export interface ExtractorOptions {
  /** Longest time for one page, in milliseconds. */
  timeoutMs?: number;
  /** Pages read at the same time; 2 unless given. */
  threads?: number;
  /** Flags for the thread's Node, for those who run the sources untranslated. */
  execArgv?: string[];
}

interface Job {
  id: number;
  html: string;
  url: string;
  resolve: (read: Read) => void;
}

/** A page, and whether it was read in full: one that was only scanned is tried again when it is asked for again. */
interface Read {
  page: PageText;
  inFull: boolean;
}

type Answer = { id: number; page?: PageText; error?: string };

/** A thread loads its reader once; on a busy machine that takes longer than any page may. */
const START_TIMEOUT_MS = 30_000;

/**
 * Reads pages in threads of its own. A page that takes too long, or breaks its thread, is read by a plain scanner
 * instead, and the thread is replaced.
 */
export class Extractor {
  private readonly lanes: readonly Lane[];
  private readonly recent = new RecentPages();

  constructor(options: ExtractorOptions = {}) {
    this.lanes = Array.from({ length: options.threads ?? 2 }, () => new Lane(options));
  }

  /** @param html the decoded document; @param url where it was found */
  async read(html: string, url: string): Promise<PageText> {
    const key = RecentPages.keyOf(html, url);
    const known = this.recent.find(key);
    if (known) return known;
    const free = this.lanes.reduce((best, lane) => (lane.load < best.load ? lane : best));
    const { page, inFull } = await free.read(html, url);
    if (inFull) this.recent.keep(key, page);
    return page;
  }

  /** Starts every thread, so that the first page does not wait for one. */
  async warmUp(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.read('<p>warm</p>', 'http://localhost/')));
  }

  /** Ends the threads; pages that wait are read plainly. */
  async close(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.close()));
  }
}

/** One thread, and the pages that wait for it. */
class Lane {
  private worker: Worker | null = null;
  private ready = false;
  private current: { job: Job; timer: NodeJS.Timeout } | null = null;
  private readonly waiting: Job[] = [];
  private sequence = 0;
  private closed = false;

  constructor(private readonly options: ExtractorOptions) {}

  get load(): number {
    return this.waiting.length + (this.current ? 1 : 0);
  }

  read(html: string, url: string): Promise<Read> {
    return new Promise((resolve) => {
      this.waiting.push({ id: (this.sequence += 1), html, url, resolve });
      this.next();
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    const { worker } = this;
    this.worker = null;
    this.giveUp();
    this.next();
    await worker?.terminate();
  }

  private next(): void {
    if (this.current) return;
    const job = this.waiting.shift();
    if (!job) {
      this.worker?.unref();
      return;
    }
    if (this.closed) {
      job.resolve(plainPage(job.html));
      this.next();
      return;
    }
    const worker = (this.worker ??= this.start());
    worker.ref();
    this.current = { job, timer: this.deadline(worker) };
    worker.postMessage({ id: job.id, html: job.html, url: job.url });
  }

  /** The clock of a page starts once its thread can read. */
  private deadline(worker: Worker): NodeJS.Timeout {
    const ms = this.ready ? (this.options.timeoutMs ?? 2_500) : START_TIMEOUT_MS;
    return setTimeout(() => this.replace(worker), ms);
  }

  private start(): Worker {
    this.ready = false;
    const compiled = join(__dirname, 'extract-worker.js');
    const worker = new Worker(existsSync(compiled) ? compiled : join(__dirname, 'extract-worker.ts'), {
      ...(this.options.execArgv ? { execArgv: this.options.execArgv } : {}),
      // The service's environment holds secrets, and a page's reader needs none of it.
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: 256 },
    });
    worker.on('message', (answer: Answer | 'ready') => {
      if (answer === 'ready') this.begin(worker);
      else this.settle(answer);
    });
    worker.on('error', () => this.replace(worker));
    worker.on('exit', () => this.replace(worker));
    return worker;
  }

  private begin(worker: Worker): void {
    if (this.worker !== worker) return;
    this.ready = true;
    if (!this.current) return;
    clearTimeout(this.current.timer);
    this.current.timer = this.deadline(worker);
  }

  private settle({ id, page }: Answer): void {
    const { current } = this;
    if (current?.job.id !== id) return;
    clearTimeout(current.timer);
    this.current = null;
    current.job.resolve(page ? { page, inFull: true } : plainPage(current.job.html));
    this.next();
  }

  private replace(worker: Worker): void {
    if (this.worker !== worker) return;
    this.worker = null;
    worker.terminate().catch(() => undefined);
    this.giveUp();
    this.next();
  }

  private giveUp(): void {
    const { current } = this;
    if (!current) return;
    clearTimeout(current.timer);
    this.current = null;
    current.job.resolve(plainPage(current.job.html));
  }
}

function plainPage(html: string): Read {
  const { title, lines } = plainText(html);
  return { page: { title, lines, links: [], publishedAt: null }, inFull: false };
}
