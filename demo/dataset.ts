import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../adapters/local-stack';

interface Pool {
  tasks: Array<{ expected_output: { required_tool?: string } }>;
  corpora?: unknown[];
}

/**
 * Writes the demo's pool of tasks: the bundled ones, some that oracles are asked about, and one for each tool service that
 * runs.
 * @param pagesUrl base address of the demo's web pages; @param tools names of the tools that can be used
 * @returns the folder for EIREL_OWNER_DATASET_ROOT_PATH, and how many tasks were added to the bundled ones
 */
export function writeDataset(
  dataDir: string,
  pagesUrl: string,
  tools: readonly string[],
): { root: string; file: string; addedTasks: number } {
  const bundled = join(projectRoot(), 'demo', 'dataset');
  const read = (name: string): Pool =>
    JSON.parse(readFileSync(join(bundled, name), 'utf8').replaceAll('{{PAGES}}', pagesUrl)) as Pool;
  const pool = read('general_chat.json');
  const extra = read('tools.json');
  const usable = extra.tasks.filter((task) => tools.includes(task.expected_output.required_tool ?? ''));
  const oracles = read('oracles.json').tasks;
  const root = join(dataDir, 'dataset');
  mkdirSync(root, { recursive: true });
  const file = join(root, 'general_chat.json');
  const merged = {
    ...pool,
    tasks: [...pool.tasks, ...usable, ...oracles],
    corpora: [...(pool.corpora ?? []), ...(tools.includes('rag.retrieve') ? (extra.corpora ?? []) : [])],
  };
  writeFileSync(file, JSON.stringify(merged, null, 2));
  return { root, file, addedTasks: usable.length + oracles.length };
}
