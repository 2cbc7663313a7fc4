import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ObjectStore } from '../adapters/object-store/types';
import { canonicalJson } from '../domain/evidence/canonical';
import { FamilyScores, runEvidence } from '../domain/evidence/compute';
import type { FamilyEvidence, ResultEvidence, RunEvidence } from '../domain/evidence/contract';
import { evidenceFrame, EvidenceScanner, readHead } from '../domain/evidence/stream';
import { collectFacts, type FactSources } from './run-facts';

/** A computed run without its results, and what was noted of them on the way. */
export interface ComputedRun {
  /** `results` of each family is empty */
  evidence: RunEvidence;
  results: number;
  /** Sorted. */
  validators: string[];
  /** Hotkeys of members that never had their turn. */
  neverServed: ReadonlySet<string>;
}

/**
 * Computes a closed run from its facts, a task's results at a time.
 * @param onResults given each task's results as they are computed, by index of their family; a heartbeat belongs here
 */
export async function computeClosedRun(
  sources: FactSources,
  runId: string,
  onResults: (results: ResultEvidence[], family: number) => Promise<void> | void,
): Promise<ComputedRun> {
  const facts = await collectFacts(sources, runId);
  const families: FamilyEvidence[] = [];
  const validators = new Set<string>();
  const neverServed = new Set<string>();
  let count = 0;
  for (const [index, head] of facts.families.entries()) {
    const scores = new FamilyScores(facts.run);
    for await (const rows of facts.results(head)) {
      const results = rows.map((row) => scores.add(row));
      for (const result of results) {
        for (const judgment of result.judgments) validators.add(judgment.validator_hotkey);
      }
      count += results.length;
      await onResults(results, index);
    }
    families.push(scores.finish(head));
    for (const hotkey of scores.neverServed()) neverServed.add(hotkey);
  }
  return {
    evidence: runEvidence(facts.run, families),
    results: count,
    validators: [...validators].sort(),
    neverServed,
  };
}

/**
 * Writes everything that a stranger needs to recompute the run (decision 25), as canonical JSON under its digest. Results wait
 * in a file until what is computed from them is known, since that stands before them.
 * @param onTask called after each task, for a heartbeat
 */
export async function writeEvidence(
  sources: FactSources,
  runId: string,
  onTask: () => void,
): Promise<{ key: string; sha256: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'eirel-evidence-'));
  const files = new ResultFiles(folder);
  try {
    const { evidence } = await computeClosedRun(sources, runId, async (results, family) => {
      await files.write(family, results);
      onTask();
    });
    await files.close();
    const prefix = `${sources.policy.familyId}/evidence/${runId}`;
    const text = Readable.from(files.within(evidenceFrame(evidence), onTask), { objectMode: false });
    const { sha256 } = await sources.objectStore.putContentAddressed(prefix, text, '.json', {
      contentType: 'application/json',
    });
    return { key: `${prefix}/${sha256}.json`, sha256 };
  } finally {
    await files.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The published document without its results. @throws EvidenceError; ObjectCorrupt when its bytes are not the recorded ones */
export async function publishedHead(objectStore: ObjectStore, key: string): Promise<RunEvidence> {
  const scanner = new EvidenceScanner(() => undefined);
  for await (const chunk of await objectStore.get(key)) scanner.push(chunk as Buffer);
  return readHead(scanner.end()).value;
}

/** Results in canonical form, a file for each family. */
class ResultFiles {
  private readonly files: (FileHandle | undefined)[] = [];

  constructor(private readonly folder: string) {}

  async write(family: number, results: readonly ResultEvidence[]): Promise<void> {
    if (results.length === 0) return;
    const before = this.files[family];
    const file = before ?? (await open(this.path(family), 'wx', 0o600));
    this.files[family] = file;
    await file.writeFile(`${before ? ',' : ''}${results.map((result) => canonicalJson(result)).join(',')}`);
  }

  async close(): Promise<void> {
    for (const file of this.files) await file?.close();
  }

  /** The whole document: the frame with the results in their places. */
  async *within(frame: readonly string[], onChunk: () => void): AsyncGenerator<Buffer> {
    for (const [index, text] of frame.entries()) {
      yield Buffer.from(text);
      if (!this.files[index]) continue;
      for await (const chunk of createReadStream(this.path(index), { highWaterMark: 1024 * 1024 })) {
        onChunk();
        yield chunk as Buffer;
      }
    }
  }

  private path(family: number): string {
    return join(this.folder, `${family}.json`);
  }
}
