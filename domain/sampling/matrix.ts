/** The capability x domain sampler (decision 16). */
import type { EvaluationTask } from '../contracts/dataset';
import { DatasetError, matrixTags } from '../contracts/dataset';
import { drawWithoutReplacement, randomStream } from './prng';

export const SAMPLER_ALGORITHM = 'capability-domain-matrix/1';

/** What the sampler needs to know of a task. */
export interface MatrixItem {
  task_id: string;
  capability: string;
  domain: string;
}

export interface MatrixCell {
  /** `<capability>|<domain>` */
  key: string;
  capability: string;
  domain: string;
  /** items in the pool */
  available: number;
  /** items to draw, and drawn */
  quota: number;
  /** ids in the order drawn */
  task_ids: string[];
}

export interface MatrixDraw {
  algorithm: typeof SAMPLER_ALGORITHM;
  /** all drawn ids in claim order */
  task_ids: string[];
  /** non-empty cells by key */
  cells: MatrixCell[];
}

/**
 * Draws `size` items, spread over the non-empty cells of the matrix.
 *
 * 1. Cells are sorted by key, the items of a cell by id (both by code unit), so the order of the pool is irrelevant.
 * 2. Every cell gets floor(size / cells), or all it has if it has fewer.
 * 3. What is left goes out one by one, each to the cell with the largest shortage (size / cells minus its quota)
 *    that still has items; equal shortages by key.
 * 4. Each cell draws its quota with the stream labelled `cell:<key>`.
 * 5. The drawn ids, sorted, are shuffled with the stream labelled `order`; that is the claim order.
 *
 * @param seedHex 64 hex digits, see `deriveSeed`
 * @throws DatasetError when the pool is smaller than `size`, has a duplicate or an unusable tag, or `size` is no count
 */
export function drawMatrix(items: readonly MatrixItem[], size: number, seedHex: string): MatrixDraw {
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new DatasetError(`the number of tasks to draw must be a whole number from 1, not ${size}`);
  }
  if (items.length < size) {
    throw new DatasetError(
      `the pool has ${items.length} tasks, but ${size} are to be drawn: add tasks or lower the number`,
    );
  }
  const cells = groupIntoCells(items);
  const quotas = allot(
    cells.map((cell) => cell.ids.length),
    size,
  );
  const drawn = cells.map((cell, index): MatrixCell => {
    const quota = quotas[index] ?? 0;
    return {
      key: cell.key,
      capability: cell.capability,
      domain: cell.domain,
      available: cell.ids.length,
      quota,
      task_ids: drawWithoutReplacement(cell.ids, quota, randomStream(seedHex, `cell:${cell.key}`)),
    };
  });
  const ids = drawn.flatMap((cell) => cell.task_ids).sort();
  return {
    algorithm: SAMPLER_ALGORITHM,
    task_ids: drawWithoutReplacement(ids, ids.length, randomStream(seedHex, 'order')),
    cells: drawn,
  };
}

export interface MatrixSample<T> extends MatrixDraw {
  /** the drawn tasks in claim order, unchanged */
  tasks: T[];
}

/** `drawMatrix` over the tasks of a pool file. */
export function sampleMatrix<T extends EvaluationTask>(input: {
  pool: readonly T[];
  size: number;
  seedHex: string;
}): MatrixSample<T> {
  const byId = new Map(input.pool.map((task) => [task.task_id, task]));
  const items = input.pool.map((task) => ({ task_id: task.task_id, ...matrixTags(task) }));
  const draw = drawMatrix(items, input.size, input.seedHex);
  return { ...draw, tasks: draw.task_ids.map((id) => byId.get(id) as T) };
}

interface Cell {
  key: string;
  capability: string;
  domain: string;
  ids: string[];
}

function groupIntoCells(items: readonly MatrixItem[]): Cell[] {
  const cells = new Map<string, Cell>();
  const seen = new Set<string>();
  for (const { task_id: id, capability, domain } of items) {
    if (id === '' || seen.has(id))
      throw new DatasetError(`the pool has an empty or repeated task id: "${id}"`);
    seen.add(id);
    // The key must tell the two tags apart.
    if (capability.includes('|') || domain.includes('|')) {
      throw new DatasetError(`task ${id} has "|" in its capability or domain: rename the tag`);
    }
    const key = `${capability}|${domain}`;
    const cell = cells.get(key) ?? { key, capability, domain, ids: [] };
    cell.ids.push(id);
    cells.set(key, cell);
  }
  const sorted = [...cells.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  for (const cell of sorted) cell.ids.sort();
  return sorted;
}

/** Quotas of cells that are already in key order. Every cell aims at the same share, so the shortest quota is served. */
function allot(available: readonly number[], size: number): number[] {
  const base = Math.floor(size / available.length);
  const quotas = available.map((count) => Math.min(base, count));
  let left = size - quotas.reduce((sum, quota) => sum + quota, 0);
  while (left > 0) {
    let neediest = -1;
    for (let i = 0; i < quotas.length; i += 1) {
      const quota = quotas[i] as number;
      if (quota < (available[i] as number) && (neediest < 0 || quota < (quotas[neediest] as number)))
        neediest = i;
    }
    quotas[neediest] = (quotas[neediest] as number) + 1;
    left -= 1;
  }
  return quotas;
}
