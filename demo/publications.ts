import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PublicationRow } from '../adapters/publication-ledger';

const WORDS: Readonly<Record<PublicationRow['mode'], string>> = {
  set: 'set openly',
  timelocked: 'committed by time lock',
  crv3: 'committed by time lock',
  commit: 'committed by hash',
  reveal: 'revealed',
};

/** The extrinsics of a validator that made it on chain, in words, from its own ledger. */
export function publicationsOf(dataDir: string, validator: string): string[] {
  const path = join(dataDir, 'validators', validator, 'publications.jsonl');
  if (!existsSync(path)) return [];
  const last = new Map<string, PublicationRow>();
  for (const line of readFileSync(path, 'utf8').split('\n').filter(Boolean)) {
    const row = JSON.parse(line) as PublicationRow;
    last.set(`${row.workflowId} ${row.attempt}`, row);
  }
  return [...last.values()]
    .filter((row) => row.outcome === 'included')
    .map((row) => `${WORDS[row.mode]} in block ${row.blockNumber}`);
}
