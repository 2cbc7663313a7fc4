import { Context } from '@temporalio/activity';
import type { Db, Prisma } from '../adapters/postgres';
import type { ObjectStore } from '../adapters/object-store/types';
import { bundleSummary, type EvaluationBundle } from '../domain/contracts/dataset';
import { canonicalJson, sha256Hex } from '../domain/evidence/canonical';
import { commitment, deriveSeed } from '../domain/sampling/seed';
import { freezeBundle, poolIndex, samplerPromise } from '../domain/sampling/freeze';
import { sampleMatrix } from '../domain/sampling/matrix';
import { RUN_PHASES, type RunPhase } from '../domain/status';
import { loadPool } from './dataset';
import { startEnrichments } from './enrichment-start';
import { badState } from './failures';
import { memberEntry, membersOf } from './run-members';
import type { RunPolicy } from './run-policy';
import { recordSteering, type SteeringRecord } from './run-steering';
import { seedTasks } from './seeding';
import type { WorkflowSignaller } from './signaller';
import { pause } from './waiting';

export interface RunActivities {
  loadRun(runId: string): Promise<LoadedRun>;
  recordSteering(input: SteeringRecord): Promise<void>;
  moveWindow(input: {
    runId: string;
    startsAt: string;
    endsAt: string;
    planned: { startsAt: string; endsAt: string };
    missed: number;
  }): Promise<void>;
  openRun(input: { runId: string; startsAt: string; endsAt: string }): Promise<{ taskCount: number }>;
  activateDeployments(runId: string): Promise<{ members: number }>;
  awaitDeployments(runId: string): Promise<{ healthy: number; waiting: number }>;
  freezeAndSeed(runId: string): Promise<{ members: number; tasks: number }>;
  setPhase(input: { runId: string; phase: RunPhase }): Promise<void>;
}

/** Where a run's row stands. ISO times. */
export interface LoadedRun {
  phase: RunPhase;
  startsAt: string;
  endsAt: string;
  pausedAt: string | null;
  summary: string;
}

export interface RunActivityDeps {
  db: Db;
  objectStore: ObjectStore;
  policy: RunPolicy;
  /** Starts what a seeded run needs before its tasks are handed out. */
  signaller: WorkflowSignaller;
  /** Aborted when this worker drains: whoever waits hands over. */
  stopping: AbortSignal;
}

/** The steps of a run between its boundaries; each may be repeated and then changes nothing. */
export function createRunActivities(deps: RunActivityDeps): RunActivities {
  const { db, objectStore, policy } = deps;
  const familyId = policy.familyId;

  async function theRun(runId: string) {
    const run = await db.evaluationRun.findUnique({ where: { id: runId } });
    if (!run) throw badState(`run ${runId} does not exist`);
    return run;
  }

  return {
    async loadRun(runId) {
      const run = await theRun(runId);
      const snapshot = await db.epochTargetSnapshot.findUnique({
        where: { runId_familyId: { runId, familyId } },
      });
      const members = (snapshot?.membersJson ?? []) as unknown[];
      return {
        phase: run.phase as RunPhase,
        startsAt: run.startedAt.toISOString(),
        endsAt: run.endsAt.toISOString(),
        pausedAt: run.pausedAt?.toISOString() ?? null,
        summary: snapshot ? `${members.length} miners` : '',
      };
    },

    recordSteering: (record) => recordSteering(db, record),

    /** Boundaries passed while nothing could open: the run takes the window it opens in, and says what was missed. */
    async moveWindow({ runId, startsAt, endsAt, planned, missed }) {
      const run = await theRun(runId);
      await db.evaluationRun.update({
        where: { id: runId },
        data: {
          startedAt: new Date(startsAt),
          endsAt: new Date(endsAt),
          metadataJson: {
            ...(run.metadataJson as Prisma.JsonObject),
            missed_windows: { missed, planned_start: planned.startsAt, planned_end: planned.endsAt },
          },
        },
      });
    },

    /**
     * Draws the tasks and opens the run. The commitment to the seed is published here, the seed itself at the close
     * (decision 16). A pool that cannot be read is retried and keeps the run visibly `opening`.
     */
    async openRun({ runId, startsAt, endsAt }) {
      const run = await theRun(runId);
      if (run.bundleSha256) return { taskCount: await bundleSize(objectStore, run.bundleKey ?? '') };
      const pool = await loadPool({ objectStore, policy, sequence: run.sequence });
      const seed = deriveSeed(familyId, run.sequence, policy.ownerSecret);
      const index = poolIndex(pool.tasks);
      const size = Math.min(policy.taskCount, pool.tasks.length);
      const draw = sampleMatrix({ pool: pool.tasks, size, seedHex: seed });
      const promise = samplerPromise(draw, index, commitment(seed));
      const kept = policy.taskLimit === null ? draw.tasks : draw.tasks.slice(0, policy.taskLimit);
      const bundle = freezeBundle(pool, kept, runId, promise);
      const text = canonicalJson(bundle);
      const digest = sha256Hex(text);
      const key = `${familyId}/evaluation_bundle/${runId}/${digest}.json`;
      const stored = await objectStore.put(key, Buffer.from(text), { contentType: 'application/json' });
      // The index of the whole pool is public at once: with the seed it lets anyone repeat the draw.
      const indexKey = `${familyId}/pool_index/${runId}.json`;
      await objectStore.put(indexKey, Buffer.from(canonicalJson(index)), { contentType: 'application/json' });
      await db.evaluationRun.update({
        where: { id: runId },
        data: {
          status: 'open',
          startedAt: new Date(startsAt),
          endsAt: new Date(endsAt),
          samplerCommitment: promise.commitment,
          bundleKey: key,
          bundleSha256: digest,
          scoringVersion: policy.scoringVersion,
          taskQuorum: policy.taskQuorum,
          minScoresJson: policy.minScores,
          metadataJson: {
            ...(run.metadataJson as Prisma.JsonObject),
            evaluation_bundle_summaries: {
              [familyId]: bundleSummary(bundle) as unknown as Prisma.InputJsonObject,
            },
            evaluation_bundle_artifacts: {
              [familyId]: {
                artifact_id: digest,
                sha256: digest,
                storage_uri: stored.uri,
                size_bytes: stored.sizeBytes,
              },
            },
            sampler: promise as unknown as Prisma.InputJsonObject,
            pool_index_key: indexKey,
          },
        },
      });
      return { taskCount: kept.length };
    },

    /**
     * Marks every deployment that this run evaluates: from here on one that is built may start. Which of them do, and
     * when, is for the pool to say (run-pool.ts).
     */
    async activateDeployments(runId) {
      const members = await membersOf(db, runId, policy);
      await db.managedDeployment.updateMany({
        where: { id: { in: members.map((deployment) => deployment.id) }, status: 'queued' },
        data: { status: 'received', healthStatus: 'starting', placementStatus: 'pending' },
      });
      return { members: members.length };
    },

    /**
     * Waits until every agent that has its turn is healthy; after the readiness timeout one healthy agent is enough
     * (data-model.md section 3.4). Agents that wait for capacity hold nobody up. Without any candidate there is nothing
     * to wait for, and at the end of the run nothing is waited for any more.
     */
    async awaitDeployments(runId) {
      const context = Context.current();
      const begun = context.info.scheduledTimestampMs;
      for (;;) {
        const [run, members] = await Promise.all([theRun(runId), membersOf(db, runId, policy)]);
        const healthy = members.filter((d) => d.healthStatus === 'healthy').length;
        const waiting = members.filter((d) => d.healthStatus !== 'healthy');
        const starting = waiting.filter((d) => d.placementStatus !== 'pending_capacity');
        const late = Date.now() - begun > policy.readinessTimeoutSeconds * 1000;
        const ready = starting.length === 0 && (healthy > 0 || waiting.length === 0);
        const over = run.pausedAt === null && Date.now() >= run.endsAt.getTime();
        if (ready || (late && healthy > 0) || over) return { healthy, waiting: waiting.length };
        context.heartbeat({
          healthy,
          waiting: waiting.map(
            (d) => `${d.minerHotkey.slice(0, 8)}: ${d.placementErrorText ?? d.healthStatus}`,
          ),
        });
        await pause(500, deps.stopping);
      }
    },

    /** Freezes who is evaluated and seeds one row per (miner, task), in one transaction (decisions 8, 21, 26). */
    async freezeAndSeed(runId) {
      const run = await theRun(runId);
      const bundle = await readBundle(objectStore, run.bundleKey ?? '');
      const seeded = await db.$transaction(
        async (tx) => {
          const present = await tx.epochTargetSnapshot.findUnique({
            where: { runId_familyId: { runId, familyId } },
          });
          if (present) {
            return { members: (present.membersJson as unknown[]).length, tasks: bundle.tasks.length };
          }
          // An upload that replaces a member waits for the freeze, or is seen by it (it locks the run's row as well).
          const [row] = await tx.$queryRaw<Array<{ status: string }>>`
            SELECT status FROM evaluation_runs WHERE id = ${runId} FOR UPDATE`;
          if (row?.status !== 'open') throw badState(`run ${runId} is ${row?.status ?? 'gone'}, not open`);
          const deployments = await membersOf(tx, runId, policy);
          await tx.epochTargetSnapshot.create({
            data: {
              runId,
              familyId,
              benchmarkVersion: run.benchmarkVersion,
              rubricVersion: run.rubricVersion,
              judgeModel: run.judgeModel,
              status: 'open',
              membersJson: deployments.map((d) => memberEntry(d)),
            },
          });
          await seedTasks(tx, run.id, familyId, run.taskQuorum, bundle, deployments, policy.enrichment);
          return { members: deployments.length, tasks: bundle.tasks.length };
        },
        { timeout: 110_000 },
      );
      // Ahead of claims: a task is handed out once its truth is settled.
      await startEnrichments(deps, runId);
      return seeded;
    },

    /** Only ever forwards: an attempt that was thought lost and comes late changes nothing. */
    async setPhase({ runId, phase }) {
      const later = RUN_PHASES.slice(RUN_PHASES.indexOf(phase) + 1).filter((name) => name !== 'paused');
      await db.$executeRaw`
        UPDATE evaluation_runs
        SET phase = CASE WHEN ${phase} = 'running' AND paused_at IS NOT NULL THEN 'paused' ELSE ${phase} END,
          updated_at = now()
        WHERE id = ${runId} AND phase <> ALL (${later}::text[])`;
    },
  };
}

async function readBundle(objectStore: ObjectStore, key: string): Promise<EvaluationBundle> {
  return JSON.parse((await objectStore.getBytes(key)).toString('utf8')) as EvaluationBundle;
}

async function bundleSize(objectStore: ObjectStore, key: string): Promise<number> {
  return (await readBundle(objectStore, key)).tasks.length;
}
