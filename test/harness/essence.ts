import type { DemoOutcome } from '../../demo/scenario';

/** The numbers that no crash may change. */
export function essence(outcome: DemoOutcome) {
  const { family, names } = outcome;
  return {
    tasks: family.tasks.map((task) => task.task_id),
    scores: Object.fromEntries(
      family.winner.ranking.map((entry) => [
        names[entry.hotkey],
        family.aggregates[entry.hotkey]?.official_family_score,
      ]),
    ),
    composites: Object.fromEntries(
      family.results.map((result) => [
        `${result.task_id}/${names[result.miner_hotkey]}`,
        result.official_composite,
      ]),
    ),
    winner: family.winner.winner && names[family.winner.winner.hotkey],
    weights: outcome.weights,
    onChain: outcome.onChain,
  };
}
