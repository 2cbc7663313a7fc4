import { Context } from '@temporalio/activity';
import type { Db, Prisma } from '../adapters/postgres';
import type { ObjectStore } from '../adapters/object-store/types';
import { expireRunRows } from '../adapters/postgres/reaper';
import { createScheduledRun, runIdOf } from '../adapters/postgres/runs';
import { bundleSummary, type EvaluationBundle } from '../domain/contracts/dataset';
import { canonicalJson, sha256Hex } from '../domain/evidence/canonical';
import {
  DEPLOYMENT_MESSAGES,
  type ActivateRequest,
  type PromoteRequest,
  type SteerRequest,
} from '../domain/messages';
import { commitment, deriveSeed } from '../domain/sampling/seed';
import { freezeBundle, poolIndex, samplerPromise } from '../domain/sampling/freeze';
import { sampleMatrix } from '../domain/sampling/matrix';
import { nextRunWindow } from '../domain/schedule';
import type { RunPhase } from '../domain/status';
import { loadPool } from './dataset';
import { badState } from './failures';
import { memberEntry, membersOf } from './run-members';
import type { RunPolicy } from './run-policy';
import { seedTasks } from './seeding';
import type { WorkflowSignaller } from './signaller';
import { pause } from './waiting';

export interface RunActivities {
  loadRun(runId: string): Promise<{ startsAt: string; endsAt: string }>;
  openRun(input: { runId: string; startsAt: string; endsAt: string }): Promise<{ taskCount: number }>;
  activateDeployments(runId: string): Promise<{ activated: number }>;
  awaitDeployments(input: { runId: string; endsAt: string }): Promise<{ healthy: number; waiting: number }>;
  freezeAndSeed(runId: string): Promise<{ members: number; tasks: number }>;
  setPhase(input: { runId: string; phase: RunPhase; pausedAt: string | null }): Promise<void>;
  moveEnd(input: { runId: string; endsAt: string }): Promise<void>;
  awaitDrain(input: {
    runId: string;
    mode: 'now' | 'drain';
  }): Promise<{ expiredRows: number; unscoredRows: number }>;
  completeRun(runId: string): Promise<void>;
  settleDeployments(runId: string): Promise<{ kept: number; retired: number }>;
  startNextRun(runId: string): Promise<{ runId: string }>;
  auditSteering(input: { runId: string; action: string; request: SteerRequest }): Promise<void>;
}

export interface RunActivityDeps {
  db: Db;
  objectStore: ObjectStore;
  signaller: WorkflowSignaller;
  policy: RunPolicy;
  /** Aborted when this worker drains: whoever waits hands over. */
  stopping: AbortSignal;
}

/** The steps of a run between its boundaries; each may be repeated and then changes nothing. */
export function createRunActivities(deps: RunActivityDeps): RunActivities {
  const { db, objectStore, signaller, policy } = deps;
  const familyId = policy.familyId;

  async function theRun(runId: string) {
    const run = await db.evaluationRun.findUnique({ where: { id: runId } });
    if (!run) throw badState(`run ${runId} does not exist`);
    return run;
  }

  return {
    async loadRun(runId) {
      const run = await theRun(runId);
      return { startsAt: run.startedAt.toISOString(), endsAt: run.endsAt.toISOString() };
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

    /** Wakes every deployment that this run evaluates and that is built; the rest are woken by `recordBuilt`. */
    async activateDeployments(runId) {
      const members = await membersOf(db, runId, policy);
      let activated = 0;
      for (const deployment of members) {
        await db.managedDeployment.updateMany({
          where: { id: deployment.id, status: 'queued' },
          data: { status: 'received', healthStatus: 'starting', placementStatus: 'pending' },
        });
        const now = await db.managedDeployment.findUniqueOrThrow({ where: { id: deployment.id } });
        const image = (now.healthDetailsJson as { image?: string }).image;
        if (
          !image ||
          ['deployed_for_eval', 'eligible', 'active', 'build_failed', 'retired'].includes(now.status)
        )
          continue;
        const request: ActivateRequest = { imageRef: image };
        await signaller.signalDeployment(now, DEPLOYMENT_MESSAGES.activate, request);
        activated += 1;
      }
      return { activated };
    },

    /**
     * Waits until every agent that can still start is healthy; after the readiness timeout one healthy agent is enough
     * (data-model.md section 3.4). Without any candidate there is nothing to wait for.
     */
    async awaitDeployments({ runId, endsAt }) {
      const context = Context.current();
      const begun = Date.now();
      for (;;) {
        const members = await membersOf(db, runId, policy);
        const waiting = members.filter((d) => d.healthStatus !== 'healthy');
        const healthy = members.length - waiting.length;
        const late = Date.now() - begun > policy.readinessTimeoutSeconds * 1000;
        if (waiting.length === 0 || (late && healthy > 0) || Date.now() >= Date.parse(endsAt)) {
          return { healthy, waiting: waiting.length };
        }
        context.heartbeat({
          healthy,
          waiting: waiting.map((d) => `${d.minerHotkey.slice(0, 8)}: ${d.healthStatus}`),
        });
        await pause(500, deps.stopping);
      }
    },

    /** Freezes who is evaluated and seeds one row per (miner, task), in one transaction (decisions 8, 21, 26). */
    async freezeAndSeed(runId) {
      const run = await theRun(runId);
      const bundle = await readBundle(objectStore, run.bundleKey ?? '');
      return db.$transaction(
        async (tx) => {
          const present = await tx.epochTargetSnapshot.findUnique({
            where: { runId_familyId: { runId, familyId } },
          });
          if (present) {
            return { members: (present.membersJson as unknown[]).length, tasks: bundle.tasks.length };
          }
          // An upload that replaces a member waits for the freeze, or is seen by it (it locks the run's row as well).
          await tx.$queryRaw`SELECT 1 FROM evaluation_runs WHERE id = ${runId} FOR UPDATE`;
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
          await seedTasks(tx, run.id, familyId, run.taskQuorum, bundle, deployments);
          return { members: deployments.length, tasks: bundle.tasks.length };
        },
        { timeout: 110_000 },
      );
    },

    async setPhase({ runId, phase, pausedAt }) {
      await db.evaluationRun.update({
        where: { id: runId },
        data: { phase, pausedAt: pausedAt ? new Date(pausedAt) : null },
      });
    },

    async moveEnd({ runId, endsAt }) {
      await db.evaluationRun.update({ where: { id: runId }, data: { endsAt: new Date(endsAt) } });
    },

    /** Lets live leases finish (or not, when closed `now`), then settles every row that is still open. */
    async awaitDrain({ runId, mode }) {
      const context = Context.current();
      const until = Date.now() + policy.workCapSeconds * 1000;
      while (mode === 'drain' && Date.now() < until) {
        const live = await db.minerEvaluationTask.count({
          where: { runId, status: 'claimed', claimExpiresAt: { gt: new Date() } },
        });
        if (live === 0) break;
        context.heartbeat({ liveLeases: live });
        await pause(500, deps.stopping);
      }
      // Whoever still works by now has had the longest time that any lease can have.
      const settled = await expireRunRows(db, runId, { mode: 'now' });
      // Nothing is scored after this moment.
      await db.evaluationRun.updateMany({
        where: { id: runId, closedAt: null },
        data: { closedAt: new Date() },
      });
      return { expiredRows: settled.expiredRows, unscoredRows: settled.unscoredRows };
    },

    /** From here on the run is public: archives, evidence, the sampler's seed (decisions 16, 25). */
    async completeRun(runId) {
      const run = await theRun(runId);
      if (run.status === 'completed') return;
      const now = new Date();
      await db.$transaction([
        db.epochTargetSnapshot.updateMany({
          where: { runId },
          data: { status: 'scored', scoredAt: now, closedAt: now },
        }),
        db.evaluationRun.update({
          where: { id: runId },
          data: {
            status: 'completed',
            phase: 'completed',
            pausedAt: null,
            samplerSeed: deriveSeed(familyId, run.sequence, policy.ownerSecret),
          },
        }),
      ]);
    },

    /** The best stay for the next run, by rank; other members of the snapshot are retired (evaluation.md 1.8). */
    async settleDeployments(runId) {
      const result = await db.runFamilyResult.findUnique({ where: { runId_familyId: { runId, familyId } } });
      const keep = (result?.topDeploymentIdsJson ?? []) as string[];
      const snapshot = await db.epochTargetSnapshot.findUnique({
        where: { runId_familyId: { runId, familyId } },
      });
      const members = (snapshot?.membersJson ?? []) as unknown as Array<{
        metadata: { deployment_id: string; submission_id: string };
      }>;
      let retired = 0;
      for (const { metadata } of members) {
        const rank = keep.indexOf(metadata.deployment_id);
        const row = await db.managedDeployment.findUniqueOrThrow({
          where: { id: metadata.deployment_id },
          include: { submission: { select: { status: true } } },
        });
        if (row.status === 'retired') continue;
        // It was kept only because this run had frozen it (decision 8); its miner has a newer submission.
        const superseded = ['retired', 'withdrawn'].includes(row.submission.status);
        if (superseded || (rank < 0 && keep.length > 0)) {
          const reason = superseded
            ? 'replaced by a newer submission'
            : `not among the best ${policy.topCarryover} of ${runId}`;
          await signaller.retireSubmission(metadata.submission_id, reason);
          retired += 1;
        } else if (rank >= 0) {
          const request: PromoteRequest = { rank: rank + 1 };
          await signaller.signalDeployment(row, DEPLOYMENT_MESSAGES.promote, request);
        }
      }
      return { kept: keep.length, retired };
    },

    async startNextRun(runId) {
      const run = await theRun(runId);
      const sequence = run.sequence + 1;
      const window = nextRunWindow(run.endsAt, policy.durationSeconds * 1000, new Date());
      await createScheduledRun(db, { sequence, ...window, ...policy });
      // A submission may have created it earlier, with the boundary as it was planned then.
      await db.evaluationRun.updateMany({
        where: { id: runIdOf(sequence), status: 'scheduled' },
        data: { startedAt: window.startsAt, endsAt: window.endsAt },
      });
      await signaller.startRun({ runId: runIdOf(sequence), sequence, familyId });
      return { runId: runIdOf(sequence) };
    },

    async auditSteering({ runId, action, request }) {
      await db.operatorAction.create({
        data: {
          actor: request.actor ?? 'unknown operator',
          via: request.via ?? 'temporal',
          action: `run.${action}`,
          target: runId,
          reason: request.reason ?? '',
          requestJson: { ...request } as Prisma.InputJsonObject,
          outcome: 'applied',
        },
      });
    },
  };
}

async function readBundle(objectStore: ObjectStore, key: string): Promise<EvaluationBundle> {
  return JSON.parse((await objectStore.getBytes(key)).toString('utf8')) as EvaluationBundle;
}

async function bundleSize(objectStore: ObjectStore, key: string): Promise<number> {
  return (await readBundle(objectStore, key)).tasks.length;
}
