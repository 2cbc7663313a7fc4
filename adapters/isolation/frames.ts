/** The frames between the service and the runner in a sandbox; runner.py describes them. */

export interface Frame {
  kind: string;
  payload: Buffer;
}

const HEADER = 5;

/** Encodes one frame. */
export function frame(kind: string, ...parts: Buffer[]): Buffer {
  const header = Buffer.alloc(HEADER);
  header.write(kind, 0, 1, 'latin1');
  header.writeUInt32BE(
    parts.reduce((total, part) => total + part.length, 0),
    1,
  );
  return Buffer.concat([header, ...parts]);
}

/** A name of at most 65535 bytes, or a JSON header, with its length in front. */
export function prefixed(data: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(data.length, 0);
  return Buffer.concat([length, data]);
}

/** A sandbox broke the protocol: it is not the runner that speaks, or not as it should. */
export class ProtocolViolation extends Error {
  override readonly name = 'ProtocolViolation';
}

/**
 * Cuts a stream from a sandbox into frames. The sender is not trusted: a frame that announces more than
 * `maxFrameBytes` is refused before a byte of it is kept, and so is a stream beyond `maxTotalBytes`.
 */
export class FrameReader {
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  private total = 0;

  constructor(
    private readonly maxFrameBytes: number,
    private readonly maxTotalBytes: number,
  ) {}

  /** Starts counting anew, for the next answer on the same stream. */
  reset(): void {
    this.total = this.pendingBytes;
  }

  /**
   * Takes what arrived and returns the frames that it completes.
   * @throws ProtocolViolation for a frame or a stream over its limit
   */
  push(chunk: Buffer): Frame[] {
    this.total += chunk.length;
    if (this.total > this.maxTotalBytes)
      throw new ProtocolViolation(`an answer of more than ${this.maxTotalBytes} bytes`);
    this.pending.push(chunk);
    this.pendingBytes += chunk.length;
    const frames: Frame[] = [];
    for (;;) {
      const length = this.announced();
      if (length === null || this.pendingBytes < HEADER + length) return frames;
      const buffer = this.joined();
      frames.push({
        kind: buffer.toString('latin1', 0, 1),
        payload: buffer.subarray(HEADER, HEADER + length),
      });
      this.pending = [buffer.subarray(HEADER + length)];
      this.pendingBytes -= HEADER + length;
    }
  }

  private announced(): number | null {
    if (this.pendingBytes < HEADER) return null;
    if ((this.pending[0]?.length ?? 0) < HEADER) this.joined();
    const length = this.pending[0]?.readUInt32BE(1) ?? 0;
    if (length > this.maxFrameBytes) throw new ProtocolViolation(`a frame of ${length} bytes`);
    return length;
  }

  private joined(): Buffer {
    const buffer = this.pending.length === 1 ? this.pending[0] : Buffer.concat(this.pending);
    this.pending = [buffer ?? Buffer.alloc(0)];
    return this.pending[0] as Buffer;
  }
}
