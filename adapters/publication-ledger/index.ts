import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Db } from '../postgres';
import { writeAction, type ActionRecord } from '../postgres/operator-actions';

/** One attempt to put weights on chain, as it stands. */
export interface PublicationRow {
  workflowId: string;
  attempt: number;
  runId: string | null;
  hotkey: string;
  netuid: number;
  uids: number[];
  values: number[];
  /** `submitting` until the outcome is known */
  outcome: string;
  message: string | null;
  blockNumber: number | null;
  blockHash: string | null;
  extrinsicHash: string | null;
  /** How: openly, as a commit of some kind, or as the reveal of one. */
  mode: 'set' | 'timelocked' | 'crv3' | 'commit' | 'reveal';
  details: PublicationDetails;
}

/** What an attempt needs to be found again, and a commit to be revealed. Never a key. */
export interface PublicationDetails {
  versionKey?: string;
  /** Blocks between which the signed extrinsic can be included; there once it is signed. */
  birth?: number;
  death?: number;
  commitHash?: string;
  /** Kept from before the commit is sent, since nothing else can reveal it. */
  salt?: number[];
  revealRound?: number;
}

/** Where a publisher keeps its attempts. The row is written before the extrinsic is sent, and again when it ended. */
export interface PublicationLedger {
  record(row: PublicationRow): Promise<void>;
  /** The last row of an attempt, null when it was never begun. */
  find(workflowId: string, attempt: number): Promise<PublicationRow | null>;
  /** What an operator told a publication, kept beside its attempts; the same order twice is one. */
  recordOrder(order: ActionRecord): Promise<void>;
}

/** The owner's database; for a publisher that runs beside it. */
export function postgresPublicationLedger(db: Db): PublicationLedger {
  return {
    async record(row) {
      const data = {
        runId: row.runId,
        hotkey: row.hotkey,
        netuid: row.netuid,
        uidsJson: row.uids,
        valuesJson: row.values,
        outcome: row.outcome,
        message: row.message,
        blockNumber: row.blockNumber === null ? null : BigInt(row.blockNumber),
        blockHash: row.blockHash,
        extrinsicHash: row.extrinsicHash,
        mode: row.mode,
        detailsJson: { ...row.details },
      };
      const key = { workflowId: row.workflowId, attempt: row.attempt };
      await db.weightPublication.upsert({
        where: { workflowId_attempt: key },
        create: { ...key, ...data },
        update: data,
      });
    },
    async find(workflowId, attempt) {
      const row = await db.weightPublication.findUnique({
        where: { workflowId_attempt: { workflowId, attempt } },
      });
      if (!row) return null;
      return {
        workflowId,
        attempt,
        runId: row.runId,
        hotkey: row.hotkey,
        netuid: row.netuid,
        uids: row.uidsJson as number[],
        values: row.valuesJson as number[],
        outcome: row.outcome,
        message: row.message,
        blockNumber: row.blockNumber === null ? null : Number(row.blockNumber),
        blockHash: row.blockHash,
        extrinsicHash: row.extrinsicHash,
        mode: row.mode as PublicationRow['mode'],
        details: row.detailsJson as PublicationDetails,
      };
    },
    recordOrder: async (order) => void (await db.$transaction((tx) => writeAction(tx, order))),
  };
}

/** A file of JSON lines; for a validator, who has no database of the owner's. Later lines supersede earlier ones. */
export function filePublicationLedger(path: string): PublicationLedger {
  const append = async (entry: object): Promise<void> => {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, 'a', 0o600);
    try {
      // A line that a crash cut short must not swallow the next one.
      const { size } = await file.stat();
      const line = `${JSON.stringify(entry)}\n`;
      await file.write(size > 0 ? `\n${line}` : line);
      // On disk before anything is sent: a commit whose salt is lost can never be revealed.
      await file.sync();
    } finally {
      await file.close();
    }
  };
  return {
    record: (row) => append({ ...row, at: new Date().toISOString() }),
    recordOrder: (order) => append({ order, at: new Date().toISOString() }),
    async find(workflowId, attempt) {
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return '';
        throw error;
      });
      const rows = text.split('\n').flatMap((line): PublicationRow[] => {
        // A line that a crash cut short says nothing; the line before it stands.
        try {
          return line ? [JSON.parse(line) as PublicationRow] : [];
        } catch (error) {
          if (error instanceof SyntaxError) return [];
          throw error;
        }
      });
      return rows.filter((row) => row.workflowId === workflowId && row.attempt === attempt).at(-1) ?? null;
    },
  };
}
