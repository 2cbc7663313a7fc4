import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';

/** Where the build puts the workflow bundle, and workers look for it. */
export const WORKFLOW_BUNDLE = join(__dirname, '..', 'workflow-bundle.js');
const STAMP = `${WORKFLOW_BUNDLE}.sha256`;

/** Bundles the compiled workflows for the workers; nothing is done when they have not changed. */
async function main(): Promise<void> {
  const digest = digestOf(join(__dirname, '..', 'workflows'), join(__dirname, '..', 'domain'));
  if (readIfThere(STAMP) === digest && readIfThere(WORKFLOW_BUNDLE) !== null) return;
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(__dirname, '..', 'workflows', 'index.js'),
  });
  writeFileSync(WORKFLOW_BUNDLE, code);
  writeFileSync(STAMP, digest);
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function digestOf(...folders: string[]): string {
  const hash = createHash('sha256');
  for (const folder of folders) {
    for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
      if (entry.endsWith('.js')) hash.update(entry).update(readFileSync(join(folder, entry)));
    }
  }
  return hash.digest('hex');
}

if (require.main === module) {
  main().catch((error: unknown) => {
    console.error('the workflow bundle could not be made:', error);
    process.exitCode = 1;
  });
}
