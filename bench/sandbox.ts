/**
 * Executions a second of the sandbox, without the service around it: a fresh sandbox for each, and one session.
 *
 *   node build/bench/sandbox.js [seconds=10] [concurrency=1,4,16]
 *
 * Prints executions a second and the latency's median and 99th percentile in milliseconds. Every answer is checked.
 */
import {
  createIsolation,
  type Sandbox,
  type SandboxLimits,
  type SandboxRequest,
} from '../adapters/isolation';

const LIMITS: SandboxLimits = {
  memoryMb: 128,
  diskBytes: 64 * 1024 * 1024,
  maxProcesses: 8,
  maxFileBytes: 1024 * 1024,
  cpuMillis: 1000,
};
const REQUEST: SandboxRequest = {
  code: 'print(sum(range(1000)))',
  timeoutSeconds: 10,
  attachments: [],
  session: false,
  importGuard: true,
  caps: { stdoutBytes: 65_536, stderrBytes: 16_384 },
};

async function main(): Promise<void> {
  const seconds = Number(process.argv[2] ?? 10);
  const levels = (process.argv[3] ?? '1,4,16').split(',').map(Number);
  const isolation = await createIsolation({
    bwrap: process.env.EIREL_SANDBOX_BWRAP,
    python: process.env.EIREL_SANDBOX_PYTHON,
    tag: `bench-${process.pid}`,
  });
  process.stdout.write(`${JSON.stringify(isolation.facts)}\n`);
  for (const level of levels) {
    print(
      `fresh, ${level} at a time`,
      await measure(seconds, level, async () => {
        const sandbox = isolation.start(LIMITS);
        try {
          await run(sandbox, REQUEST);
        } finally {
          await sandbox.kill();
        }
      }),
    );
  }
  const session = isolation.start(LIMITS);
  try {
    print(
      'session, 1 at a time',
      await measure(seconds, 1, () => run(session, { ...REQUEST, session: true })),
    );
  } finally {
    await session.kill();
  }
}

async function run(sandbox: Sandbox, request: SandboxRequest): Promise<void> {
  const { stdout, exitCode, stderr } = await sandbox.execute(request);
  if (stdout.toString() !== '499500\n') throw new Error(`exit code ${exitCode}: ${stderr.toString()}`);
}

interface Measured {
  latencies: number[];
  seconds: number;
}

async function measure(seconds: number, concurrency: number, work: () => Promise<void>): Promise<Measured> {
  const latencies: number[] = [];
  const begun = performance.now();
  const end = begun + seconds * 1000;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (performance.now() < end) {
        const start = performance.now();
        await work();
        latencies.push(performance.now() - start);
      }
    }),
  );
  return { latencies, seconds: (performance.now() - begun) / 1000 };
}

function print(what: string, { latencies, seconds }: Measured): void {
  const sorted = latencies.sort((a, b) => a - b);
  const at = (part: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(0);
  process.stdout.write(
    `${what.padEnd(24)} ${(sorted.length / seconds).toFixed(1)}/s  p50 ${at(0.5)} ms  p99 ${at(0.99)} ms\n`,
  );
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
