/** Reads a sandbox's answer, believing nothing that can be checked. */
import { z } from 'zod';
import { ProtocolViolation, type Frame } from './frames';

/** Largest file that is returned with its content, and all of them together, in bytes. */
export const INLINE_FILE_BYTES = 256 * 1024;
export const INLINE_TOTAL_BYTES = 1024 * 1024;
const MAX_FILES = 256;
const MAX_PATH = 4096;

/** A file that an execution made or changed; `content` null when it is too large to be returned. */
export interface SandboxFile {
  path: string;
  size: number;
  content: Buffer | null;
}

/** Why an execution was stopped rather than ended by itself. */
export type StopReason = 'timeout' | 'output' | 'crash';

const fileHeader = z.object({
  path: z
    .string()
    .min(1)
    .max(MAX_PATH)
    .refine(
      (path) =>
        !path.includes('\0') && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..'),
      'is not a relative path',
    ),
  size: z.int().min(0),
  inline: z.boolean(),
});

const resultSchema = z.object({
  exit_code: z.int().min(-255).max(255).nullable(),
  stopped: z.enum(['timeout', 'output', 'crash']).nullable(),
  signal: z.int().min(-255).max(255).nullable(),
  truncated: z.boolean(),
  files_left_out: z.int().min(0),
  problems: z.array(z.string().max(2000)).max(64),
});
export type RunnerResult = z.infer<typeof resultSchema>;

/** Gathers the frames of one answer. */
export class Answer {
  private readonly output: Record<'o' | 'e', Buffer[]> = { o: [], e: [] };
  private readonly left: Record<'o' | 'e', number>;
  private inlineLeft = INLINE_TOTAL_BYTES;
  private cut = false;
  readonly files: SandboxFile[] = [];
  result: RunnerResult | null = null;

  constructor(caps: { stdoutBytes: number; stderrBytes: number }) {
    this.left = { o: caps.stdoutBytes, e: caps.stderrBytes };
  }

  /**
   * Takes one frame.
   * @returns true when the answer is complete
   * @throws ProtocolViolation for what the runner would not send
   */
  take({ kind, payload }: Frame): boolean {
    if (this.result) throw new ProtocolViolation('more after the end of an answer');
    if (kind === 'o' || kind === 'e') {
      const kept = payload.subarray(0, this.left[kind]);
      this.cut ||= kept.length < payload.length;
      this.left[kind] -= kept.length;
      if (kept.length > 0) this.output[kind].push(Buffer.from(kept));
      return false;
    }
    if (kind === 'f') {
      this.takeFile(payload);
      return false;
    }
    if (kind === 'r') {
      this.result = parse(resultSchema, payload);
      return true;
    }
    throw new ProtocolViolation(`a frame of unknown kind ${JSON.stringify(kind)}`);
  }

  get stdout(): Buffer {
    return Buffer.concat(this.output.o);
  }

  get stderr(): Buffer {
    return Buffer.concat(this.output.e);
  }

  /** True when output was dropped, by the runner's word or by what was counted here. */
  get truncated(): boolean {
    return this.cut || (this.result?.truncated ?? false);
  }

  private takeFile(payload: Buffer): void {
    if (this.files.length >= MAX_FILES) throw new ProtocolViolation('too many files');
    if (payload.length < 2) throw new ProtocolViolation('a file without a header');
    const end = 2 + payload.readUInt16BE(0);
    const header = parse(fileHeader, payload.subarray(2, end));
    const content = payload.subarray(end);
    // The size of what came is its size, whatever the header says.
    if (content.length !== (header.inline ? header.size : 0)) {
      throw new ProtocolViolation(`a file of ${content.length} bytes announced as ${header.size}`);
    }
    if (content.length > INLINE_FILE_BYTES || content.length > this.inlineLeft) {
      throw new ProtocolViolation('a file larger than may be returned');
    }
    this.inlineLeft -= content.length;
    this.files.push({
      path: header.path,
      size: header.size,
      content: header.inline ? Buffer.from(content) : null,
    });
  }
}

function parse<T extends z.ZodType>(schema: T, data: Buffer): z.output<T> {
  let value: unknown;
  try {
    value = JSON.parse(data.toString('utf8'));
  } catch {
    throw new ProtocolViolation('a header that is not JSON');
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success)
    throw new ProtocolViolation(`a header that is not valid: ${parsed.error.issues[0]?.message}`);
  return parsed.data;
}
