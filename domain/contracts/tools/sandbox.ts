/** Wire contract of the Python sandbox (runtime-and-tools.md 4.4). */
import { z } from 'zod';
import { wireTime } from '../common';

/** Bounds of one request that the wire states; sizes in characters, time in seconds, memory in MiB. */
export const SANDBOX_LIMITS = {
  codeCharacters: 65_536,
  timeoutSeconds: 30,
  memoryMb: 1024,
  attachments: 16,
  attachmentBase64Characters: 14_000_000,
} as const;

/** Bytes of standard output and standard error that are returned. */
export const SANDBOX_STDOUT_BYTES = 65_536;
export const SANDBOX_STDERR_BYTES = 16_384;

const attachmentSchema = z.object({
  filename: z.string().min(1).max(255),
  content_b64: z.string().max(SANDBOX_LIMITS.attachmentBase64Characters),
});

/** `POST /v1/execute`. */
export const executeRequestSchema = z.object({
  code: z.string().min(1).max(SANDBOX_LIMITS.codeCharacters),
  timeout_seconds: z.number().gt(0).max(SANDBOX_LIMITS.timeoutSeconds).default(5),
  memory_mb: z.int().min(1).max(SANDBOX_LIMITS.memoryMb).default(128),
  session_id: z.string().min(1).max(128).nullish(),
  attachments: z.array(attachmentSchema).max(SANDBOX_LIMITS.attachments).nullish(),
});
export type ExecuteRequest = z.infer<typeof executeRequestSchema>;

/** `content_b64` is null for a file that is too large to be returned; `size` in bytes. */
export const sandboxFileSchema = z.object({
  path: z.string(),
  size: z.int(),
  content_b64: z.string().nullable(),
});

/** An error of the user's code is an answer: `exit_code` is not 0; -9 is a timeout, -1 a sandbox or session that ended. */
export const executeResponseSchema = z.object({
  stdout: z.string(),
  stderr: z.string(),
  exit_code: z.int(),
  duration_ms: z.int(),
  truncated: z.boolean(),
  retrieved_at: wireTime,
  retrieval_ledger_id: z.string(),
  session_id: z.string().nullable(),
  files: z.array(sandboxFileSchema),
  metadata: z.object({
    backend: z.string(),
    timed_out: z.boolean(),
    session_id: z.string().nullable(),
    /** Why the code was stopped, or what was not as asked, in a sentence. */
    note: z.string().nullable(),
    /** Files that were made but are not listed, for their number. */
    files_left_out: z.int(),
    /** Attachments that were not taken, by name. */
    attachments_skipped: z.array(z.string()),
  }),
});
export type ExecuteResponse = z.infer<typeof executeResponseSchema>;
