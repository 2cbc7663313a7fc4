/** Enrichments that a validator keeps for itself (decision 4, side `validator`): one folder a task, no database. */
import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject } from '../../domain/tasks/clean-json';
import {
  enrichmentRecordSchema,
  groundingSchema,
  ORACLE_VENDORS,
  reconciliationSchema,
  type EnrichmentRecord,
} from '../../domain/oracle/record';
import type { EnrichmentJob, EnrichmentKey, EnrichmentStore } from './types';

/** A validator's store: it is given each task as it was claimed, and asked for the record afterwards. */
export interface LocalEnrichmentStore extends EnrichmentStore {
  /** Keeps the payload of a claimed task, before its workflow is started. */
  offer(key: EnrichmentKey, payload: Readonly<Record<string, unknown>>): Promise<void>;
  /** What was found, or null when it is not settled. */
  record(key: EnrichmentKey): Promise<EnrichmentRecord | null>;
  /** Lets the oracles that gave nothing be asked again about a task that failed; any other task is left as it is. */
  reopen(key: EnrichmentKey): Promise<void>;
}

/** @param root folder that belongs to this validator alone */
export function filesystemEnrichmentStore(root: string, validatorHotkey: string): LocalEnrichmentStore {
  const folder = (key: EnrichmentKey): string =>
    join(
      root,
      createHash('sha256')
        .update(JSON.stringify([key.runId, key.familyId, key.taskId]))
        .digest('hex'),
    );

  async function read(key: EnrichmentKey, name: string): Promise<unknown> {
    try {
      return JSON.parse(await readFile(join(folder(key), `${name}.json`), 'utf8')) as unknown;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  /** Writes a file whole or not at all; with `once` what is there already stays. */
  async function write(key: EnrichmentKey, name: string, value: unknown, once: boolean): Promise<void> {
    const dir = folder(key);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const temporary = join(dir, `.${randomUUID()}`);
    const path = join(dir, `${name}.json`);
    await writeFile(temporary, JSON.stringify(value), { mode: 0o600 });
    if (!once) return rename(temporary, path);
    await link(temporary, path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
    await rm(temporary, { force: true });
  }

  const stored = async (key: EnrichmentKey): Promise<EnrichmentRecord | null> => {
    const value = await read(key, 'record');
    return value === null ? null : enrichmentRecordSchema.parse(value);
  };

  return {
    side: 'validator',
    validatorHotkey,

    offer: (key, payload) => write(key, 'task', payload, true),
    record: stored,

    async begin(key): Promise<EnrichmentJob> {
      const payload = await read(key, 'task');
      const record = await stored(key);
      const job = (state: EnrichmentJob['state'], reason: string): EnrichmentJob => ({
        state,
        reason,
        payload: isObject(payload) ? payload : {},
        oracleStatus: record?.oracle_status ?? (state === 'deterministic' ? 'deterministic' : null),
        expectedClaims: record?.expected_claims.length ?? 0,
      });
      if (!isObject(payload)) return job('missing', `task ${key.taskId} was not offered to this store`);
      if (payload.oracle_source !== 'three_oracle')
        return job('deterministic', 'the task has a fixed answer');
      if (record) return job('settled', 'settled already');
      return job('wanted', 'its oracles are to be asked');
    },

    async answers(key) {
      const found = await Promise.all(ORACLE_VENDORS.map((vendor) => read(key, vendor)));
      return found.filter(isObject).map((value) => groundingSchema.parse(value.grounding));
    },
    saveAnswer: (key, grounding, raw) => write(key, grounding.vendor, { grounding, raw }, true),

    async reconciliation(key) {
      const value = await read(key, 'reconciliation');
      return isObject(value) ? reconciliationSchema.parse(value.reconciliation) : null;
    },
    saveReconciliation: (key, reconciliation, raw) =>
      write(key, 'reconciliation', { reconciliation, raw }, true),

    async settle(key, record) {
      await write(key, 'record', record, true);
      return (await stored(key)) ?? record;
    },

    waiting: (key, reason) => write(key, 'state', { state: 'waiting', reason }, false),
    fail: (key, reason) => write(key, 'state', { state: 'failed', reason }, false),

    async reopen(key) {
      const state = await read(key, 'state');
      if (!isObject(state) || state.state !== 'failed') return;
      for (const vendor of ORACLE_VENDORS) {
        const value = await read(key, vendor);
        if (isObject(value) && isObject(value.grounding) && value.grounding.status !== 'ok') {
          await rm(join(folder(key), `${vendor}.json`), { force: true });
        }
      }
      await write(key, 'state', { state: 'reopened', reason: null }, false);
    },
  };
}
