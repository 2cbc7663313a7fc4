/** The checks of a run's history: what must hold of the records, whatever was killed meanwhile. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPrisma } from '../../adapters/postgres';
import type { PublicationRow } from '../../adapters/publication-ledger';
import type { DemoOutcome } from '../../demo/scenario';
import { leaderboardPayload } from '../../domain/contracts/dashboard';
import { canonicalJson } from '../../domain/evidence/canonical';

export interface Check {
  name: string;
  holds: boolean;
  /** What was counted. */
  detail: string;
}

/** Counts that tell how rough it was. */
export interface Wear {
  results: number;
  claims: number;
  settled: number;
  released: number;
  expired: number;
  mostAttempts: number;
}

export interface HistoryInput {
  databaseUrl: string;
  dataDir: string;
  apiUrl: string;
  outcome: DemoOutcome;
  /** Names of the validators, whose ledgers of publications lie in the data directory. */
  validators: string[];
  /** The numbers of the undisturbed run, null when this is the undisturbed one. */
  expected: object | null;
  found: object;
}

/** Evaluates every check over the records of one completed run. */
export async function checkHistory(input: HistoryInput): Promise<{ checks: Check[]; wear: Wear }> {
  const { outcome } = input;
  const { runId } = outcome;
  const db = createPrisma(input.databaseUrl, { poolSize: 2 });
  try {
    const run = await db.evaluationRun.findUniqueOrThrow({ where: { id: runId } });
    const results = await db.taskMinerResult.findMany({ where: { runId } });
    const claims = await db.taskClaim.findMany({ where: { runId }, orderBy: { fencing: 'asc' } });
    const rows = await db.minerEvaluationTask.findMany({ where: { runId } });
    const submissions = await db.managedMinerSubmission.findMany();
    const events = await db.submissionEvent.findMany();
    const fees = await db.submissionFee.findMany({ where: { status: 'verified' } });
    const records = await db.deploymentScoreRecord.findMany({ where: { runId } });

    const pairs = results.map((row) => `${row.taskId}/${row.minerHotkey}`);
    const wanted = outcome.family.tasks.length * Object.keys(outcome.names).length;
    const times = claims.map((claim) => claim.claimedAt.getTime());
    const late = results.filter((row) => run.closedAt && row.createdAt > run.closedAt).length;
    const open = claims.filter((claim) => claim.status === 'claimed').length;
    const byKey = new Map<string, number[]>();
    for (const claim of claims) {
      if (claim.claimKey === null) continue;
      const key = `${claim.validatorHotkey} ${claim.claimKey}`;
      byKey.set(key, [...(byKey.get(key) ?? []), claim.claimSlot ?? 0]);
    }
    const settled = claims.filter((claim) => claim.status === 'settled');
    const fencings = new Set(settled.map((claim) => claim.fencing));
    const strays = results.filter((row) => !fencings.has(row.fencing ?? -1n)).length;
    const published = input.validators.map((name) => ({
      name,
      ...publicationsOf(input.dataDir, name, runId),
    }));
    const reasonless = submissions.filter(
      (one) => !events.some((event) => event.submissionId === one.id && event.outcome === 'passed'),
    );
    const board = await leaderboard(input.apiUrl, runId);
    const ledger = Object.fromEntries(records.map((record) => [record.minerHotkey, record.rawScore]));

    const check = (name: string, holds: boolean, detail: string): Check => ({ name, holds, detail });
    return {
      wear: {
        results: results.length,
        claims: claims.length,
        settled: settled.length,
        released: claims.filter((claim) => claim.status === 'released').length,
        expired: claims.filter((claim) => claim.status === 'expired').length,
        mostAttempts: Math.max(0, ...rows.map((row) => row.attemptCount)),
      },
      checks: [
        check(
          '1 one accepted result per (run, task, miner), none missing',
          new Set(pairs).size === pairs.length && pairs.length === wanted,
          `${new Set(pairs).size} distinct of ${pairs.length}, ${wanted} wanted`,
        ),
        check(
          '2 every submission reached its end, with a reason',
          reasonless.length === 0 && submissions.length === Object.keys(outcome.names).length,
          `${submissions.length} submissions, ${reasonless.length} without a recorded step`,
        ),
        check(
          '3 no fee pays twice',
          new Set(fees.map((fee) => fee.extrinsicHash)).size === fees.length &&
            fees.length === submissions.length,
          `${fees.length} fees of ${submissions.length} submissions`,
        ),
        check(
          '4 weights published once by each validator, equal to the recomputation',
          published.every(({ included, revealed }) => included === 1 && revealed) &&
            outcome.evidenceDifferences === 0,
          published
            .map(({ name, included, attempts }) => `${name}: ${included} of ${attempts} attempts`)
            .join(', '),
        ),
        check(
          '5 lease numbers only grow',
          times.every((time, index) => index === 0 || time >= (times[index - 1] ?? 0)),
          `${claims.length} leases`,
        ),
        check(
          '6 nothing accepted after the close, no lease left',
          late === 0 && open === 0,
          `${late} late, ${open} open`,
        ),
        check(
          '7 the same scores, winner and weights as undisturbed',
          input.expected === null || canonicalJson(input.found) === canonicalJson(input.expected),
          input.expected === null
            ? 'this is the undisturbed run'
            : 'composites, scores, winner, weights, chain rows',
        ),
        check(
          '8 a claim under one key is one claim; every result belongs to one settled lease',
          strays === 0 &&
            [...byKey.values()].every((slots) =>
              slots.sort((a, b) => a - b).every((slot, index) => slot === index + 1),
            ),
          `${byKey.size} keys, ${claims.length} leases, ${strays} stray results`,
        ),
        check(
          '9 the public leaderboard equals the ledger',
          canonicalJson(board) === canonicalJson(ledger),
          `${Object.keys(board).length} miners`,
        ),
      ],
    };
  } finally {
    await db.$disconnect();
  }
}

interface Published {
  /** Extrinsics included that carry weights or commit to them. */
  included: number;
  attempts: number;
  /** Whether every commit by hash was revealed, and each once. */
  revealed: boolean;
}

/** A validator's attempts to put the weights of a run on chain for the first time, by its own ledger. */
function publicationsOf(dataDir: string, validator: string, runId: string): Published {
  const file = join(dataDir, 'validators', validator, 'publications.jsonl');
  const last = new Map<string, PublicationRow>();
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const row = JSON.parse(line) as PublicationRow;
    if (row.runId === runId && row.workflowId.split('/').length === 3) {
      last.set(`${row.workflowId}/${row.attempt}`, row);
    }
  }
  const rows = [...last.values()];
  const includedOf = (...modes: PublicationRow['mode'][]): number =>
    rows.filter(({ mode, outcome }) => outcome === 'included' && modes.includes(mode)).length;
  return {
    included: includedOf('set', 'timelocked', 'crv3', 'commit'),
    attempts: rows.filter(({ mode }) => mode !== 'reveal').length,
    revealed: includedOf('reveal') === includedOf('commit'),
  };
}

async function leaderboard(apiUrl: string, runId: string): Promise<Record<string, number>> {
  const url = `${apiUrl}/api/v1/dashboard/leaderboard?family_id=general_chat&run_id=${runId}`;
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const { entries } = leaderboardPayload.parse(await response.json());
  return Object.fromEntries(entries.map((entry) => [entry.hotkey, entry.raw_score]));
}
