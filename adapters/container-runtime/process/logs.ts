import { open, stat, truncate } from 'node:fs/promises';

const TAIL_BYTES = 512 * 1024;

/** The newest lines of a file, oldest first; empty when there is no file. */
export async function tailLines(path: string, count: number): Promise<string[]> {
  if (count <= 0) return [];
  const text = (await tailBytes(path, TAIL_BYTES)).toString('utf8');
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines.slice(-count);
}

/**
 * Keeps a log that another process appends to within its limit: once it is over, its newer half stays. Lines
 * written during the cut may be lost.
 */
export async function capLog(path: string, maxBytes: number): Promise<void> {
  const size = await stat(path).then(
    (entry) => entry.size,
    () => 0,
  );
  if (size <= maxBytes) return;
  const kept = await tailBytes(path, Math.floor(maxBytes / 2));
  const start = kept.indexOf(0x0a) + 1;
  await truncate(path, 0);
  const file = await open(path, 'a');
  try {
    await file.writeFile(`--- older output was cut at ${maxBytes} bytes ---\n`);
    await file.writeFile(kept.subarray(start));
  } finally {
    await file.close();
  }
}

async function tailBytes(path: string, limit: number): Promise<Buffer> {
  let file;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
  try {
    const { size } = await file.stat();
    const length = Math.min(size, limit);
    const buffer = Buffer.alloc(length);
    const { bytesRead } = await file.read(buffer, 0, length, size - length);
    const bytes = buffer.subarray(0, bytesRead);
    // A cut through a line or a character is not shown.
    return size > length ? bytes.subarray(bytes.indexOf(0x0a) + 1) : bytes;
  } finally {
    await file.close();
  }
}
