import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CliError, exitCodeOf } from '../../../cli/exit-codes';
import { readyArchive } from '../../../cli/pack';

const root = mkdtempSync(join(tmpdir(), 'eirel-cli-pack-'));
afterAll(() => rmSync(root, { recursive: true }));
const MANIFEST = 'agent:\n  name: tester\nfamily_id: general_chat\n';

function agent(name: string, files: Record<string, string>): string {
  const folder = join(root, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

test('packs what an agent needs: the same files give the same bytes, junk and secrets stay at home', async () => {
  const files = {
    'submission.yaml': MANIFEST,
    'app.py': 'print(1)\n',
    'lib/deep/x.txt': 'x',
    'lib/__pycache__/x.pyc': 'junk',
    '.git/config': 'junk',
    '.env': 'KEY=secret',
    'lib/.env.local': 'KEY=secret',
  };
  const one = await readyArchive(agent('one', files), {});
  expect(one.report.entries.map(({ path }) => path)).toEqual(['app.py', 'lib/deep/x.txt', 'submission.yaml']);
  expect(one.leftOut).toEqual(['.env', 'lib/.env.local']);
  expect(one.manifest.agent).toEqual({ name: 'tester', version: '1.0.0' });
  const two = await readyArchive(agent('two', Object.fromEntries(Object.entries(files).reverse())), {});
  expect(two.report.sha256).toBe(one.report.sha256);
  chmodSync(join(root, 'two', 'app.py'), 0o755);
  expect((await readyArchive(join(root, 'two'), {})).report.sha256).not.toBe(one.report.sha256);
});

test('an archive is taken as it is', async () => {
  const { bytes, report } = await readyArchive(agent('source', { 'submission.yaml': MANIFEST }), {});
  const file = join(root, 'agent.tar.gz');
  writeFileSync(file, bytes);
  expect((await readyArchive(file, {})).report.sha256).toBe(report.sha256);
});

test.each<[string, () => string, number, RegExp]>([
  ['nothing at the path', () => join(root, 'nothing'), 2, /cannot read .*nothing/],
  ['a folder without a manifest', () => agent('bare', { 'app.py': '' }), 3, /submission\.yaml is missing/],
  [
    'a manifest of another family',
    () => agent('other', { 'submission.yaml': MANIFEST.replace('chat', 'x') }),
    3,
    /manifest/,
  ],
  ['a file that is no archive', () => join(agent('text', { 'a.tar.gz': 'hello' }), 'a.tar.gz'), 3, /gzip/],
])('refuses %s', async (_name, path, code, message) => {
  const error: unknown = await readyArchive(path(), {}).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(Error);
  expect(exitCodeOf(error)).toBe(code);
  expect((error as Error).message).toMatch(message);
});

test('refuses a link, which could carry anything of this machine into a public archive', async () => {
  const folder = agent('linked', { 'submission.yaml': MANIFEST });
  symlinkSync('/etc/hostname', join(folder, 'host'));
  const error: unknown = await readyArchive(folder, {}).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CliError);
  expect((error as CliError).exitCode).toBe(3);
  expect((error as CliError).message).toMatch(/^host is neither/);
});

test('refuses more than the limits allow', async () => {
  const folder = agent('large', { 'submission.yaml': MANIFEST, 'a.txt': 'a', 'b.txt': 'b' });
  await expect(readyArchive(folder, { EIREL_SUBMISSION_MAX_ENTRIES: '2' })).rejects.toMatchObject({
    code: 'too_many_entries',
  });
});
