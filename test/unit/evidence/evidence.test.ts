import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  forbiddenClaims,
  goldAnswer,
  parseBundle,
  requiredTool,
  taskMode,
} from '../../../domain/contracts/dataset';
import {
  canonicalJson,
  computeResult,
  computeRun,
  EvidenceError,
  evidenceDigest,
  parseEvidence,
  recomputeRun,
  RunFactsSchema,
} from '../../../domain/evidence';
import type { JudgmentFacts, ResultFacts, RunEvidence, RunFacts } from '../../../domain/evidence';
import {
  commitment,
  deriveSeed,
  freezeBundle,
  poolIndex,
  sampleMatrix,
  samplerPromise,
} from '../../../domain/sampling';
import { OUTCOMES } from '../../../domain/scoring';
import type {
  CompositeBreakdown,
  MinerAggregate,
  ScoringVersion,
  WeightTable,
  WinnerDecision,
} from '../../../domain/scoring';

const path = join(__dirname, '../../../demo/dataset/general_chat.json');
const bundle = parseBundle(JSON.parse(readFileSync(path, 'utf8')), 'general_chat', path);
const seed = deriveSeed('general_chat', 4, 'a secret of the owner');
const sample = sampleMatrix({ pool: bundle.tasks, size: 12, seedHex: seed });
const index = poolIndex(bundle.tasks);
const promise = samplerPromise(sample, index, commitment(seed));
const frozen = freezeBundle(bundle, sample.tasks, 'run-4', promise);
const MINERS = ['miner-a', 'miner-b', 'miner-c'];
const BUDGETS = { instant: 120_000, thinking: 600_000 };

/** What varies from answer to answer. */
interface Draw {
  kind: 'answer' | 'failure' | 'none' | 'unscored';
  outcome: (typeof OUTCOMES)[number];
  latency_ms: number;
  cost_usd: number | null;
  grounded: number | null;
  pairwise: number;
  off: number;
}

const drawArbitrary: fc.Arbitrary<Draw> = fc.record({
  kind: fc.constantFrom<Draw['kind']>('answer', 'answer', 'answer', 'failure', 'none', 'unscored'),
  outcome: fc.constantFrom(...OUTCOMES),
  latency_ms: fc.nat(200_000),
  cost_usd: fc.option(fc.double({ min: 0, max: 0.1, noNaN: true }), { nil: null }),
  grounded: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: null }),
  pairwise: fc.constantFrom(0, 0.25, 0.5, 1),
  off: fc.constantFrom(0, 0.000002),
});

function factsOf(draws: readonly Draw[], scoring_version: ScoringVersion, quorum = 1): RunFacts {
  const results = MINERS.flatMap((hotkey, m) =>
    frozen.tasks.map((task, t): ResultFacts => {
      const draw = draws[(m * frozen.tasks.length + t) % draws.length] as Draw;
      const judgment = (validator: number): JudgmentFacts => ({
        validator_hotkey: `validator-${validator}`,
        fencing: 10 + validator,
        job_id: `job-${m}-${t}-${validator}`,
        input:
          draw.kind === 'failure'
            ? null
            : {
                outcome: draw.outcome,
                failure_mode: null,
                candidate_response: `${goldAnswer(task)}`,
                must_not_claim: forbiddenClaims(task),
                required_tool: requiredTool(task),
                ledger_calls: [{ tool_name: 'web_search', status: 'ok' }],
                latency_ms: draw.latency_ms + validator,
                cost_usd: draw.cost_usd,
                latency_budget_ms: BUDGETS[taskMode(task)],
                grounded_correctness_score: draw.grounded,
                instruction_safety_score: 1,
                pairwise_preference_score: draw.pairwise,
              },
        failure_reason: draw.kind === 'failure' ? 'timeout' : null,
        miner_latency_seconds: draw.latency_ms / 1000,
        judge_cost_usd: 0.001,
        guidance: null,
        validator_composite: draw.off,
      });
      return {
        miner_hotkey: hotkey,
        deployment_id: `deployment-${hotkey}`,
        task_id: task.task_id,
        status: draw.kind === 'unscored' ? 'unscored' : 'scored',
        reason: draw.kind === 'unscored' ? 'the judge was down' : null,
        judgments: draw.kind === 'none' ? [] : Array.from({ length: quorum }, (_, v) => judgment(v)),
      };
    }),
  );
  return {
    run: {
      run_id: 'run-4',
      sequence: 4,
      scoring_version,
      quorum,
      started_at: '2025-01-31T12:00:00',
      ends_at: '2025-02-03T12:00:00',
      closed_at: '2025-02-03T12:00:00.250000',
      judge_model: 'local-rubric-judge',
      latency_budgets_ms: BUDGETS,
    },
    families: [
      {
        family_id: 'general_chat',
        benchmark_version: 'general_chat_v1',
        rubric_version: 'general_chat_rubric_v1',
        family_weight: 0.8,
        min_score: 0.01,
        previous_winner: { deployment_id: 'deployment-miner-b', hotkey: 'miner-b' },
        sampler: { ...promise, seed, pool: index, task_ids: sample.task_ids },
        members: MINERS.map((hotkey, uid) => ({
          hotkey,
          uid,
          deployment_id: `deployment-${hotkey}`,
          submission_id: `submission-${hotkey}`,
          archive_sha256: null,
          submitted_at: `2025-01-3${uid}T12:00:00`,
          deployed_at: '2025-01-31T12:00:00',
        })),
        tasks: frozen.tasks.map((task, task_index) => ({
          task_id: task.task_id,
          task_index,
          payload: task,
          expected_claims: [goldAnswer(task) ?? ''],
          must_not_claim: forbiddenClaims(task),
          oracle_status: 'deterministic',
          disagreement_note: null,
        })),
        results,
      },
    ],
  };
}

/** As a stranger gets it: published, downloaded, parsed. */
const published = (facts: RunFacts): RunEvidence =>
  parseEvidence(JSON.parse(canonicalJson(computeRun(facts))));
const GOOD: Draw = {
  kind: 'answer',
  outcome: 'correct',
  latency_ms: 90_000,
  cost_usd: 0.01,
  grounded: 0.9,
  pairwise: 0.25,
  off: 0,
};
const draws = fc.array(drawArbitrary, { minLength: 1, maxLength: 36 });
const version = fc.constantFrom<ScoringVersion>(1, 2);

/** Every number below a node, as [holder, key, path]. */
function numbersIn(node: unknown, at: string): [Record<string, number>, string, string][] {
  if (node === null || typeof node !== 'object') return [];
  return Object.entries(node).flatMap(([key, value]) => {
    const here = Array.isArray(node) ? `${at}[${key}]` : `${at}.${key}`;
    return typeof value === 'number'
      ? [[node as Record<string, number>, key, here] as const]
      : numbersIn(value, here);
  }) as [Record<string, number>, string, string][];
}

/** The numbers that were computed, not recorded. */
function computedNumbers(evidence: RunEvidence): [Record<string, number>, string, string][] {
  const family = evidence.families[0]!;
  const judgments = family.results.flatMap((result, r) =>
    result.judgments.flatMap((judgment, j) => {
      const at = `families[0].results[${r}].judgments[${j}]`;
      const own = { composite: judgment.composite, agreement_score: judgment.agreement_score };
      return [
        ...numbersIn(judgment.breakdown, `${at}.breakdown`),
        ...Object.keys(own).map(
          (key) => [judgment as unknown as Record<string, number>, key, `${at}.${key}`] as const,
        ),
      ];
    }),
  );
  const results = family.results.flatMap((result, r) =>
    result.official_composite === null
      ? []
      : [
          [
            result as unknown as Record<string, number>,
            'official_composite',
            `families[0].results[${r}].official_composite`,
          ] as const,
        ],
  );
  return [
    ...judgments,
    ...results,
    ...numbersIn(family.aggregates, 'families[0].aggregates'),
    ...numbersIn(family.winner, 'families[0].winner'),
    ...numbersIn(evidence.weights, 'weights'),
  ] as [Record<string, number>, string, string][];
}

test('property: honest evidence has no difference, whatever happened in the run', () => {
  fc.assert(
    fc.property(draws, version, fc.constantFrom(1, 2, 3), (drawn, v, quorum) => {
      expect(recomputeRun(published(factsOf(drawn, v, quorum))).differences).toEqual([]);
    }),
    { numRuns: 25 },
  );
});

test('property: any tampered number among the computed ones is found, at its path', () => {
  fc.assert(
    fc.property(draws, version, fc.nat(), fc.constantFrom(1e-6, 0.05, 1, -1), (drawn, v, pick, change) => {
      const evidence = published(factsOf(drawn, v));
      const numbers = computedNumbers(evidence);
      const [holder, key, at] = numbers[pick % numbers.length]!;
      const honest = holder[key]!;
      holder[key] = honest + change;
      expect(recomputeRun(evidence).differences).toContainEqual({
        path: at,
        published: honest + change,
        recomputed: honest,
      });
    }),
    { numRuns: 60 },
  );
});

test('a tampered fact shows in what follows from it', () => {
  const facts = factsOf([GOOD], 2);
  const evidence = published(facts);
  const tamper = (change: (copy: RunEvidence) => void): string[] => {
    const copy = structuredClone(evidence);
    change(copy);
    return recomputeRun(copy).differences.map((difference) => difference.path);
  };
  const family = (copy: RunEvidence) => copy.families[0]!;
  expect(tamper((copy) => (family(copy).results[0]!.judgments[0]!.input!.latency_ms = 119_000))).toContain(
    'families[0].results[0].official_composite',
  );
  expect(
    tamper((copy) => (family(copy).results[0]!.judgments[0]!.input!.must_not_claim = ['else'])),
  ).toContain('families[0].results[0].judgments[0].input.must_not_claim[0]');
  expect(
    tamper((copy) => (family(copy).results[0]!.judgments[0]!.input!.required_tool = 'web_search')),
  ).toContain('families[0].results[0].judgments[0].input.required_tool');
  expect(
    tamper((copy) => (family(copy).results[0]!.judgments[0]!.input!.latency_budget_ms = null)),
  ).toContain('families[0].results[0].judgments[0].input.latency_budget_ms');
  expect(tamper((copy) => (family(copy).results[0]!.deployment_id = 'another'))).toContain(
    'families[0].results[0].deployment_id',
  );
  expect(tamper((copy) => family(copy).results.pop())).toContain(
    'families[0].aggregates.miner-c.official_family_score',
  );
  expect(tamper((copy) => (family(copy).min_score = 0.99))).toContain('families[0].winner.winner_selection');
  expect(tamper((copy) => (family(copy).previous_winner = null))).toContain('families[0].winner.previous');
  expect(tamper((copy) => (family(copy).family_weight = 1))).toContain('weights.weights.miner-b');
  expect(tamper((copy) => (family(copy).results[0]!.judgments[0]!.disputed = false))).toEqual([
    'families[0].results[0].judgments[0].disputed',
  ]);
});

test('a draw that does not follow from the promised seed and pool is found', () => {
  const evidence = published(factsOf([GOOD], 2));
  const paths = (
    change: (sampler: NonNullable<RunEvidence['families'][0]['sampler']>, copy: RunEvidence) => void,
  ) => {
    const copy = structuredClone(evidence);
    change(copy.families[0]!.sampler!, copy);
    return recomputeRun(copy).differences.map((difference) => difference.path);
  };
  expect(paths((sampler) => (sampler.seed = deriveSeed('general_chat', 5, 'a secret of the owner')))).toEqual(
    expect.arrayContaining(['families[0].sampler.commitment', 'families[0].sampler.task_ids[0]']),
  );
  expect(paths((sampler) => (sampler.pool[0]!.sha256 = 'f'.repeat(64)))).toContain(
    'families[0].sampler.pool_digest',
  );
  expect(paths((sampler) => sampler.pool.pop())).toEqual(
    expect.arrayContaining(['families[0].sampler.pool_size']),
  );
  expect(paths((sampler) => (sampler.algorithm = 'dice'))).toEqual(['families[0].sampler.algorithm']);
  expect(
    paths((_sampler, copy) => (copy.families[0]!.tasks[0]!.payload.prompt = 'Another question?')),
  ).toEqual(['families[0].tasks[0].payload']);
  expect(paths((_sampler, copy) => (copy.families[0]!.tasks[0]!.task_index = 99))).toContain(
    'families[0].tasks[0]',
  );
});

describe('results', () => {
  const facts = (judgments: Draw['kind'][], status: ResultFacts['status'] = 'scored'): ResultFacts => {
    const parts = judgments.map(
      (kind) => factsOf([{ ...GOOD, kind }], 2).families[0]!.results[0]!.judgments[0]!,
    );
    return {
      miner_hotkey: 'm',
      deployment_id: 'd',
      task_id: 't',
      status,
      reason: null,
      judgments: parts.map((part, i) => ({ ...part, validator_hotkey: `v${i}` })),
    };
  };
  test('nobody judged it: missing, 0', () => {
    expect(computeResult(facts([]), 1, 2)).toMatchObject({
      status: 'missing',
      official_composite: 0,
      verdict: 'error',
    });
  });
  test('fewer judgments than the quorum: unscored, no number', () => {
    expect(computeResult(facts(['answer']), 2, 2)).toMatchObject({
      status: 'unscored',
      official_composite: null,
    });
  });
  test('the owner set it aside: stays unscored whatever was judged', () => {
    expect(computeResult(facts(['answer'], 'unscored'), 1, 2)).toMatchObject({
      status: 'unscored',
      verdict: null,
    });
  });
  test('failing for most validators is missing, for half of them is not', () => {
    expect(computeResult(facts(['failure', 'failure', 'answer']), 3, 2)).toMatchObject({
      status: 'missing',
      official_composite: 0,
    });
    const half = computeResult(facts(['failure', 'answer']), 2, 2);
    expect(half).toMatchObject({ status: 'scored', verdict: 'partially_matches' });
    expect(half.official_composite).toBeGreaterThan(0);
  });
  test('a number of a validator that is off by more than 1e-6 is marked disputed', () => {
    const [judgment] = computeResult(facts(['answer']), 1, 2).judgments;
    expect(judgment).toMatchObject({
      composite: expect.any(Number) as number,
      validator_composite: 0,
      disputed: true,
    });
  });
});

test('evidence that contradicts itself, or is not evidence, is refused with the reason', () => {
  const evidence = published(factsOf([GOOD], 2));
  const stranger = structuredClone(evidence);
  stranger.families[0]!.results[0]!.miner_hotkey = 'nobody';
  expect(() => recomputeRun(stranger)).toThrow(EvidenceError);
  expect(() => recomputeRun(stranger)).toThrow('nobody');
  expect(() => parseEvidence({ ...evidence, extra: 1 })).toThrow(/extra/);
  expect(() => parseEvidence({ ...evidence, schema: 'eirel-evidence/2' })).toThrow(/schema/);
  expect(() => parseEvidence(null)).toThrow('not eirel-evidence/1');
});

test('the digest covers every byte of content and no layout', () => {
  const evidence = published(factsOf([GOOD], 2));
  const again = JSON.parse(JSON.stringify(evidence, null, 2)) as RunEvidence;
  expect(evidenceDigest(again)).toBe(evidenceDigest(evidence));
  again.families[0]!.results[0]!.judgments[0]!.input!.candidate_response += ' ';
  expect(evidenceDigest(again)).not.toBe(evidenceDigest(evidence));
});

test('the contract and the formulas agree on their shapes', () => {
  const facts = factsOf([GOOD], 2);
  expect(RunFactsSchema.parse(facts)).toEqual(facts);
  const family = computeRun(facts).families[0]!;
  const shapes: [CompositeBreakdown | null, MinerAggregate | undefined, WinnerDecision, WeightTable] = [
    family.results[0]!.judgments[0]!.breakdown,
    family.aggregates['miner-a'],
    family.winner,
    computeRun(facts).weights,
  ];
  expect(shapes.every((shape) => shape != null)).toBe(true);
});
