import { basename } from 'node:path';
import {
  SandboxFailure,
  type Isolation,
  type Sandbox,
  type SandboxOutcome,
  type SandboxRequest,
} from '../../adapters/isolation';
import {
  SANDBOX_STDERR_BYTES,
  SANDBOX_STDOUT_BYTES,
  type ExecuteRequest,
  type ExecuteResponse,
} from '../../domain/contracts/tools/sandbox';
import { HttpError } from '../../domain/http-errors';
import { naiveIso } from '../../domain/time';
import type { ToolCall, ToolResult } from '../tools';
import type { SandboxConfig } from './config';
import type { Gate } from './gate';
import type { SandboxMetrics } from './metrics';
import type { Sessions } from './sessions';

/** What an execution needs. */
export interface ExecuteDeps {
  config: SandboxConfig;
  isolation: Isolation;
  sessions: Sessions;
  gate: Gate;
  metrics: SandboxMetrics;
}

const TIMEOUT_CODE = -9;
const FAILURE_CODE = -1;

/**
 * `POST /v1/execute`: runs code in a fresh sandbox, or in that of the caller's session.
 * What the code does wrong is an answer with its exit code. A timeout and a sandbox that ended are recorded as failed
 * calls; an exception of the code is not, it is a result.
 * @throws HttpError 413 for code over the limit in bytes, 409, 429 and 503 as of `Sessions` and `Gate`
 */
export async function execute(
  request: ExecuteRequest,
  call: ToolCall,
  deps: ExecuteDeps,
): Promise<ToolResult<ExecuteResponse>> {
  const { config, metrics } = deps;
  if (Buffer.byteLength(request.code) > config.maxCodeBytes) {
    throw new HttpError(413, `code exceeds ${config.maxCodeBytes} bytes`);
  }
  const { attachments, skipped } = decode(request.attachments ?? []);
  const sessionId = request.session_id ?? null;
  const asked: SandboxRequest = {
    code: request.code,
    timeoutSeconds: request.timeout_seconds,
    attachments,
    session: sessionId !== null,
    importGuard: config.importGuard,
    caps: { stdoutBytes: SANDBOX_STDOUT_BYTES, stderrBytes: SANDBOX_STDERR_BYTES },
  };
  const attachmentBytes = attachments.reduce((total, { content }) => total + content.length, 0);
  const make = (): Sandbox =>
    deps.isolation.start({
      memoryMb: request.memory_mb,
      diskBytes: config.diskBytes + attachmentBytes,
      maxProcesses: config.maxProcesses,
      maxFileBytes: config.maxFileBytes,
      cpuMillis: config.cpuMillis,
    });

  let outcome: SandboxOutcome;
  try {
    outcome = await deps.gate.run(call.signal, () =>
      sessionId === null
        ? once(make(), asked, call)
        : deps.sessions.use(call.job.jobId, sessionId, make, (sandbox) =>
            sandbox.execute(asked, call.signal),
          ),
    );
  } catch (error) {
    if (!(error instanceof SandboxFailure)) throw error;
    metrics.failures.inc();
    call.logger.error('a sandbox failed', { error, job_id: call.job.jobId });
    outcome = failed();
  }
  if (outcome.timedOut) metrics.timeouts.inc();
  else if (outcome.exitCode === FAILURE_CODE) metrics.failures.inc();
  metrics.seconds.observe(outcome.durationMs / 1000);
  const body = answer(outcome, request, call.job.jobId, skipped, deps);
  return {
    body,
    digest: {
      exit_code: body.exit_code,
      stdout: body.stdout,
      stderr: body.stderr,
      truncated: body.truncated,
      files: body.files.map(({ path, size }) => ({ path, size })),
    },
    ...failureOf(outcome),
  };
}

async function once(sandbox: Sandbox, asked: SandboxRequest, call: ToolCall): Promise<SandboxOutcome> {
  try {
    return await sandbox.execute(asked, call.signal);
  } finally {
    await sandbox.kill();
  }
}

function failureOf(outcome: SandboxOutcome): { failure?: string } {
  if (outcome.timedOut) return { failure: 'timeout' };
  if (outcome.exitCode === FAILURE_CODE) return { failure: outcome.note ?? 'the sandbox ended' };
  return {};
}

function failed(): SandboxOutcome {
  return {
    stdout: Buffer.alloc(0),
    stderr: Buffer.alloc(0),
    exitCode: FAILURE_CODE,
    timedOut: false,
    note: 'the sandbox could not be started; try again',
    truncated: false,
    files: [],
    filesLeftOut: 0,
    durationMs: 0,
  };
}

function answer(
  outcome: SandboxOutcome,
  request: ExecuteRequest,
  jobId: string,
  skipped: string[],
  { isolation }: ExecuteDeps,
): ExecuteResponse {
  const sessionId = request.session_id ?? null;
  const sessionTimeout = sessionId !== null && outcome.timedOut;
  const stderr = sessionTimeout ? 'sandbox session timeout' : text(outcome.stderr, outcome.note);
  return {
    stdout: sessionTimeout ? '' : outcome.stdout.toString('utf8'),
    stderr,
    exit_code: outcome.timedOut ? TIMEOUT_CODE : outcome.exitCode,
    duration_ms: outcome.durationMs,
    truncated: outcome.truncated,
    retrieved_at: naiveIso(new Date()),
    retrieval_ledger_id: `ledger:${jobId}`,
    session_id: sessionId,
    files: outcome.files.map(({ path, size, content }) => ({
      path,
      size,
      content_b64: content?.toString('base64') ?? null,
    })),
    metadata: {
      backend: isolation.facts.backend,
      timed_out: outcome.timedOut,
      session_id: sessionId,
      note: outcome.note,
      files_left_out: outcome.filesLeftOut,
      attachments_skipped: skipped,
    },
  };
}

/** What the code wrote, and behind it the sandbox's own word where it has one. */
function text(stderr: Buffer, note: string | null): string {
  const written = stderr.toString('utf8');
  if (note === null) return written;
  return `${written}${written && !written.endsWith('\n') ? '\n' : ''}sandbox: ${note}\n`;
}

/** Attachments by their last path component; names and contents that are of no use are skipped. */
export function decode(given: readonly { filename: string; content_b64: string }[]): {
  attachments: { name: string; content: Buffer }[];
  skipped: string[];
} {
  const attachments = new Map<string, Buffer>();
  const skipped: string[] = [];
  for (const { filename, content_b64: content } of given) {
    const name = basename(filename.replaceAll('\\', '/'));
    const isName =
      name !== '' && name !== '.' && name !== '..' && !name.includes('\0') && Buffer.byteLength(name) <= 255;
    const compact = content.replace(/\s+/g, '');
    if (isName && /^[A-Za-z0-9+/]*={0,2}$/.test(compact) && compact.length % 4 === 0) {
      attachments.set(name, Buffer.from(compact, 'base64'));
    } else {
      skipped.push(filename);
    }
  }
  return { attachments: [...attachments].map(([name, content]) => ({ name, content })), skipped };
}
