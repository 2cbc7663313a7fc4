import type { ClaimedTask } from '../../../domain/validator/task';
import { OraclesAway, settleTruth } from '../../../activities/validator/truth';

const task: ClaimedTask = {
  task_evaluation_id: 'e',
  run_id: 'run-1',
  family_id: 'general_chat',
  task_id: 't',
  task_payload: { prompt: 'What colour is it?', oracle_source: 'three_oracle' },
  miners: [],
  claim_expires_at: new Date(),
};
const journal = { once: <T>(_name: string, act: () => Promise<T>) => act() };
/** Oracles that never settle anything. */
const silent = (_task: ClaimedTask, signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
const settle = (signal: AbortSignal, workDeadline: () => number) =>
  settleTruth({ task, lease: { signal, workDeadline }, journal, enrich: silent, validatorHotkey: 'v' });

describe('waiting for the own oracles', () => {
  it('ends while the task can still be given back, as late as heartbeats have moved that', async () => {
    const began = Date.now();
    let asked = 0;
    const deadline = () => began + ((asked += 1) === 1 ? 30 : 120);
    await expect(settle(new AbortController().signal, deadline)).rejects.toThrow(OraclesAway);
    expect(Date.now() - began).toBeGreaterThanOrEqual(119);
  });

  it('ends with the lease, for its reason', async () => {
    const lease = new AbortController();
    const settling = settle(lease.signal, () => Date.now() + 60_000);
    lease.abort(new Error('the lease is lost'));
    await expect(settling).rejects.toThrow('the lease is lost');
  });

  it('is not begun for a task that came with its truth', async () => {
    const settled = await settleTruth({
      task: { ...task, oracle_status: 'consensus', expected_claims: ['blue'] },
      lease: { signal: new AbortController().signal, workDeadline: () => 0 },
      journal,
      enrich: silent,
      validatorHotkey: 'v',
    });
    expect(settled).toMatchObject({ truth: { expectedClaims: ['blue'] }, oracleCostUsd: 0 });
  });

  it('does not take the word of a validator without oracles for a finding', async () => {
    const disputed = { response_text: '', _reconciled: { oracle_status: 'disputed', expected_claims: [] } };
    const settling = settleTruth({
      task: { ...task, cached_baseline: disputed },
      lease: { signal: new AbortController().signal, workDeadline: () => 0 },
      journal,
      enrich: silent,
      validatorHotkey: 'v',
    });
    await expect(settling).rejects.toThrow(OraclesAway);
  });
});
