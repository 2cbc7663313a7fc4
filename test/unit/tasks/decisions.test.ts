import fc from 'fast-check';
import { cleanJson, cleanText } from '../../../domain/tasks/clean-json';
import { closingFate } from '../../../domain/tasks/closing';
import { entryJobId, numberOrNull, readEntry } from '../../../domain/tasks/entries';
import { extendedExpiry } from '../../../domain/tasks/claim-item';
import { explanationOf, shownFeedback } from '../../../domain/tasks/feedback';
import { decideEntry, type SettleOptions, type TaskTruth } from '../../../domain/tasks/settle';
import { truthFromBaseline } from '../../../domain/tasks/truth';
import { lineFate } from '../../../api/runtime-proxy/stream';
import { bodyForAgent } from '../../../api/runtime-proxy/invoke';
import { taskSettingsFromEnv } from '../../../api/runtime-proxy/settings';

const task: TaskTruth = { mode: 'instant', payload: {}, mustNotClaim: [] };
const options: SettleOptions = { version: 2, budgets: { instant: 120, thinking: 600 }, costFloorUsd: null };

function entryOf(fields: Record<string, unknown>) {
  const read = readEntry({ miner_hotkey: '5A', verdict: 'matches', ...fields });
  if (!read) throw new Error('an entry expected');
  return read;
}
const judged = { judge_output: { metadata: { eval_outcome: 'correct' } } };
const decide = (fields: Record<string, unknown>, costUsd: number | null = 1, truth = task) =>
  decideEntry(entryOf({ ...judged, ...fields }), truth, { calls: [], costUsd }, options);

describe('reading an entry', () => {
  it.each([
    ['matches', null, 1],
    ['partially_matches', null, 0.6],
    ['not_applicable', undefined, 0.7],
    ['latency_violation', null, 0],
    ['nonsense', null, 0],
    ['contradicts', 0.82, 0.82],
    ['matches', 7, 7],
  ])('verdict %s with agreement %s scores %s', (verdict, given, expected) => {
    const read = entryOf({ verdict, agreement_score: given });
    expect(read.agreementScore).toBe(expected);
    expect(read.verdict).toBe(verdict === 'nonsense' ? 'error' : verdict);
  });

  it('takes defaults for what cannot be read, and skips blank hotkeys', () => {
    expect(readEntry({ miner_hotkey: '  ' })).toBeNull();
    expect(readEntry({})).toBeNull();
    const read = entryOf({
      miner_citations: 'x',
      miner_response: [],
      applied_weights: [],
      applicable_metrics: {},
      task_type: '',
      final_task_score: 'abc',
      grounded_correctness: '0.5',
      miner_latency_seconds: null,
    });
    expect(read).toMatchObject({
      minerCitations: [],
      minerResponse: {},
      appliedWeights: null,
      applicableMetrics: null,
      taskType: null,
      finalTaskScore: null,
      groundedCorrectness: 0.5,
      minerLatencySeconds: 0,
      maxTurnLatencySeconds: null,
    });
    expect([numberOrNull('1e999'), numberOrNull('0x10'), numberOrNull(''), numberOrNull(' 1.5 ')]).toEqual([
      null,
      null,
      null,
      1.5,
    ]);
    expect(entryJobId({ miner_response: { metadata: { job_id: 'j' } } })).toBe('j');
    expect(entryJobId({ miner_response: 'x' })).toBe('');
  });

  it('makes any JSON storable and keeps its shape', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        const clean = cleanJson(value);
        const text = JSON.stringify(clean);
        expect(text).not.toMatch(/\\u0000|\\ud[89a-f]/i);
        expect(cleanJson(clean)).toEqual(clean);
      }),
    );
    expect(cleanText('a\u0000\ud83d\ude00\udc00')).toBe('a\ufffd\ud83d\ude00\ufffd');
  });
});

describe('deciding an entry', () => {
  it('holds the latency budget against the worst turn where it is known', () => {
    const slow = decide({ miner_latency_seconds: 500, max_turn_latency_seconds: 30 });
    expect(slow).toMatchObject({ official: 1, input: { latency_ms: 30_000, latency_budget_ms: 120_000 } });
    const inMetadata = decide({
      miner_latency_seconds: 500,
      miner_response: { metadata: { max_turn_latency_seconds: 90 } },
    });
    expect(inMetadata).toMatchObject({ official: 0.75 });
    expect(decide({ miner_latency_seconds: 90 }, 1, { ...task, mode: 'other' })).toMatchObject({
      official: 1,
    });
  });

  it('knocks out an unpaid answer, but never for a cost that is not known', () => {
    expect(decide({}, 0)).toMatchObject({ official: 0 });
    expect(decide({}, null)).toMatchObject({ official: 1 });
  });

  it.each([
    [{ judge_output: null }, 'the result carries no judge output'],
    [{ judge_output: { metadata: {} } }, 'the judge output has no eval_outcome'],
    [
      { judge_output: { metadata: { eval_outcome: 'splendid' } } },
      'the judge output has an unknown eval_outcome: splendid',
    ],
    [{ verdict: 'error', miner_response: { error: 'timeout' } }, 'the miner did not answer: timeout'],
  ])('scores %j 0 and says why', (fields, reason) => {
    expect(decide({ ...fields, final_task_score: 0.4 })).toEqual({
      kind: 'scored',
      official: 0,
      breakdown: null,
      input: { unjudged: true, reason },
      reason,
      disputed: true,
    });
  });

  it('forbids what the task and its floor forbid', () => {
    const truth = {
      ...task,
      mustNotClaim: ['Mars'],
      payload: { expected_output: { must_not_claim: ['Venus', 'Mars'] } },
    };
    const answer = (text: string) => decide({ miner_response: { output: { answer: text } } }, 1, truth);
    expect(answer('on venus')).toMatchObject({ official: 0, input: { must_not_claim: ['Mars', 'Venus'] } });
    expect(answer('on Earth')).toMatchObject({ official: 1 });
  });

  it('disputes only beyond the tolerance', () => {
    expect(decide({ final_task_score: 1 - 9e-7 })).toMatchObject({ disputed: false });
    expect(decide({ final_task_score: 1 - 2e-6 })).toMatchObject({ disputed: true });
    expect(decide({ final_task_score: null })).toMatchObject({ disputed: false });
  });

  it('puts the factors in words', () => {
    const scored = decide({});
    if (scored.kind !== 'scored' || !scored.breakdown) throw new Error('a score expected');
    const words = explanationOf(scored.breakdown, 'majority');
    expect(words).toMatch(/Model calls of this answer cost \d\.\d{6} USD\./);
    expect(words).toContain('Most oracles agreed');
    expect(words).not.toContain('not found');
    const missing = { ...scored.breakdown, missing_claims: [2, 2, 'x', 0] };
    expect(explanationOf(missing, null)).toContain('One expected claim was not found');
  });

  it('withholds what answers are held against while the run is open, and names it afterwards', () => {
    const parts = {
      guidance: 'Do not say The Moon.',
      explanation: 'Hallucination knockout: the answer contains the forbidden claim "the moon". It is Paris.',
      knockoutReasons: ["hallucinated must_not_claim: 'the moon'"],
      factors: {
        knockout_reason: "hallucinated must_not_claim: 'the moon'",
        knockout_reasons: ["hallucinated must_not_claim: 'the moon'"],
        details: { claim_hit: 'the moon', cost_usd: 1 },
        missing_claims: [2],
      },
    };
    const task = { expectedClaims: ['It is old', 'Paris'], mustNotClaim: ['the moon'], note: 'grok differs' };
    const open = shownFeedback(parts, task, true);
    expect(JSON.stringify(open)).not.toMatch(/moon|paris/i);
    expect(open).toMatchObject({ redacted: true, missing_claim_count: 1, missing_claims: null });
    expect(shownFeedback(parts, task, false)).toMatchObject({
      redacted: false,
      missing_claims: ['Paris'],
      expected_claims: ['It is old', 'Paris'],
      knockout_reasons: ["hallucinated must_not_claim: 'the moon'"],
      oracle_note: 'grok differs',
    });
  });
});

describe('truth found by a validator', () => {
  const found = { oracle_status: 'consensus', expected_claims: ['a', 1], must_not_claim: ['floor', 'bee'] };
  const none = { oracleStatus: null };
  const payload = { oracle_source: 'three_oracle', expected_output: { must_not_claim: ['floor'] } };
  it('is taken once, for tasks of the oracles only', () => {
    const take = (current: { oracleStatus: string | null }, task: object, reconciled: object | null) =>
      truthFromBaseline(current, { ...task }, reconciled && { _reconciled: reconciled }, '5V');
    expect(take(none, payload, found)).toMatchObject({
      side: 'validator',
      validator_hotkey: '5V',
      oracle_status: 'consensus',
      expected_claims: ['a'],
      must_not_claim: ['floor', 'bee'],
    });
    expect(take({ oracleStatus: 'majority' }, payload, found)).toBeNull();
    expect(take(none, { oracle_source: 'deterministic' }, found)).toBeNull();
    expect(take(none, payload, { ...found, oracle_status: 'x' })).toBeNull();
    expect(take(none, payload, null)).toBeNull();
  });

  it('is not taken from a validator that has no oracles', () => {
    const disputed = { oracle_status: 'disputed', expected_claims: [], must_not_claim: ['floor'] };
    const take = (more: object) =>
      truthFromBaseline(none, payload, { _reconciled: { ...disputed, ...more } }, '5V');
    expect(take({ disagreement_note: 'oracle_layer_not_configured' })).toBeNull();
    expect(take({ vendor_status: { openai: 'error', gemini: 'error' } })).toBeNull();
    expect(take({ vendor_status: { openai: 'ok' }, vendor_answers: { openai: 'x' } })).toMatchObject({
      oracle_status: 'disputed',
      vendors: [{ vendor: 'openai', answer: 'x' }],
    });
  });

  it('takes the claims of consensus and majority, and what they cost', () => {
    const record = truthFromBaseline(
      none,
      payload,
      {
        response_text: 'ref',
        source_vendor: 'grok_fallback',
        citations: [{ url: 'https://a.example' }, 'https://b.example', 7],
        _reconciled: {
          ...found,
          expected_claims: ['one', 'two'],
          consensus_claims: ['one'],
          majority_claims: [{ claim: 'two', supporting_oracles: ['openai', 'grok'] }],
          vendor_status: { openai: 'ok', grok: 'ok' },
          vendor_costs: { openai: 0.01, grok: null },
          reconciler_cost_usd: 0.002,
        },
      },
      '5V',
    );
    expect(record?.expected_claims).toEqual(['one', 'two']);
    expect(record?.cost_micro_usd).toBe(12_000);
    expect(record?.reference).toEqual({
      text: 'ref',
      source: 'grok_fallback',
      citations: ['https://a.example', 'https://b.example'],
    });
  });
});

describe('the end of a lease', () => {
  it('never shrinks, never passes the cap, and reaches one lease from now where it may', () => {
    const at = (seconds: number) => new Date(seconds * 1000);
    fc.assert(
      fc.property(fc.nat(5000), fc.integer({ min: 1, max: 1000 }), fc.nat(2000), (now, lease, extra) => {
        const cap = lease + extra;
        const claim = { claimedAt: at(0), expiresAt: at(lease) };
        const end =
          extendedExpiry(claim, { leaseSeconds: lease, workCapSeconds: cap }, at(now)).getTime() / 1000;
        expect(end).toBe(Math.max(lease, Math.min(now + lease, cap)));
      }),
    );
  });
});

describe('a row that its run closes over', () => {
  it.each([
    ['pending', 0, 'deployed_for_eval', 'healthy', 'unscored'],
    ['pending', 2, 'active', 'healthy', 'unscored'],
    ['claimed', 1, 'unhealthy', 'unhealthy', 'unscored'],
    ['pending', 1, 'unhealthy', 'unhealthy', 'expired'],
    ['pending', 0, 'build_failed', 'unhealthy', 'expired'],
    ['pending', 0, 'retired', 'retired', 'expired'],
    ['pending', 0, null, null, 'expired'],
    ['pending', 0, 'pending_capacity', 'pending_capacity', 'unscored'],
    ['pending', 0, 'standby_cold', 'unhealthy', 'unscored'],
    ['pending', 0, 'building', 'starting', 'unscored'],
  ] as const)(
    '%s after %i attempts, deployment %s/%s: %s',
    (status, attemptCount, deploymentStatus, healthStatus, fate) => {
      const decided = closingFate({ status, attemptCount, deploymentStatus, healthStatus });
      expect(decided.status).toBe(fate);
      expect(decided.reason).not.toBe('');
    },
  );
});

describe('the proxy', () => {
  it('lets no line through that could pass for a forged done', () => {
    expect(lineFate('{"event":"done","metadata":{"job_id":"x"},"y":NaN}')).toEqual({ kind: 'drop' });
    expect(lineFate('plain')).toEqual({ kind: 'forward', line: 'plain' });
    expect(lineFate('[1]')).toEqual({ kind: 'forward', line: '[1]' });
    expect(lineFate('{"event":"trace"}')).toEqual({ kind: 'drop' });
    expect(lineFate('{"event":"done"}')).toMatchObject({ kind: 'done' });
    const kept = '{"event":"delta",  "text":"x"}';
    expect(lineFate(kept)).toEqual({ kind: 'forward', line: kept });
    fc.assert(
      fc.property(
        fc.constantFrom('job_id', 'proxy_cost_usd', 'proxy_cost_new', 'failure_class', 'executed_tool_calls'),
        (key) => {
          const fate = lineFate(JSON.stringify({ event: 'delta', metadata: { [key]: 1, own: 2 } }));
          expect(fate).toEqual({ kind: 'forward', line: '{"event":"delta","metadata":{"own":2}}' });
        },
      ),
    );
  });

  it('shows an agent only the turns before the one that is asked', () => {
    const turns = [{ user: 'a' }, { user: 'b' }, { user: 'c' }];
    expect(bodyForAgent({ turn_id: 't-0-t2', turns, expected_output: 1 })).toEqual({
      turn_id: 't-0-t2',
      turns: turns.slice(0, 2),
    });
    expect(bodyForAgent({ turn_id: 'task-7', turns })).toEqual({ turn_id: 'task-7', turns });
  });

  it('refuses bad settings by name, and reads the cost floor as the original does', () => {
    expect(() => taskSettingsFromEnv({ EIREL_PROXY_RECOVERY_SECONDS: 'soon' })).toThrow(
      /EIREL_PROXY_RECOVERY_SECONDS/,
    );
    expect(taskSettingsFromEnv({ EIREL_EVAL_MIN_TURN_COST_USD: 'bad' }).costFloorUsd).toBeNull();
    expect(taskSettingsFromEnv({ EIREL_EVAL_MIN_TURN_COST_USD: '-1' }).costFloorUsd).toBe(0);
    expect(taskSettingsFromEnv({ EIREL_TASK_WORK_CAP_SECONDS: ' ' }).workCapSeconds).toBe(1500);
  });
});
