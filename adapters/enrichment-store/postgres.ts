/** The owner's enrichments, beside the tasks they belong to (decisions 4 and 7). */
import type { Prisma } from '../postgres';
import type { Db, DbTx } from '../postgres';
import type { ObjectStore } from '../object-store/types';
import { canonicalJson, sha256Hex } from '../../domain/evidence/canonical';
import { needsOracles } from '../../domain/contracts/dataset';
import { cleanText } from '../../domain/tasks/clean-json';
import { microToUsd } from '../../domain/pricing/cost';
import {
  enrichmentRecordSchema,
  groundingSchema,
  reconciliationSchema,
  type EnrichmentRecord,
  type Reconciliation,
} from '../../domain/oracle/record';
import { baselineOf } from '../../domain/oracle/settle';
import { unscoredReason } from '../postgres/enrichments';
import type { EnrichmentJob, EnrichmentKey, EnrichmentStore } from './types';

/** What is kept of a model's own words: where they are. */
interface Words {
  key: string;
  sha256: string;
  bytes: number;
}

/** @param objectStore where the models' own words and the whole record go, under their digests */
export function postgresEnrichmentStore(db: Db, objectStore: ObjectStore): EnrichmentStore {
  const taskOf = (tx: Db | DbTx, { runId, familyId, taskId }: EnrichmentKey) =>
    tx.taskEvaluation.findUnique({ where: { runId_familyId_taskId: { runId, familyId, taskId } } });

  async function put(
    { runId, familyId, taskId }: EnrichmentKey,
    name: string,
    text: string,
    contentType: string,
  ): Promise<Words> {
    const sha256 = sha256Hex(text);
    const bytes = Buffer.from(text);
    const key = `${familyId}/enrichment/${runId}/${sha256Hex(taskId).slice(0, 32)}/${name}-${sha256}`;
    await objectStore.put(key, bytes, { contentType });
    return { key, sha256, bytes: bytes.length };
  }

  const keep = async (key: EnrichmentKey, name: string, raw: string | null): Promise<Words | null> =>
    raw === null ? null : put(key, name, raw, 'text/plain; charset=utf-8');

  return {
    side: 'owner',
    validatorHotkey: null,

    async begin(key): Promise<EnrichmentJob> {
      const task = await taskOf(db, key);
      if (!task) {
        return {
          state: 'missing',
          reason: `run ${key.runId} has no task ${key.taskId}`,
          payload: {},
          oracleStatus: null,
          expectedClaims: 0,
        };
      }
      const payload = task.payloadJson as Record<string, unknown>;
      const job = (state: EnrichmentJob['state'], reason: string): EnrichmentJob => ({
        state,
        reason,
        payload,
        oracleStatus: task.oracleStatus,
        expectedClaims: (task.expectedClaimsJson as unknown[]).length,
      });
      if (!needsOracles(payload as Parameters<typeof needsOracles>[0])) {
        return job('deterministic', 'the task has a fixed answer');
      }
      if (task.enrichmentStatus === 'ready') return job('settled', 'settled already');
      const run = await db.evaluationRun.findUnique({ where: { id: key.runId } });
      if (!run || run.status !== 'open' || run.closedAt) {
        return job('closed', 'the run takes no more results, so nobody needs it');
      }
      if (task.enrichmentStatus !== 'pending') return job('closed', `the task is ${task.enrichmentStatus}`);
      await db.taskEnrichment.upsert({
        where: { taskEvaluationId: task.id },
        create: { taskEvaluationId: task.id, ...key, side: 'owner' },
        update: {},
      });
      return job('wanted', 'its oracles are to be asked');
    },

    async answers(key) {
      const rows = await db.oracleAnswer.findMany({ where: { enrichment: key } });
      return rows.map((row) =>
        groundingSchema.parse((row.groundingJson as { grounding: unknown }).grounding),
      );
    },

    async saveAnswer(key, grounding, raw) {
      const words = await keep(key, grounding.vendor, raw);
      const task = await taskOf(db, key);
      if (!task) return;
      await db.oracleAnswer.createMany({
        data: [
          {
            taskEvaluationId: task.id,
            vendor: grounding.vendor,
            status: grounding.status,
            groundingJson: { grounding, words } as unknown as Prisma.InputJsonObject,
            costMicroUsd: grounding.cost_micro_usd,
          },
        ],
        skipDuplicates: true,
      });
    },

    async reconciliation(key) {
      const row = await db.taskEnrichment.findUnique({ where: { runId_familyId_taskId: key } });
      const stored = row?.reconciliationJson as { reconciliation: unknown } | null | undefined;
      return stored ? reconciliationSchema.parse(stored.reconciliation) : null;
    },

    async saveReconciliation(key, found: Reconciliation, raw) {
      const words = await keep(key, 'reconciler', raw);
      await db.$executeRaw`
        UPDATE task_enrichments
        SET reconciliation_json = ${JSON.stringify({ reconciliation: found, words })}::jsonb, updated_at = now()
        WHERE epoch_id = ${key.runId} AND family_id = ${key.familyId} AND task_id = ${key.taskId}
          AND reconciliation_json IS NULL`;
    },

    async settle(key, record) {
      const words = await put(key, 'record', canonicalJson(record), 'application/json');
      return db.$transaction((tx) => settle(tx, key, record, words));
    },

    async waiting(key, reason) {
      await db.taskEnrichment.updateMany({
        where: { ...key, status: 'running' },
        data: { reason: cleanText(reason) },
      });
    },

    async fail(key, reason) {
      const text = cleanText(reason);
      await db.$transaction(async (tx) => {
        const task = await lockedTask(tx, key);
        if (task?.enrichmentStatus !== 'pending') return;
        await tx.taskEvaluation.update({ where: { id: task.id }, data: { enrichmentStatus: 'failed' } });
        await tx.taskEnrichment.updateMany({ where: key, data: { status: 'failed', reason: text } });
        // Of every miner alike: it was nobody's lapse but the owner's (decision 7).
        await tx.minerEvaluationTask.updateMany({
          where: { taskEvaluationId: task.id, status: 'pending' },
          data: { status: 'unscored', statusReason: unscoredReason(text) },
        });
      });
    },
  };
}

async function lockedTask(tx: DbTx, { runId, familyId, taskId }: EnrichmentKey) {
  await tx.$queryRaw`SELECT 1 FROM task_evaluations
    WHERE epoch_id = ${runId} AND family_id = ${familyId} AND task_id = ${taskId} FOR UPDATE`;
  return tx.taskEvaluation.findUnique({
    where: { runId_familyId_taskId: { runId, familyId, taskId } },
    include: { enrichment: true },
  });
}

async function settle(
  tx: DbTx,
  key: EnrichmentKey,
  record: EnrichmentRecord,
  words: Words,
): Promise<EnrichmentRecord> {
  const task = await lockedTask(tx, key);
  if (!task) throw new Error(`run ${key.runId} has no task ${key.taskId}`);
  if (task.enrichment?.recordJson) return enrichmentRecordSchema.parse(task.enrichment.recordJson);
  const run = await tx.evaluationRun.findUnique({ where: { id: key.runId }, select: { closedAt: true } });
  // What a closed run was scored by does not change any more.
  if (run?.closedAt) return record;
  const now = new Date();
  await tx.taskEvaluation.update({
    where: { id: task.id },
    data: {
      enrichmentStatus: 'ready',
      oracleStatus: record.oracle_status,
      expectedClaimsJson: record.expected_claims,
      mustNotClaimJson: record.must_not_claim,
      baselineResponseJson: baselineOf(record) as Prisma.InputJsonObject,
      baselineCachedAt: now,
      baselineSource: 'owner',
      oracleCostUsd: microToUsd(record.cost_micro_usd),
    },
  });
  const settled = {
    status: 'settled',
    reason: null,
    oracleStatus: record.oracle_status,
    recordJson: record as unknown as Prisma.InputJsonObject,
    payloadKey: words.key,
    payloadSha256: words.sha256,
    costMicroUsd: record.cost_micro_usd,
    settledAt: now,
  };
  await tx.taskEnrichment.upsert({
    where: { taskEvaluationId: task.id },
    create: { taskEvaluationId: task.id, ...key, side: record.side, ...settled },
    update: settled,
  });
  return record;
}
