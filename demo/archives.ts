import { execFile } from 'node:child_process';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';

const run = promisify(execFile);

/** How an agent's folder becomes the archive that its miner uploads. */
export type Packaging = 'sdk' | 'typescript' | 'plain';

/**
 * Packs an agent's folder as its miner would.
 * @param packaging `sdk` by the published Python SDK's own packer, `typescript` after compiling, `plain` as it is
 * @param options.modelOverride replaces the manifest's model; for runs against a real vendor
 */
export async function packAgent(
  source: string,
  packaging: Packaging,
  options: { sdkPython: string; workDir: string; modelOverride?: string },
): Promise<Buffer> {
  const name = source.split('/').at(-1) ?? 'agent';
  const staged = join(options.workDir, name);
  await rm(staged, { recursive: true, force: true });
  await mkdir(staged, { recursive: true });
  for (const file of (await readdir(source)).sort()) {
    let text = await readFile(join(source, file), 'utf8');
    if (file === 'submission.yaml' && options.modelOverride) {
      text = text.replace(/^( *model:).*$/m, `$1 ${options.modelOverride}`);
    }
    if (packaging === 'typescript' && file.endsWith('.ts')) {
      const { outputText } = transpileModule(text, {
        compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022 },
      });
      await writeFile(join(staged, file.replace(/\.ts$/, '.js')), outputText);
    } else {
      await writeFile(join(staged, file), text);
    }
  }
  if (packaging === 'sdk') {
    const output = join(options.workDir, `${name}.tar.gz`);
    const script = [
      'import sys, pathlib',
      'from eirel.packaging import build_submission_archive',
      'build_submission_archive(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))',
    ].join('\n');
    await run(options.sdkPython, ['-c', script, staged, output]);
    return readFile(output);
  }
  return tarGz(staged);
}

async function tarGz(folder: string): Promise<Buffer> {
  const archive = pack();
  for (const file of (await readdir(folder)).sort()) {
    archive.entry({ name: file, mtime: new Date(0) }, await readFile(join(folder, file)));
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive.pipe(createGzip())) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
