/** Closes a run with the activities of the control worker, in a process of its own, and measures each. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { runPolicyFromEnv } from '../../activities/run-policy';
import { createScoringActivities } from '../../activities/scoring';
import { objectStoreFromEnv } from '../../adapters/object-store';
import { createPrisma } from '../../adapters/postgres';
import { expireRunRows } from '../../adapters/postgres/reaper';
import { residentMiB } from './figures';

export interface ClosingReport {
  steps: { name: string; seconds: number; residentMiB: number }[];
  evidenceBytes: number;
}

async function close(runId: string): Promise<ClosingReport> {
  const db = createPrisma(process.env.DATABASE_URL as string);
  const objectStore = objectStoreFromEnv(process.env);
  const policy = runPolicyFromEnv(process.env);
  const scoring = createScoringActivities({ db, objectStore, policy, signer: null });
  const environment = new MockActivityEnvironment();
  const steps: ClosingReport['steps'] = [];
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const began = performance.now();
    let peak = residentMiB(process.pid);
    const timer = setInterval(() => (peak = Math.max(peak, residentMiB(process.pid))), 20);
    const result = await work();
    clearInterval(timer);
    // The event loop stands still while scores are computed, so the system's own record of the peak is asked as well.
    peak = Math.max(peak, process.resourceUsage().maxRSS / 1024);
    steps.push({ name, seconds: (performance.now() - began) / 1000, residentMiB: peak });
    return result;
  };
  await step('drain', () => expireRunRows(db, runId, { mode: 'now' }));
  await db.evaluationRun.update({ where: { id: runId }, data: { closedAt: new Date() } });
  await step('aggregate', () => environment.run(scoring.aggregateRun, runId));
  const evidence = await step('evidence', () =>
    environment.run<
      [string],
      Awaited<ReturnType<typeof scoring.publishEvidence>>,
      typeof scoring.publishEvidence
    >(scoring.publishEvidence, runId),
  );
  await step('weights', () => environment.run(scoring.computeWeights, runId));
  const head = await objectStore.head(evidence.key);
  await db.$disconnect();
  return { steps, evidenceBytes: head?.sizeBytes ?? 0 };
}

process.on('message', ({ runId }: { runId: string }) => {
  close(runId).then(
    (report) => process.send?.(report),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    },
  );
});
