/** Signatures verified off the event loop, in batches, behind a queue that has an end. */
import { packJobs, NOT_SIGNED, type VerifyJob } from './packed';
import { bestEngine, type VerifyEngine } from './engines';

/** More signatures are waiting than can be verified in the time that a client waits. */
export class VerifierBusy extends Error {
  override readonly name = 'VerifierBusy';
}

/** What became of signatures since the start. */
export interface VerifierStats {
  valid: number;
  invalid: number;
  /** Turned away because the queue was full. */
  refused: number;
  batches: number;
}

interface Waiting {
  job: VerifyJob;
  resolve: (index: number) => void;
  reject: (error: Error) => void;
}

// Large enough that handing work over costs little, small enough that one batch delays nobody for long.
const BATCH = 32;

/** One for each process is enough: `sharedVerifier`. */
export class Verifier {
  readonly stats: VerifierStats = { valid: 0, invalid: 0, refused: 0, batches: 0 };
  private readonly waiting: Waiting[] = [];
  private running = 0;
  private scheduled = false;

  /** @param limit signatures that may wait; the engine's own figure without one */
  constructor(
    readonly engine: VerifyEngine,
    private readonly limit: number = engine.queue,
  ) {}

  /** Signatures that wait, those that are being verified left out. */
  get queued(): number {
    return this.waiting.length;
  }

  /**
   * Which of a job's messages was signed.
   * @returns its index, or -1 for none; malformed keys and signatures are simply not valid
   * @throws VerifierBusy at once when the queue is full
   */
  verify(job: VerifyJob): Promise<number> {
    if (this.waiting.length >= this.limit) {
      this.stats.refused += 1;
      return Promise.reject(new VerifierBusy('too many signatures are waiting to be verified'));
    }
    return new Promise((resolve, reject) => {
      this.waiting.push({ job, resolve, reject });
      if (this.scheduled) return;
      this.scheduled = true;
      // What else arrived in this turn of the loop goes with it.
      setImmediate(() => {
        this.scheduled = false;
        this.work();
      });
    });
  }

  close(): Promise<void> {
    return this.engine.close();
  }

  private work(): void {
    while (this.running < this.engine.parallel && this.waiting.length > 0) {
      // A share for each free slot, so that a short queue is worked on side by side.
      const share = Math.ceil(this.waiting.length / (this.engine.parallel - this.running));
      const batch = this.waiting.splice(0, Math.min(BATCH, share));
      this.running += 1;
      this.stats.batches += 1;
      void this.run(batch);
    }
  }

  private async run(batch: Waiting[]): Promise<void> {
    try {
      const verdicts = await this.engine.verify(packJobs(batch.map(({ job }) => job)));
      for (const [index, { resolve }] of batch.entries()) {
        const verdict = verdicts[index] ?? NOT_SIGNED;
        if (verdict === NOT_SIGNED) this.stats.invalid += 1;
        else this.stats.valid += 1;
        resolve(verdict === NOT_SIGNED ? -1 : verdict);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error as Error);
    } finally {
      this.running -= 1;
      this.work();
    }
  }
}

let shared: Verifier | undefined;

/** The process's verifier, with the best engine there is. */
export function sharedVerifier(): Verifier {
  shared ??= new Verifier(bestEngine());
  return shared;
}
