/** The ways in which packed signatures are verified off the event loop. */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { nativeSr25519 } from './native';
import { verifyPackedWasm } from './wasm-verify';

export interface VerifyEngine {
  /** `native`, `wasm-threads`, or `wasm` on the event loop itself. */
  name: 'native' | 'wasm-threads' | 'wasm';
  /** Why it is this one. */
  reason: string;
  /** Batches that it works on at once. */
  parallel: number;
  /** Signatures that may wait for it: about two seconds of its work. */
  queue: number;
  verify(jobs: Buffer): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** The fastest engine of this machine. */
export function bestEngine(env: NodeJS.ProcessEnv = process.env): VerifyEngine {
  const { module, reason } = nativeSr25519(env);
  const processors = availableParallelism();
  if (module) {
    return {
      name: 'native',
      reason,
      // Node's pool has four threads, which file access and name look-ups need as well.
      parallel: Math.min(3, Math.max(1, processors)),
      queue: 8192,
      verify: (jobs) => module.verifyPacked(jobs),
      close: async () => undefined,
    };
  }
  const script = join(__dirname, 'verify-worker.js');
  if (existsSync(script)) return threads(script, reason, Math.min(4, Math.max(1, processors - 1)));
  // From source there is no script that a thread could run.
  return {
    name: 'wasm',
    reason,
    parallel: 1,
    queue: 256,
    verify: async (jobs) => {
      await cryptoWaitReady();
      return verifyPackedWasm(jobs);
    },
    close: async () => undefined,
  };
}

interface Waiting {
  worker: Worker;
  resolve: (verdicts: Uint8Array) => void;
  reject: (error: Error) => void;
}

/** @param script compiled `verify-worker` @param count threads, started when they are first needed */
export function threads(script: string, reason: string, count: number): VerifyEngine {
  const idle: Worker[] = [];
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  const start = (): Worker => {
    // It needs nothing of the environment, which holds secrets.
    const worker = new Worker(script, { env: {} });
    worker.unref();
    worker.on('message', ({ id, verdicts, error }: { id: number; verdicts?: Uint8Array; error?: string }) => {
      const job = waiting.get(id);
      waiting.delete(id);
      idle.push(worker);
      worker.unref();
      if (verdicts) job?.resolve(verdicts);
      else job?.reject(new Error(error ?? 'no verdicts'));
    });
    const lost = (why: string) => {
      const at = idle.indexOf(worker);
      if (at >= 0) idle.splice(at, 1);
      for (const [id, job] of waiting) {
        if (job.worker !== worker) continue;
        waiting.delete(id);
        job.reject(new Error(`a thread that verifies signatures ended: ${why}`));
      }
    };
    worker.on('error', (error) => lost(error.message));
    worker.on('exit', (code) => lost(`exit code ${code}`));
    return worker;
  };
  return {
    name: 'wasm-threads',
    reason,
    parallel: count,
    queue: 512 * count,
    verify: (jobs) =>
      new Promise((resolve, reject) => {
        const worker = idle.pop() ?? start();
        worker.ref();
        const id = ++lastId;
        waiting.set(id, { worker, resolve, reject });
        worker.postMessage({ id, jobs });
      }),
    close: async () => {
      const all = new Set([...idle, ...[...waiting.values()].map(({ worker }) => worker)]);
      await Promise.all([...all].map((worker) => worker.terminate()));
    },
  };
}
