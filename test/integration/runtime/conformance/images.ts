/** Base images that sample agents name, where no registry can be asked for them. */
import { copyFileSync, cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type Docker from 'dockerode';
import { contextStream } from '../../../../adapters/container-runtime/image-build';
import { BASE_IMAGE } from './base-image';
import { sdkPython } from './samples';

export const NODE_IMAGE = 'node:20-slim';
export const RUNTIME_IMAGE = 'eirel-miner-runtime:latest';

/** Makes the images that are not on the engine: this machine's Node, and the miner SDK, each on the Python base. */
export async function ensureSampleImages(docker: Docker): Promise<void> {
  const stage = mkdtempSync(join(tmpdir(), 'eirel-images-'));
  try {
    await ensure(docker, NODE_IMAGE, stage, (directory) => {
      copyFileSync(process.execPath, join(directory, 'node'));
      return 'COPY node /usr/local/bin/node\n';
    });
    const library = join(dirname(dirname(await sdkPython())), 'lib');
    await ensure(docker, RUNTIME_IMAGE, stage, (directory) => {
      const [version = ''] = readdirSync(library).filter((name) => name.startsWith('python3'));
      cpSync(join(library, version, 'site-packages'), join(directory, 'packages'), { recursive: true });
      return 'COPY packages /opt/sdk\nENV PYTHONPATH=/opt/sdk\n';
    });
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

async function ensure(
  docker: Docker,
  name: string,
  stage: string,
  fill: (directory: string) => string,
): Promise<void> {
  const present = await docker
    .getImage(name)
    .inspect()
    .catch(() => null);
  if (present !== null) return;
  const directory = mkdtempSync(join(stage, 'context-'));
  writeFileSync(join(directory, 'Dockerfile'), `FROM ${BASE_IMAGE}\n${fill(directory)}`);
  const stream = await docker.buildImage(contextStream(directory, {}), { t: name });
  await new Promise<void>((resolve, reject) =>
    docker.modem.followProgress(stream, (error, output: { error?: string }[]) => {
      const failed = error ?? output.find((event) => event.error)?.error;
      if (failed) reject(failed instanceof Error ? failed : new Error(failed));
      else resolve();
    }),
  );
}
