import type { Sandbox } from '../../adapters/isolation';
import { HttpError } from '../../domain/http-errors';

interface Session {
  jobId: string;
  sandbox: Sandbox;
  usedAt: number;
  busy: boolean;
  idle: NodeJS.Timeout | undefined;
}

/**
 * Sandboxes that are kept between the executions of one (job, session id). The caller's own id is never enough: two
 * jobs that choose the same one have two sandboxes.
 */
export class Sessions {
  private readonly sessions = new Map<string, Session>();
  private readonly endings = new Set<Promise<void>>();

  constructor(
    private readonly limits: { idleSeconds: number; max: number; maxPerJob: number },
    private readonly onFailure: (error: unknown) => void,
  ) {}

  get size(): number {
    return this.sessions.size;
  }

  /**
   * Runs `work` in the session's sandbox, which is made when there is none. The sandbox is kept unless it has ended.
   * A job over its own number of sessions loses the one that it used least recently.
   * @throws HttpError 409 while another execution of the session runs, 503 when all places are taken by other jobs
   */
  async use<T>(
    jobId: string,
    sessionId: string,
    make: () => Sandbox,
    work: (sandbox: Sandbox) => Promise<T>,
  ): Promise<T> {
    const key = JSON.stringify([jobId, sessionId]);
    let session = this.sessions.get(key);
    if (session?.busy) throw new HttpError(409, `session ${sessionId} is executing; wait for its answer`);
    if (session?.sandbox.ended) {
      this.drop(key, session);
      session = undefined;
    }
    if (!session) {
      this.makeRoom(jobId);
      session = { jobId, sandbox: make(), usedAt: Date.now(), busy: false, idle: undefined };
      this.sessions.set(key, session);
    }
    clearTimeout(session.idle);
    session.busy = true;
    try {
      return await work(session.sandbox);
    } finally {
      session.busy = false;
      session.usedAt = Date.now();
      const kept = session;
      if (kept.sandbox.ended) this.drop(key, kept);
      else {
        kept.idle = setTimeout(() => this.drop(key, kept), this.limits.idleSeconds * 1000);
        kept.idle.unref();
      }
    }
  }

  /** Ends all sessions; resolves when their processes are gone. */
  async close(): Promise<void> {
    for (const [key, session] of [...this.sessions]) this.drop(key, session);
    await Promise.all(this.endings);
  }

  private makeRoom(jobId: string): void {
    const own = [...this.sessions].filter(([, session]) => session.jobId === jobId);
    if (own.length >= this.limits.maxPerJob || (this.sessions.size >= this.limits.max && own.length > 0)) {
      const [oldest] = own.filter(([, { busy }]) => !busy).sort(([, a], [, b]) => a.usedAt - b.usedAt);
      if (!oldest) {
        throw new HttpError(429, `a job may have ${this.limits.maxPerJob} sessions; wait for one to answer`);
      }
      this.drop(...oldest);
    }
    // No job may end another's.
    if (this.sessions.size >= this.limits.max) {
      throw new HttpError(
        503,
        'all sandbox sessions are taken; try again, or without a session_id',
        {},
        {
          'Retry-After': '30',
        },
      );
    }
  }

  private drop(key: string, session: Session): void {
    clearTimeout(session.idle);
    if (this.sessions.get(key) === session) this.sessions.delete(key);
    const ending = session.sandbox
      .kill()
      .catch(this.onFailure)
      .finally(() => this.endings.delete(ending));
    this.endings.add(ending);
  }
}
