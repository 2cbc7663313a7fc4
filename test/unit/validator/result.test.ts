import { failedResult, judgedResult, resultBody, type MinerResponse } from '../../../domain/validator/result';
import { claimedTaskSchema, judgingTruth } from '../../../domain/validator/task';
import { claimed } from './fixtures';

const response: MinerResponse = {
  task_id: 'tower',
  family_id: 'general_chat',
  status: 'completed',
  output: { answer: 'It is 330 metres.' },
  citations: ['http://a'],
  tool_calls: [{ tool: 'web_search' }],
  metadata: { job_id: 'job-1' },
  error: null,
  turns: [],
};
const timing = { totalSeconds: 3, maxTurnSeconds: 2, costUsd: 0.001 };
const measured = {
  maxTurnSeconds: 2,
  costUsd: 0.001,
  latencyBudgetSeconds: 120,
  ledgerTools: ['web_search'],
};
const judgement = {
  pairwiseCalls: [
    {
      position: 'A' as const,
      response: { winner: 'A' as const, confidence: 0.8, reason: 'better', cost_usd: 0.001 },
    },
    {
      position: 'B' as const,
      response: { winner: 'tie' as const, confidence: 0.6, reason: 'equal', cost_usd: null },
    },
  ],
  multi: {
    grounded_correctness: { score: 0.9, rationale: 'r' },
    retrieval_quality: { score: 0.7, rationale: 'r' },
    instruction_safety: { score: 1, rationale: 'r' },
    cost_usd: 0.002,
  },
  evaluation: {
    outcome: 'correct' as const,
    failure_mode: null,
    guidance: 'name the source',
    cost_usd: null,
  },
  composite: {
    composite: 1,
    outcome_score: 1,
    tool_attestation_factor: 1,
    efficiency_factor: 1,
    hallucination_knockout: 1,
    cost_attestation_knockout: 1,
    grounded_correctness_gate: 1,
    instruction_safety_gate: 1,
    safety_attestation_knockout: 1,
    pairwise_bonus: 0.05,
    knockout_reason: null,
  },
  seconds: 1.5,
};

function judged(over: Partial<typeof timing> = {}) {
  const task = claimed();
  const own = { ...timing, ...over };
  return judgedResult(task, judgingTruth(task), {
    hotkey: '5miner',
    response,
    citations: [{ url: 'http://a' }],
    answer: 'It is 330 metres.',
    timing: own,
    measured: { ...measured, maxTurnSeconds: own.maxTurnSeconds },
    judgement,
  });
}

describe('entry of a judged miner', () => {
  it('has the fields and the judge output of the contract', () => {
    const entry = judged();
    expect(entry).toMatchObject({
      miner_hotkey: '5miner',
      verdict: 'partially_matches',
      agreement_score: 0.75,
      miner_latency_seconds: 3,
      max_turn_latency_seconds: 2,
      latency_seconds: 1.5,
      proxy_cost_usd: 0.001,
      task_type: 'web_required',
      pairwise_preference_score: 0.75,
      grounded_correctness: 0.9,
      retrieval_quality: 0.7,
      instruction_safety: 1,
      tool_routing: 1,
      computation_correctness: 1,
      final_task_score: 1,
      composite_score: 1,
      eval_outcome: 'correct',
      oracle_status: 'deterministic',
    });
    expect(entry.judge_cost_usd).toBeCloseTo(0.003, 12);
    expect(Object.keys(entry.judge_output?.metadata as object).sort()).toEqual(
      [
        'applicable_metrics',
        'applied_weights',
        'category_scores',
        'composite_knockout_reason',
        'composite_score',
        'confidence',
        'eval_failure_mode',
        'eval_guidance',
        'eval_knockout_reasons',
        'eval_missing_claims',
        'eval_outcome',
        'eval_prompt_excerpt',
        'eval_response_excerpt',
        'final_task_score',
        'ledger_tools',
        'miner_position',
        'multi_judge_response',
        'oracle_disagreement_note',
        'oracle_status',
        'pairwise_calls',
        'pairwise_preference_score',
        'reason',
        'task_type',
        'vendor_citations',
        'vendor_status',
        'weighted_sum_score',
        'winner',
      ].sort(),
    );
    expect(entry.judge_output).toMatchObject({
      swap_applied: true,
      model: 'eiretes_pairwise_judge',
      rubric_name: 'pairwise_v1',
    });
  });

  it('is a latency violation when one turn was over budget, with its composite kept', () => {
    const entry = judged({ maxTurnSeconds: 121 });
    expect(entry).toMatchObject({ verdict: 'latency_violation', agreement_score: 0, final_task_score: 1 });
  });
});

describe('entry of a failed miner', () => {
  it('is a zero with its reason and without a judgement', () => {
    const entry = failedResult('5miner', 'no answer within 120 s', timing, null, {
      taskId: 'tower',
      familyId: 'general_chat',
      category: 'live_lookup',
      oracleStatus: 'deterministic',
    });
    expect(entry).toMatchObject({
      verdict: 'error',
      agreement_score: 0,
      judge_output: null,
      failure_reason: 'no answer within 120 s',
      miner_response: { status: 'failed', error: 'no answer within 120 s' },
    });
    expect(entry).not.toHaveProperty('final_task_score');
  });
});

describe('body of a result', () => {
  it('carries the lease number, the baseline, the results and who was left out', () => {
    const task = claimed({ expected_claims: ['330 m'], oracle_status: 'consensus' });
    const body = resultBody({
      task,
      truth: judgingTruth(task),
      results: [judged()],
      released: [{ miner_hotkey: '5other', reason: 'the owner was away' }],
      validatorHotkey: '5val',
      judgeModel: 'm',
    });
    expect(body).toMatchObject({
      fencing: 7,
      validator_hotkey: '5val',
      judge_model: 'm',
      oracle_cost_usd: 0,
      released_miners: [{ miner_hotkey: '5other', reason: 'the owner was away' }],
      baseline_response: {
        response_text: '330 m',
        source_vendor: 'consensus_claim',
        cost_usd: 0,
        latency_seconds: 0,
        _reconciled: { oracle_status: 'consensus' },
      },
    });
  });

  it('names no lease where the owner gave none', () => {
    const task = claimed({ fencing: undefined });
    const body = resultBody({
      task,
      truth: judgingTruth(task),
      results: [],
      released: [],
      validatorHotkey: 'v',
      judgeModel: 'm',
    });
    expect(body).not.toHaveProperty('fencing');
  });
});

describe('a claim as it comes over the wire', () => {
  it('refuses an endpoint that is no http address and a lease end that is no time', () => {
    const wire = { ...claimed(), claim_expires_at: '2026-11-23T12:30:55' };
    expect(claimedTaskSchema.safeParse(wire).success).toBe(true);
    expect(claimedTaskSchema.safeParse({ ...wire, claim_expires_at: 'soon' }).success).toBe(false);
    expect(
      claimedTaskSchema.safeParse({ ...wire, miners: [{ hotkey: 'x', endpoint: 'file:///etc/passwd' }] })
        .success,
    ).toBe(false);
  });
});
