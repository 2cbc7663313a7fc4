import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  acquireLock,
  LockHeldError,
  lockHolder,
  withFileLock,
} from '../../../adapters/local-stack/file-lock';
import { identify } from '../../../adapters/local-stack/process-table';
import { keptSecrets } from '../../../adapters/local-stack/secrets';

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'eirel-files-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('a lock', () => {
  test('is refused while its holder lives, with the holder named, and is free afterwards', () => {
    const path = join(dir, 'lock');
    const release = acquireLock(path, 'first');
    expect(() => acquireLock(path, 'second')).toThrow(LockHeldError);
    expect(() => acquireLock(path, 'second')).toThrow(`held by process ${process.pid} (first)`);
    release();
    expect(existsSync(path)).toBe(false);
    acquireLock(path, 'third')();
  });

  test('of a dead process is taken over', () => {
    const path = join(dir, 'lock');
    const { pid } = spawnSync(process.execPath, ['-e', '0']);
    writeFileSync(path, JSON.stringify({ pid, startTime: 'gone', purpose: 'crashed' }));
    const release = acquireLock(path, 'next');
    expect(lockHolder(path)).toMatchObject({ pid: process.pid, purpose: 'next' });
    release();
  });

  test('of a process whose number was given to another one is taken over', () => {
    const path = join(dir, 'lock');
    writeFileSync(path, JSON.stringify({ pid: process.ppid, startTime: 'another time', purpose: 'crashed' }));
    expect(lockHolder(path)).toBeUndefined();
    acquireLock(path, 'next')();
  });

  test('is not given back by somebody who lost it', () => {
    const path = join(dir, 'lock');
    const release = acquireLock(path, 'first');
    const other = { ...identify(process.ppid), purpose: 'other' };
    writeFileSync(path, JSON.stringify(other));
    release();
    expect(lockHolder(path)).toMatchObject({ purpose: 'other' });
  });

  test('lets one at a time through', async () => {
    const path = join(dir, 'lock');
    let inside = 0;
    let most = 0;
    const work = () =>
      withFileLock(path, 'work', async () => {
        most = Math.max(most, (inside += 1));
        await sleep(10);
        inside -= 1;
      });
    await Promise.all([work(), work(), work()]);
    expect(most).toBe(1);
  });
});

describe('kept secrets', () => {
  const names = ['A_TOKEN', 'B_TOKEN'] as const;

  test('are made once, long, different, and readable by their owner only', () => {
    const path = join(dir, 'secrets.json');
    const first = keptSecrets(path, names);
    expect(keptSecrets(path, names)).toEqual(first);
    expect(first.A_TOKEN).not.toBe(first.B_TOKEN);
    expect(Buffer.from(first.A_TOKEN, 'base64url')).toHaveLength(32);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('that were added later leave the others as they are', () => {
    const path = join(dir, 'secrets.json');
    const { A_TOKEN } = keptSecrets(path, ['A_TOKEN']);
    expect(keptSecrets(path, names).A_TOKEN).toBe(A_TOKEN);
  });

  test('in a damaged file are not replaced', () => {
    const path = join(dir, 'secrets.json');
    writeFileSync(path, '{"A_TOKEN": "half');
    expect(() => keptSecrets(path, names)).toThrow(/cannot be read as a file of secrets/);
    expect(readFileSync(path, 'utf8')).toBe('{"A_TOKEN": "half');
  });
});
