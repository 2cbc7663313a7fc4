import * as fc from 'fast-check';
import {
  agentInvocationRequestSchema,
  agentInvocationResponseSchema,
  answerText,
  nestingDepth,
  parseStreamLine,
  stripReservedMetadata,
} from '../../../domain/contracts/invocation';

const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) });
const accepts = (extra: object) => agentInvocationRequestSchema.safeParse({ prompt: 'p', ...extra }).success;

describe('AgentInvocationRequest', () => {
  it('fills its defaults and drops what it does not know', () => {
    const request = agentInvocationRequestSchema.parse({ prompt: 'p', surprise: 1 });
    expect(request).not.toHaveProperty('surprise');
    expect(request).toMatchObject({
      history: [],
      inputs: {},
      metadata: {},
      constraints: { sync_mode: true, quality_tier: 'standard', modalities_allowed: ['text'] },
    });
  });

  it.each<[string, object, boolean]>([
    ['an empty prompt', { prompt: '' }, false],
    ['metadata 8 deep', { metadata: nested(8) }, true],
    ['metadata 9 deep', { metadata: nested(9) }, false],
    ['inputs 9 deep by lists', { inputs: { a: [[[[[[[[1]]]]]]]] } }, false],
    ['100 history entries', { history: Array(100).fill({ role: 'user', content: 'c' }) }, true],
    ['101 history entries', { history: Array(101).fill({ role: 'user', content: 'c' }) }, false],
    ['content of 32768 bytes', { history: [{ role: 'tool', content: '\u00e9'.repeat(16_384) }] }, true],
    ['content of 32770 bytes', { history: [{ role: 'tool', content: '\u00e9'.repeat(16_385) }] }, false],
    ['an unknown role', { history: [{ role: 'judge', content: 'c' }] }, false],
    ['a turn of 10000 characters', { turns: [{ user: '\u{1f600}'.repeat(10_000) }] }, true],
    ['a turn of 10001 characters', { turns: [{ user: 'x'.repeat(10_001) }] }, false],
    ['a turn with an extra key', { turns: [{ user: 'x', score: 1 }] }, false],
    ['a turn without words', { turns: [{ user: '' }] }, false],
    ['turns null', { turns: null, mode: null, web_search: null }, true],
    ['an unknown mode', { mode: 'dreaming' }, false],
    ['no latency at all', { constraints: { max_latency_ms: 0 } }, false],
  ])('%s', (_what, extra, good) => {
    expect(accepts(extra)).toBe(good);
  });
});

describe('nestingDepth', () => {
  it('counts objects and lists, and stops at its limit', () => {
    expect([1, null, {}, { a: [] }, [[[]]]].map((value) => nestingDepth(value))).toEqual([0, 0, 1, 2, 3]);
    fc.assert(
      fc.property(fc.nat(40), (depth) => expect(nestingDepth(nested(depth))).toBe(Math.min(depth, 9))),
    );
  });
});

describe('AgentInvocationResponse', () => {
  it('is completed unless it says otherwise', () => {
    expect(agentInvocationResponseSchema.parse({ output: { answer: 'a' } })).toMatchObject({
      status: 'completed',
      citations: [],
      latency_ms: 0,
    });
    expect(agentInvocationResponseSchema.safeParse({ reliability_score: 1.1 }).success).toBe(false);
  });
});

describe('parseStreamLine', () => {
  it.each<[string, unknown]>([
    ['{"event":"delta","text":"a"}', { event: 'delta', text: 'a' }],
    [' {"event":"citation","citation":{"url":"u"}} ', { event: 'citation', citation: { url: 'u' } }],
    ['{"event":"done"}', { event: 'done', status: 'completed' }],
    ['{"event":"done","status":"splendid"}', { event: 'done', status: 'failed' }],
    [
      '{"event":"done","output":"x","citations":7}',
      { event: 'done', status: 'completed', output: null, citations: null },
    ],
    ['', null],
    ['not json', null],
    ['{"event":"unheard"}', null],
    ['{"event":"delta"}', null],
    ['[]', null],
  ])('%s', (line, event) => {
    expect(parseStreamLine(line)).toEqual(event);
  });
});

describe('stripReservedMetadata', () => {
  it('takes what only the owner may say and leaves the rest, without touching its argument', () => {
    const said = { proxy_cost_usd: 1, proxy_cost_new: 1, job_id: 'j', executed_tool_calls: [], mood: 'good' };
    const copy = { ...said };
    expect(stripReservedMetadata(said)).toEqual({ mood: 'good' });
    expect(said).toEqual(copy);
  });
});

describe('answerText', () => {
  it.each<[Record<string, unknown>, string]>([
    [{ output: { answer: 'a', text: 'b' } }, 'a'],
    [{ output: { answer: '', text: 'b' } }, 'b'],
    [{ output: { response: 'r' } }, 'r'],
    [{ output: { content: [{ type: 'text', text: 'one' }, { type: 'image' }, 'two'] } }, 'one\n\ntwo'],
    [{ output: 'plain' }, 'plain'],
    [{ output_text: 'beside' }, 'beside'],
    [{ output: { score: 1 }, metadata: { answer: 'no' } }, ''],
    [{}, ''],
  ])('of %j is %p', (response, text) => {
    expect(answerText(response)).toBe(text);
  });
});
