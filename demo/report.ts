import Table from 'cli-table3';
import { requiredTool } from '../domain/contracts/dataset';
import type { FamilyEvidence } from '../domain/evidence/contract';
import type { DemoOutcome } from './scenario';

const pct = (value: number): string => value.toFixed(3);

/** The leaderboard with the mean of every factor, the weights, and what was tried and refused. */
export function renderOutcome(outcome: DemoOutcome): string {
  const { family } = outcome;
  const board = new Table({
    head: [
      'rank',
      'miner',
      'score',
      'answered',
      'outcome',
      'grounded',
      'safety',
      'denylist',
      'tools',
      'claims',
      'cost',
      'speed',
      'bonus',
    ],
    style: { head: [], border: [] },
  });
  family.winner.ranking.forEach((entry, index) => {
    const score = family.aggregates[entry.hotkey];
    const factors = meanFactors(family, entry.hotkey);
    board.push([
      String(index + 1),
      `${outcome.names[entry.hotkey] ?? entry.hotkey}${entry.hotkey === family.winner.winner?.hotkey ? ' *' : ''}`,
      pct(entry.raw_score),
      `${(score?.total_tasks ?? 0) - (score?.failed_tasks ?? 0)}/${score?.total_tasks ?? 0}`,
      ...factors.map(pct),
    ]);
  });
  const uidName = new Map(
    Object.entries(outcome.uidOf).map(([hotkey, uid]) => [uid, outcome.names[hotkey] ?? `uid ${uid}`]),
  );
  const lines = [
    `Leaderboard of ${outcome.runId} (* winner: ${family.winner.winner_selection}; each factor is its mean over the judged answers)`,
    board.toString(),
    '',
    "Tools attested by the owner's ledger (required by a task: who used it)",
    ...toolLines(outcome),
    '',
    'Truth of the tasks that oracles were asked about',
    ...oracleLines(outcome),
    '',
    'Weights',
    ...Object.entries(outcome.weights).map(
      ([hotkey, weight]) => `  ${outcome.names[hotkey] ?? hotkey}  ${weight}`,
    ),
    ...Object.entries(outcome.onChain).map(([validator, row]) => {
      const sum = row.reduce((total, entry) => total + entry.value, 0);
      const shown = row.map(
        ({ uid, value }) => `${uidName.get(uid) ?? `uid ${uid}`} ${(value / sum).toFixed(4)}`,
      );
      const how = outcome.published[validator]?.join(', then ') ?? 'unknown';
      return `  on chain by ${validator}: ${shown.join(', ')}  (${how})`;
    }),
    '',
    `Archives public after the close: ${outcome.publicArchives.join(', ') || 'none'}`,
    outcome.evidenceDifferences === 0
      ? 'Evidence downloaded and recomputed: every composite, score, winner and weight is the same.'
      : `Evidence recomputed: ${outcome.evidenceDifferences} differences!`,
    outcome.tamperings.missed.length === 0
      ? `Falsified in ${outcome.tamperings.tried} ways: each was found by verifying.`
      : `Falsified in ${outcome.tamperings.tried} ways, NOT found: ${outcome.tamperings.missed.join('; ')}`,
    '',
    'Refused, as they must be',
    ...outcome.refusals.map(({ what, status, detail }) => `  ${what}: ${status} ${detail}`),
  ];
  return lines.join('\n');
}

/** Means of the factors over a miner's judged answers, in the order of the leaderboard's columns. */
function meanFactors(family: FamilyEvidence, hotkey: string): number[] {
  const breakdowns = family.results
    .filter((result) => result.miner_hotkey === hotkey)
    .flatMap((result) =>
      result.judgments.flatMap((judgment) => (judgment.breakdown ? [judgment.breakdown] : [])),
    );
  const mean = (pick: (breakdown: (typeof breakdowns)[number]) => number): number =>
    breakdowns.length === 0 ? 0 : breakdowns.reduce((sum, item) => sum + pick(item), 0) / breakdowns.length;
  return [
    mean((b) => b.outcome_score),
    mean((b) => b.grounded_correctness_gate),
    mean((b) => b.instruction_safety_gate),
    mean((b) => b.safety_attestation_knockout),
    mean((b) => b.tool_attestation_factor),
    mean((b) => b.hallucination_knockout),
    mean((b) => b.cost_attestation_knockout),
    mean((b) => b.efficiency_factor),
    mean((b) => b.pairwise_bonus),
  ];
}

/** For each task that requires a tool, which miners' answers the ledger attests it for. */
function toolLines({ family, names }: DemoOutcome): string[] {
  return family.tasks.flatMap((task) => {
    const tool = requiredTool(task.payload);
    if (!tool) return [];
    const users = family.results
      .filter((result) => result.task_id === task.task_id)
      .filter((result) =>
        result.judgments.some((judgment) => judgment.breakdown?.tool_attestation_factor === 1),
      )
      .map((result) => names[result.miner_hotkey] ?? result.miner_hotkey);
    return [`  ${tool} (${task.task_id}): ${users.join(', ') || 'nobody'}`];
  });
}

/** Of each task that oracles were asked about: how far they agreed, on what, and the outcome for each miner. */
function oracleLines({ family, names }: DemoOutcome): string[] {
  return family.tasks
    .filter((task) => task.payload.oracle_source === 'three_oracle')
    .map((task) => {
      const outcomes = family.results
        .filter((result) => result.task_id === task.task_id)
        .map((result) => {
          const outcome = result.judgments[0]?.input?.outcome ?? result.status;
          return `${names[result.miner_hotkey] ?? result.miner_hotkey} ${outcome}`;
        });
      const claims = task.expected_claims.join(' / ') || 'no claim is expected';
      return `  ${task.oracle_status ?? 'not settled'} (${task.task_id}): ${claims}; ${outcomes.join(', ')}`;
    });
}
