import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectStore } from '../adapters/object-store/types';
import { messageOf } from '../adapters/logging';
import { parseBundle, type EvaluationBundle } from '../domain/contracts/dataset';
import { ownerFault } from './failures';
import type { RunPolicy } from './run-policy';

/**
 * Reads the pool that a run's tasks are drawn from: `<root>/<family>.json` where a dataset root is set, else the object
 * store under the key template, in which `{run_id}` is the run's number (evaluation.md section 1.3).
 * @throws OwnerFault, retried: a run does not open without its data
 */
export async function loadPool(input: {
  objectStore: ObjectStore;
  policy: RunPolicy;
  sequence: number;
}): Promise<EvaluationBundle> {
  const { policy, objectStore, sequence } = input;
  const key = policy.poolKeyTemplate
    .replaceAll('{family_id}', policy.familyId)
    .replaceAll('{run_id}', String(sequence));
  const source = policy.datasetRoot ? join(policy.datasetRoot, `${policy.familyId}.json`) : key;
  try {
    const bytes = policy.datasetRoot ? await readFile(source) : await objectStore.getBytes(key);
    return parseBundle(JSON.parse(bytes.toString('utf8')), policy.familyId, source);
  } catch (error) {
    throw ownerFault(`the dataset at ${source} cannot be used: ${messageOf(error)}`, error);
  }
}
