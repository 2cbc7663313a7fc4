import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { Cancelled } from './exit-codes';

/**
 * Asks on the terminal, apart from the data.
 * @param hidden what is typed is not shown
 * @throws Cancelled on Ctrl-C, or when the input ends
 */
export async function ask(question: string, { hidden = false } = {}): Promise<string> {
  const silent = new Writable({ write: (_text, _encoding, done) => done() });
  const reader = createInterface({
    input: process.stdin,
    output: hidden ? silent : process.stderr,
    ...(hidden ? { terminal: true } : {}),
  });
  const cancel = new AbortController();
  reader.once('SIGINT', () => cancel.abort());
  reader.once('close', () => cancel.abort());
  try {
    if (hidden) process.stderr.write(question);
    return await reader.question(hidden ? '' : question, { signal: cancel.signal });
  } catch (error) {
    if (!cancel.signal.aborted) throw error;
    if (!hidden) process.stderr.write('\n');
    throw new Cancelled();
  } finally {
    if (hidden) process.stderr.write('\n');
    reader.close();
  }
}
