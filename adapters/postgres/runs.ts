import type { DbTx } from './index';

/** What a new run is created with. */
export interface NewRun {
  sequence: number;
  startsAt: Date;
  endsAt: Date;
  scoringVersion: number;
  taskQuorum: number;
  minScores: Record<string, number>;
}

/** Versions that the wire shows for every run (evaluation.md section 1.1). */
export const RUN_VERSIONS = {
  benchmarkVersion: 'family_benchmark_v2',
  rubricVersion: 'family_rubric_v2',
  judgeModel: 'local-rubric-judge',
} as const;

/** Id of the run with a sequence number. */
export const runIdOf = (sequence: number): string => `run-${sequence}`;

/**
 * Creates a run as `scheduled`; one that is there already stays as it is.
 * @returns the run's id
 */
export async function createScheduledRun(tx: DbTx, run: NewRun): Promise<string> {
  const id = runIdOf(run.sequence);
  await tx.evaluationRun.createMany({
    data: [
      {
        id,
        sequence: run.sequence,
        status: 'scheduled',
        phase: 'scheduled',
        ...RUN_VERSIONS,
        scoringVersion: run.scoringVersion,
        taskQuorum: run.taskQuorum,
        minScoresJson: run.minScores,
        startedAt: run.startsAt,
        endsAt: run.endsAt,
      },
    ],
    skipDuplicates: true,
  });
  return id;
}

/** Adds keys to a deployment's details in one statement, so that writers do not overwrite each other's. */
export async function mergeHealthDetails(tx: DbTx, deploymentId: string, patch: object): Promise<void> {
  await tx.$executeRaw`
    UPDATE managed_deployments
    SET health_details_json = health_details_json || ${JSON.stringify(patch)}::jsonb, updated_at = now()
    WHERE id = ${deploymentId}`;
}
