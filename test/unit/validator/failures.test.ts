import { unaryResponse, type TurnResponse } from '../../../domain/validator/answer';
import {
  failureOfCap,
  failureOfEmptyAnswer,
  failureOfResponse,
  failureOfStatus,
} from '../../../domain/validator/failures';

const done = (body: object): TurnResponse => unaryResponse(body) as TurnResponse;

describe('whose fault an HTTP status is', () => {
  it.each([401, 403, 404, 409, 422, 429, 500, 502, 503, 504])('%i speaks of the owner', (status) => {
    expect(failureOfStatus(status, 'some gateway').of).toBe('owner');
  });

  it('is the miner where the owner says that the agent failed', () => {
    expect(failureOfStatus(502, 'runtime invocation failed')).toEqual({
      of: 'miner',
      reason: 'the agent failed (HTTP 502: runtime invocation failed)',
    });
    expect(failureOfStatus(500, 'x', 'miner').of).toBe('miner');
    expect(failureOfStatus(502, 'runtime invocation failed', 'owner').of).toBe('owner');
  });
});

describe('whose fault a response is', () => {
  it('is nobody when it completed', () => {
    expect(failureOfResponse(done({ status: 'completed' }))).toBeNull();
  });

  it('is the owner only where the owner says so', () => {
    const failed = { status: 'failed', error: 'provider proxy is away' };
    expect(failureOfResponse(done({ ...failed, metadata: { failure_class: 'owner' } }))).toEqual({
      of: 'owner',
      reason: 'the invocation ended with status failed: provider proxy is away',
    });
    expect(failureOfResponse(done({ ...failed, metadata: { failure_class: 'miner' } }))?.of).toBe('miner');
    expect(failureOfResponse(done(failed))?.of).toBe('miner');
    expect(failureOfResponse(done({ status: 'deferred' }))?.of).toBe('miner');
  });

  it('is the miner where it completed without a word', () => {
    expect(failureOfEmptyAnswer(done({ output: { answer: '  ' } }))?.of).toBe('miner');
    expect(failureOfEmptyAnswer(done({ output: { score: 3 } }))?.of).toBe('miner');
    expect(failureOfEmptyAnswer(done({ output: { answer: 'yes' } }))).toBeNull();
  });
});

describe('whose fault the cap on all turns is', () => {
  it('is the miner when the running turn alone was late, else ours', () => {
    expect(failureOfCap(120, 120, 1500).of).toBe('miner');
    expect(failureOfCap(119.9, 120, 1500).of).toBe('owner');
  });
});
