import fc from 'fast-check';
import {
  compositeRequestSchema,
  evalRequestSchema,
  multiRequestSchema,
  pairwiseRequestSchema,
  type EvalResponse,
  type MultiResponse,
  type PairwiseResponse,
} from '../../../domain/contracts/judge';
import {
  attestingTools,
  compositeRequest,
  evalRequest,
  judgementCost,
  multiRequest,
  NO_EXPECTED_ANSWER,
  pairwiseDisagrees,
  pairwisePositions,
  pairwiseRequest,
  pairwiseScore,
  type Position,
} from '../../../domain/validator/judging';
import { judgingTruth } from '../../../domain/validator/task';
import { claimed } from './fixtures';

const multi: MultiResponse = {
  grounded_correctness: { score: 0.9, rationale: 'r' },
  retrieval_quality: null,
  instruction_safety: { score: 1, rationale: 'r' },
  cost_usd: 0.002,
};
const evaluation: EvalResponse = { outcome: 'correct', failure_mode: null, guidance: '', cost_usd: 0.003 };
const said = (winner: 'A' | 'B' | 'tie', cost?: number): PairwiseResponse => ({
  winner,
  confidence: 0.5,
  reason: winner,
  cost_usd: cost ?? null,
});

function input(task = claimed()) {
  return {
    payload: task.task_payload,
    truth: judgingTruth(task),
    answer: 'It is 330 metres.',
    citationUrls: ['http://a'],
  };
}

describe('the truth a task is judged against', () => {
  it('takes the owner settled claims before the gold answer', () => {
    const truth = judgingTruth(
      claimed(
        { expected_claims: ['330 m', 'in Paris'], must_not_claim: ['it moves'], oracle_status: 'majority' },
        { oracle_source: 'three_oracle' },
      ),
    );
    expect(truth).toMatchObject({
      expectedClaims: ['330 m', 'in Paris'],
      gold: '330 metres',
      mustNotClaim: ['it is 12 metres', 'it moves'],
      floorMustNotClaim: ['it is 12 metres'],
      requiredTool: 'web_search',
      oracleStatus: 'majority',
      referenceText: '330 m',
      referenceSource: 'consensus_claim',
    });
  });

  it('compares with the cached baseline, else the first claim, else the gold answer, else nothing', () => {
    const cached = { response_text: 'about 330 m', source_vendor: 'openai', citations: [] };
    expect(judgingTruth(claimed({ cached_baseline: cached, expected_claims: ['x'] }))).toMatchObject({
      referenceText: 'about 330 m',
      referenceSource: 'openai',
    });
    expect(judgingTruth(claimed({ expected_claims: ['x'] })).referenceText).toBe('x');
    expect(judgingTruth(claimed())).toMatchObject({
      referenceText: '330 metres',
      referenceSource: 'deterministic',
      expectedClaims: ['330 metres'],
      oracleStatus: 'deterministic',
    });
    expect(judgingTruth(claimed({}, { expected_output: {} }))).toMatchObject({
      referenceText: '',
      referenceSource: 'none',
      expectedClaims: [],
      requiredTool: null,
    });
  });

  it('treats a three-oracle task without a status as disputed', () => {
    expect(judgingTruth(claimed({}, { oracle_source: 'three_oracle' })).oracleStatus).toBe('disputed');
  });
});

describe('requests to the judge', () => {
  it('pairwise puts the miner where it was told, against the reference', () => {
    const request = pairwiseRequest(input(), 'B');
    expect(request).toEqual({
      bundle: {
        question: 'How tall is the tower?',
        constraints: 'it is 12 metres',
        answers: ['330 metres', 'It is 330 metres.'],
      },
      expected_answer: '330 metres',
    });
    expect(pairwiseRequest(input(), 'A').bundle.answers).toEqual(['It is 330 metres.', '330 metres']);
    expect(pairwiseRequestSchema.safeParse(request).success).toBe(true);
  });

  it('multi asks for the dimensions of the task type, with the raw gold answer', () => {
    const web = multiRequest(input(claimed({ expected_claims: ['settled'] })));
    expect(web).toMatchObject({
      expected_answer: '330 metres',
      candidate_citations: ['http://a'],
      applicable_metrics: ['grounded_correctness', 'retrieval_quality', 'instruction_safety'],
    });
    const plain = multiRequest(input(claimed({}, { category: 'abstention_probe', expected_output: {} })));
    expect(plain.applicable_metrics).toEqual(['grounded_correctness', 'instruction_safety']);
    expect(plain).not.toHaveProperty('expected_answer');
    expect(multiRequestSchema.safeParse(web).success).toBe(true);
  });

  it('eval gets all claims, all forbidden claims and the required tool', () => {
    const task = claimed({ expected_claims: ['a', 'b'], must_not_claim: ['c'], oracle_status: 'consensus' });
    const request = evalRequest(input(task));
    expect(request).toMatchObject({
      expected_answer: 'a\nb',
      must_not_claim: ['it is 12 metres', 'c'],
      required_tool: 'web_search',
      oracle_source: 'three_oracle',
    });
    expect(evalRequestSchema.safeParse(request).success).toBe(true);
    expect(evalRequest(input(claimed({}, { expected_output: {} })))).toMatchObject({
      expected_answer: NO_EXPECTED_ANSWER,
      oracle_source: 'deterministic',
    });
  });

  it('composite scores the worst turn and leaves an unknown cost unknown', () => {
    const measured = {
      maxTurnSeconds: 1.2349,
      costUsd: null,
      latencyBudgetSeconds: 120,
      ledgerTools: ['web_search'],
    };
    const request = compositeRequest(input(), measured, { pairwise: 0.5, multi, evaluation }, 2);
    expect(request).toMatchObject({
      outcome: 'correct',
      latency_ms: 1234,
      latency_budget_ms: 120_000,
      cost_usd: null,
      grounded_correctness_score: 0.9,
      instruction_safety_score: 1,
      pairwise_preference_score: 0.5,
      scoring_version: 2,
      required_tool: 'web_search',
    });
    expect(request).not.toHaveProperty('cost_budget_usd');
    expect(request).not.toHaveProperty('cost_floor_usd');
    expect(compositeRequestSchema.safeParse(request).success).toBe(true);
  });
});

describe('pairwise preference', () => {
  it('judges both orders under version 2 and one under version 1', () => {
    expect(pairwisePositions(2, 'B')).toEqual(['A', 'B']);
    expect(pairwisePositions(1, 'B')).toEqual(['B']);
  });

  it('gives a judge that always picks one place exactly a half', () => {
    const winners = fc.constantFrom('A' as const, 'B' as const);
    fc.assert(
      fc.property(winners, (winner) => {
        const calls = (['A', 'B'] as Position[]).map((position) => ({ position, response: said(winner) }));
        expect(pairwiseScore(calls)).toBe(0.5);
        expect(pairwiseDisagrees(calls)).toBe(true);
      }),
    );
  });

  it('is 1 for a win, 0 for a loss, a half for a tie', () => {
    expect(
      pairwiseScore([
        { position: 'A', response: said('A') },
        { position: 'B', response: said('B') },
      ]),
    ).toBe(1);
    expect(pairwiseScore([{ position: 'A', response: said('B') }])).toBe(0);
    expect(pairwiseScore([{ position: 'B', response: said('tie') }])).toBe(0.5);
    expect(
      pairwiseScore([
        { position: 'A', response: said('A') },
        { position: 'B', response: said('tie') },
      ]),
    ).toBe(0.75);
    expect(() => pairwiseScore([])).toThrow(RangeError);
  });

  it('sums the costs that are known', () => {
    const calls = [
      { position: 'A' as const, response: said('A', 0.001) },
      { position: 'B' as const, response: said('B') },
    ];
    expect(judgementCost({ pairwiseCalls: calls, multi, evaluation })).toBeCloseTo(0.006, 12);
    const unknown = {
      pairwiseCalls: [{ position: 'A' as const, response: said('A') }],
      multi: { ...multi, cost_usd: null },
      evaluation: { ...evaluation, cost_usd: null },
    };
    expect(judgementCost(unknown)).toBeNull();
  });
});

describe('attesting tools', () => {
  const calls = [
    { tool_name: 'web_search', status: 'error' },
    { tool_name: 'url_fetch', status: 'ok' },
    { tool_name: 'url_fetch', status: 'ok' },
    { tool_name: 'rag.retrieve' },
  ];
  it('counts failed calls under version 1 only', () => {
    expect(attestingTools(calls, 1)).toEqual(['rag.retrieve', 'url_fetch', 'web_search']);
    expect(attestingTools(calls, 2)).toEqual(['rag.retrieve', 'url_fetch']);
  });
});
