import { Context } from '@temporalio/activity';
import type { SteeringRecord } from '../../activities/run-steering';
import type { RunPhase } from '../../domain/status';

export interface RecordedWindow {
  startsAt: string;
  endsAt: string;
  phase?: RunPhase;
}

/**
 * The activities of a run, which only record what was asked of them.
 * @param window when the run starts and ends; @param now the clock that calls are stamped with
 */
export function runRecorder(
  window: RecordedWindow,
  now: () => Promise<number> = () => Promise.resolve(Date.now()),
) {
  const calls: Array<{ name: string; input: unknown; at: number }> = [];
  const note =
    <T>(name: string, answer: T) =>
    async (input: unknown): Promise<T> => {
      calls.push({ name, input, at: await now() });
      return answer;
    };
  const activities = {
    loadRun: note('loadRun', { phase: 'scheduled', pausedAt: null, summary: '', ...window }),
    moveWindow: note('moveWindow', undefined),
    recordSteering: note('recordSteering', undefined),
    openRun: note('openRun', { taskCount: 12 }),
    indexCorpora: note('indexCorpora', { corpora: 0, chunks: 0 }),
    activateDeployments: note('activateDeployments', { members: 3 }),
    awaitDeployments: note('awaitDeployments', { healthy: 3, waiting: 0 }),
    freezeAndSeed: note('freezeAndSeed', { members: 3, tasks: 12 }),
    setPhase: note('setPhase', undefined),
    awaitDrain: note('awaitDrain', { expiredRows: 0, unscoredRows: 0 }),
    completeRun: note('completeRun', undefined),
    abandonRun: note('abandonRun', { seeded: false }),
    settleDeployments: note('settleDeployments', { kept: 3, retired: 0 }),
    startNextRun: note('startNextRun', { runId: 'run-2' }),
    aggregateRun: note('aggregateRun', { miners: 3, winner: 'someone' }),
    publishEvidence: note('publishEvidence', { key: 'k', sha256: 's' }),
    computeWeights: note('computeWeights', { digest: 'd', weights: {} }),
    tendPool: async (): Promise<void> => {
      const beat = setInterval(() => Context.current().heartbeat(), 1000);
      await Context.current().cancelled.finally(() => clearInterval(beat));
    },
  };
  const BESIDE = ['setPhase', 'recordSteering'];
  return {
    activities,
    calls,
    /** Names of the steps, in order. */
    steps: (): string[] => calls.map(({ name }) => name).filter((name) => !BESIDE.includes(name)),
    phases: (): string[] =>
      calls.filter(({ name }) => name === 'setPhase').map(({ input }) => (input as { phase: string }).phase),
    records: (): SteeringRecord[] =>
      calls.filter(({ name }) => name === 'recordSteering').map(({ input }) => input as SteeringRecord),
    inputOf: (name: string): unknown => calls.find((call) => call.name === name)?.input,
    at: (name: string): number => calls.find((call) => call.name === name)?.at ?? NaN,
  };
}
