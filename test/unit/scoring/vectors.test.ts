/** Every vector of the original's executed formulas, under version 1, to 1e-9. */
import {
  aggregateMiner,
  compositeScore,
  latencyCost,
  legacyWeightedSum,
  responseSafety,
  selectWinner,
  toolRouting,
} from '../../../domain/scoring';
import type { AggregateRow, CompositeInput, Dimension, TaskType } from '../../../domain/scoring';
import vectors from './scoring-vectors.json';

/** Compares plain JSON values; numbers to 1e-9, everything else exactly. Only the expected keys are compared. */
function expectClose(actual: unknown, expected: unknown, path = ''): void {
  if (typeof expected === 'number') {
    expect({
      path,
      close: typeof actual === 'number' && Math.abs(actual - expected) <= 1e-9,
      actual,
    }).toEqual({
      path,
      close: true,
      actual,
    });
  } else if (expected !== null && typeof expected === 'object' && !Array.isArray(expected)) {
    for (const [key, value] of Object.entries(expected)) {
      expectClose((actual as Record<string, unknown>)[key], value, `${path}/${key}`);
    }
  } else {
    expect({ path, value: actual }).toEqual({ path, value: expected });
  }
}

test('the fixture is the whole set', () => {
  expect(vectors.schema).toBe('scoring-vectors/1');
  expect([vectors.composite.length, vectors.winner_selection.length, vectors.response_safety.length]).toEqual(
    [20, 8, 14],
  );
});

describe('composite', () => {
  test.each(vectors.composite.map((v) => [v.name, v] as const))('%s', (_name, vector) => {
    expectClose(compositeScore(vector.input as CompositeInput, 1), vector.expected);
  });
});

describe('legacy weighted sum', () => {
  test.each(vectors.legacy_weighted_sum.map((v) => [v.name, v] as const))('%s', (_name, vector) => {
    const actual = legacyWeightedSum(
      vector.input.task_type as TaskType,
      vector.input.raw_scores as Partial<Record<Dimension, number | null>>,
    );
    expectClose(actual, vector.expected);
    expect(Object.keys(actual.applied_weights)).toEqual(Object.keys(vector.expected.applied_weights));
    expect(Object.keys(actual.dimension_scores)).toEqual(Object.keys(vector.expected.dimension_scores));
  });
});

test.each(vectors.tool_routing)('tool routing %j', ({ input, expected }) => {
  expectClose(toolRouting(input), expected);
});

test.each(vectors.latency_cost_dimension)('latency and cost dimension %j', ({ input, expected }) => {
  expectClose(latencyCost(input), expected);
});

describe('run aggregation', () => {
  test.each(vectors.run_aggregation.map((v) => [v.name, v] as const))('%s', (_name, vector) => {
    expectClose(aggregateMiner(vector.input as AggregateRow[], 1), vector.expected);
  });
});

describe('winner selection', () => {
  test.each(vectors.winner_selection.map((v) => [v.name, v] as const))('%s', (_name, vector) => {
    const { incumbent_raw_score: incumbent, challengers } = vector.input;
    const scores: Record<string, number> = { ...(challengers as Record<string, number>) };
    if (incumbent !== null) scores.incumbent = incumbent;
    const decision = selectWinner(
      {
        candidates: Object.entries(scores).map(([id, raw_score]) => ({
          deployment_id: id,
          hotkey: `hotkey-${id}`,
          raw_score,
          error_fraction: 0,
          submitted_at: '2025-01-31T12:00:00',
          deployed_at: '2025-01-31T12:00:00',
        })),
        previous: { deployment_id: 'incumbent', hotkey: 'hotkey-incumbent' },
        min_score: 0,
      },
      1,
    );
    expect(decision.winner?.deployment_id).toBe(vector.expected.winner);
    expectClose(
      Object.fromEntries(decision.ranking.map((entry) => [entry.deployment_id, entry.selection_score])),
      vector.expected.selection_scores,
    );
    const reason = decision.winner_selection;
    // The vector does not tell the two no-incumbent cases apart.
    if (vector.expected.winner_selection === 'first_run_best_score_or_fallback') {
      expect(reason).toBe('fallback_first_run_logic');
    } else {
      expect(reason).toBe(vector.expected.winner_selection);
    }
  });
});

test.each(vectors.response_safety)('response safety %j', ({ input, expected }) => {
  expect(responseSafety(input, 1)).toEqual(expected);
});
