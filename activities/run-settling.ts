import type { Db, DbTx } from '../adapters/postgres';
import { runIdOf } from '../adapters/postgres/runs';
import { fateAfterRun, type Fate } from '../domain/keep-set';
import { DEPLOYMENT_MESSAGES, type PoolDrain, type PromoteRequest } from '../domain/messages';
import { badState } from './failures';
import type { RunPolicy } from './run-policy';
import type { WorkflowSignaller } from './signaller';
import { recordEvent } from './submission-events';

/** Workflows that are told at the same time. */
const LANES = 8;
const COLD: PoolDrain = { by: 'pool' };

export interface Settled {
  kept: number;
  retired: number;
}

interface SettlingDeps {
  db: Db;
  signaller: Pick<WorkflowSignaller, 'retireSubmission' | 'signalDeployment'>;
  policy: RunPolicy;
}

/**
 * The best stay for the next run, by rank; what becomes of the others is decided by `fateAfterRun`. A second time it tells
 * the same workflows the same.
 */
export async function settleDeployments(deps: SettlingDeps, runId: string): Promise<Settled> {
  const { db, signaller, policy } = deps;
  const { familyId } = policy;
  const run = await db.evaluationRun.findUnique({ where: { id: runId } });
  if (!run) throw badState(`run ${runId} does not exist`);
  const next = runIdOf(run.sequence + 1);
  const key = { runId_familyId: { runId, familyId } };
  const [result, snapshot, served] = await Promise.all([
    db.runFamilyResult.findUnique({ where: key }),
    db.epochTargetSnapshot.findUnique({ where: key }),
    servedDeployments(db, runId),
  ]);
  const keep = (result?.topDeploymentIdsJson ?? []) as string[];
  const members = new Set(
    ((snapshot?.membersJson ?? []) as unknown as { metadata: { deployment_id: string } }[]).map(
      ({ metadata }) => metadata.deployment_id,
    ),
  );
  const about = { keeps: keep.length > 0, servedAny: served.size > 0 };
  let retired = 0;
  const settle = async (row: Candidate): Promise<void> => {
    const rank = keep.indexOf(row.id);
    const superseded = ['retired', 'withdrawn'].includes(row.submission.status);
    const fate: Fate = fateAfterRun(
      {
        rank,
        introduced: introduction(row.submission.introducedRunId, run.sequence),
        superseded,
        member: members.has(row.id),
        served: served.has(row.id),
      },
      about,
    );
    if (fate === 'promote') {
      const request: PromoteRequest = { rank: rank + 1 };
      await signaller.signalDeployment(row, DEPLOYMENT_MESSAGES.promote, request);
    } else if (fate === 'put_off') {
      const reason = `its agent never had its turn in ${runId}: it takes part in ${next}`;
      await db.$transaction((tx) => tell(tx, row.submissionId, reason, `put_off_${runId}`, next));
    } else if (fate === 'stay') {
      const reason = `not among the best ${policy.topCarryover} of ${runId}; retired when ${next} closes`;
      await db.$transaction((tx) => tell(tx, row.submissionId, reason, `outranked_${runId}`));
      await signaller.signalDeployment(row, DEPLOYMENT_MESSAGES.drain, COLD);
    } else if (fate === 'retire') {
      const reason = superseded
        ? 'replaced by a newer submission'
        : `not among the best ${policy.topCarryover} of ${runId}`;
      await signaller.retireSubmission(row.submissionId, reason);
      retired += 1;
    }
  };
  const left = await candidates(db, familyId, [...members]);
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      for (let row = left.shift(); row; row = left.shift()) await settle(row);
    }),
  );
  return { kept: keep.length, retired };
}

type Candidate = Awaited<ReturnType<typeof candidates>>[number];

/** Deployments that a run may decide about: its members, and those that an earlier run let stay. */
function candidates(db: Db, familyId: string, members: string[]) {
  return db.managedDeployment.findMany({
    where: {
      familyId,
      status: { not: 'retired' },
      OR: [
        { id: { in: members } },
        { submission: { status: { notIn: ['retired', 'withdrawn', 'rejected', 'build_failed'] } } },
      ],
    },
    include: { submission: { select: { status: true, introducedRunId: true } } },
    orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
  });
}

/** A submission that is of no run yet is none of this run's business. */
function introduction(runId: string | null, sequence: number): 'earlier' | 'this' | 'later' {
  const introduced = Number(/^run-(\d+)$/.exec(runId ?? '')?.[1] ?? Infinity);
  if (introduced === sequence) return 'this';
  return introduced < sequence ? 'earlier' : 'later';
}

/** Deployments with at least one row that the owner's side did not leave unscored. */
async function servedDeployments(db: Db, runId: string): Promise<Set<string>> {
  const rows = await db.minerEvaluationTask.findMany({
    where: { runId, status: { not: 'unscored' } },
    distinct: ['deploymentId'],
    select: { deploymentId: true },
  });
  return new Set(rows.map((row) => row.deploymentId));
}

/** Says it where the miner looks. */
async function tell(
  tx: DbTx,
  submissionId: string,
  statusReason: string,
  outcome: string,
  introducedRunId?: string,
): Promise<void> {
  await tx.managedMinerSubmission.update({
    where: { id: submissionId },
    data: { statusReason, ...(introducedRunId ? { introducedRunId } : {}) },
  });
  await recordEvent(tx, submissionId, 'run', outcome.slice(0, 32), statusReason);
}
