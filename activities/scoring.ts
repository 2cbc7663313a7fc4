import { Context } from '@temporalio/activity';
import type { Db, Prisma } from '../adapters/postgres';
import type { ObjectStore } from '../adapters/object-store/types';
import type { Hotkey } from '../adapters/keys/types';
import { weightsDigest } from '../domain/evidence/weights-digest';
import type { FamilyEvidence, RunEvidence } from '../domain/evidence/contract';
import { naiveIso } from '../domain/time';
import { badState } from './failures';
import { computeClosedRun, publishedHead, writeEvidence } from './run-evidence';
import type { RunPolicy } from './run-policy';

export interface ScoringActivities {
  aggregateRun(runId: string): Promise<{ miners: number; winner: string | null }>;
  publishEvidence(runId: string): Promise<{ key: string; sha256: string }>;
  computeWeights(runId: string): Promise<{ digest: string; weights: Record<string, number> }>;
}

export interface ScoringDeps {
  db: Db;
  objectStore: ObjectStore;
  policy: RunPolicy;
  /** Signs the weights with their evidence digest; null where the owner's key is not on this machine. */
  signer: Hotkey | null;
}

/** Named as the original names it, for clients that show it. */
const CONSENSUS_METHOD = 'agreement_against_openai_baseline';

/** From settled rows to scores, winner, evidence and weights. All of it can be repeated and gives the same rows. */
export function createScoringActivities(deps: ScoringDeps): ScoringActivities {
  const { db, objectStore, policy, signer } = deps;
  const familyId = policy.familyId;

  return {
    /** evaluation.md sections 5.3 to 5.6 and decisions 8, 11, 20: everything follows the frozen snapshot. */
    async aggregateRun(runId) {
      const context = Context.current();
      const run = await db.evaluationRun.findUniqueOrThrow({ where: { id: runId } });
      const { evidence, validators, neverServed } = await computeClosedRun(deps, runId, () =>
        context.heartbeat('computing results'),
      );
      const family = familyOf(evidence, familyId);
      const decision = family.winner;
      const deployments = await db.managedDeployment.findMany({
        where: { id: { in: family.members.map((member) => member.deployment_id) } },
      });
      const byId = new Map(deployments.map((deployment) => [deployment.id, deployment]));
      const excluded = new Set(
        family.members.filter((m) => m.excluded || neverServed.has(m.hotkey)).map((m) => m.deployment_id),
      );
      const top = decision.ranking
        .map((entry) => entry.deployment_id)
        .filter((id) => !excluded.has(id))
        .slice(0, policy.topCarryover);
      const costs = await costsOf(db, runId);
      const now = new Date();
      await db.$transaction(
        async (tx) => {
          for (const member of family.members) {
            const deploymentId = member.deployment_id;
            const score = family.aggregates[member.hotkey];
            const deployment = byId.get(deploymentId);
            if (!score || !deployment)
              throw badState(`member ${member.hotkey} of ${runId} has no score or deployment`);
            const ranked = decision.ranking.find((entry) => entry.deployment_id === deploymentId);
            const summary = {
              totalTasks: score.total_tasks,
              completedTasks: score.completed_tasks,
              failedTasks: score.failed_tasks,
              familyCapabilityScore: score.mean_agreement,
              officialFamilyScore: score.official_family_score,
              protocolGatePassed: score.reliable,
              status: 'scored',
              rolloutMetadataJson: score,
            };
            const key = { runId, familyId, minerHotkey: member.hotkey };
            await tx.minerEvaluationSummary.upsert({
              where: { runId_familyId_minerHotkey: key },
              create: { ...key, ...summary },
              update: summary,
            });
            const cost = costs.get(deploymentId) ?? { llm: 0, tool: 0, rejections: 0 };
            const record = {
              submissionId: member.submission_id,
              minerHotkey: member.hotkey,
              deploymentRevision: deployment.deploymentRevision,
              rawScore: score.official_family_score,
              isEligible: ranked?.eligible ?? false,
              runBudgetUsd: policy.runBudgetUsd,
              runCostUsdUsed: cost.llm + cost.tool,
              llmCostUsd: cost.llm,
              toolCostUsd: cost.tool,
              costRejectionCount: cost.rejections,
              metadataJson: {
                mean_agreement: score.mean_agreement,
                final_score: score.rollup_final_score,
                official_family_score: score.official_family_score,
                reliable: score.reliable,
                completed_tasks: score.completed_tasks,
                failed_tasks: score.failed_tasks,
                total_tasks: score.total_tasks,
                unscored_tasks: score.unscored_tasks,
                verdict_counts: score.verdict_counts,
                evaluation_method: CONSENSUS_METHOD,
                eligibility_reasons: ranked?.reasons ?? [],
              },
            };
            await tx.deploymentScoreRecord.upsert({
              where: { runId_familyId_deploymentId: { runId, familyId, deploymentId } },
              create: { runId, familyId, deploymentId, ...record },
              update: record,
            });
          }
          const snapshotRow = {
            snapshotJson: {
              run_id: runId,
              family_id: familyId,
              evaluation_plane: CONSENSUS_METHOD,
              miner_scores: mapScores(family.aggregates, (s) => s.official_family_score),
              rubric_version: run.rubricVersion,
              miner_score_breakdowns: mapScores(family.aggregates, (s) => ({
                family_capability_score: s.mean_agreement,
                robustness_score: 0,
                anti_gaming_score: 0,
                official_family_score: s.official_family_score,
              })),
              task_count: family.tasks.length,
              judge_model: run.judgeModel,
              evaluation_timestamp: `${naiveIso(now)}Z`,
              scoring_version: run.scoringVersion,
              unscored_task_ids: family.unscored_task_ids,
            },
            validatorCount: validators.length,
            validatorHotkeysJson: validators,
            validatorWeightsJson: Object.fromEntries(validators.map((v) => [v, 1])),
            consensusMethod: CONSENSUS_METHOD,
            status: 'aggregated',
            activatedAt: now,
          };
          await tx.aggregateFamilyScoreSnapshot.upsert({
            where: { runId_familyId: { runId, familyId } },
            create: { runId, familyId, ...snapshotRow },
            update: snapshotRow,
          });
          const winnerId = decision.winner?.deployment_id ?? null;
          const result = {
            winnerDeploymentId: winnerId,
            winnerSubmissionId: winnerId ? (byId.get(winnerId)?.submissionId ?? null) : null,
            winnerHotkey: decision.winner?.hotkey ?? null,
            bestRawScore: decision.best_raw_score,
            minScore: decision.min_score,
            hasWinner: decision.winner !== null,
            topDeploymentIdsJson: top,
            metadataJson: winnerMetadata(decision),
          };
          await tx.runFamilyResult.upsert({
            where: { runId_familyId: { runId, familyId } },
            create: { runId, familyId, ...result },
            update: result,
          });
        },
        { timeout: 120_000 },
      );
      return { miners: family.members.length, winner: decision.winner?.hotkey ?? null };
    },

    /** See `writeEvidence`. */
    async publishEvidence(runId) {
      const context = Context.current();
      const run = await db.evaluationRun.findUniqueOrThrow({ where: { id: runId } });
      if (run.evidenceKey && run.evidenceSha256) return { key: run.evidenceKey, sha256: run.evidenceSha256 };
      const { key, sha256 } = await writeEvidence(deps, runId, () => context.heartbeat('writing evidence'));
      await db.evaluationRun.update({
        where: { id: runId },
        data: { evidenceKey: key, evidenceSha256: sha256 },
      });
      return { key, sha256 };
    },

    /** Weights of the closed run, signed together with the digest of their evidence (decision 24). */
    async computeWeights(runId) {
      const run = await db.evaluationRun.findUniqueOrThrow({ where: { id: runId } });
      const { evidenceKey, evidenceSha256 } = run;
      if (!evidenceKey || !evidenceSha256)
        throw badState(`run ${runId} has no evidence to sign its weights with`);
      // The published bytes decide, so that weights and evidence cannot part.
      const { weights: table } = await publishedHead(objectStore, evidenceKey);
      const digest = weightsDigest({ runId, evidenceSha256, weights: table.weights });
      const row = {
        weightsJson: table.weights,
        winnersJson: table.family_winners as unknown as Prisma.InputJsonArray,
        evidenceSha256,
        digest,
        signerHotkey: signer?.ss58 ?? null,
        signature: signer ? signer.sign(digest) : null,
      };
      await db.runWeightSet.upsert({ where: { runId }, create: { runId, ...row }, update: {} });
      return { digest, weights: table.weights };
    },
  };
}

function familyOf(evidence: RunEvidence, familyId: string): FamilyEvidence {
  const family = evidence.families.find((item) => item.family_id === familyId);
  if (!family) throw badState(`the run has no facts of family ${familyId}`);
  return family;
}

/** Spend per deployment in USD, from the durable ledgers of the attempts of this run. */
async function costsOf(
  db: Db,
  runId: string,
): Promise<Map<string, { llm: number; tool: number; rejections: number }>> {
  const calls = await db.providerCall.groupBy({
    by: ['deploymentId', 'kind', 'errorCode'],
    where: { runId },
    _sum: { costMicroUsd: true },
    _count: true,
  });
  const costs = new Map<string, { llm: number; tool: number; rejections: number }>();
  for (const group of calls) {
    if (!group.deploymentId) continue;
    const cost = costs.get(group.deploymentId) ?? { llm: 0, tool: 0, rejections: 0 };
    const usd = Number(group._sum.costMicroUsd ?? 0n) / 1e6;
    if (group.kind === 'llm') cost.llm += usd;
    else cost.tool += usd;
    if (group.errorCode === 'budget_exhausted') cost.rejections += group._count;
    costs.set(group.deploymentId, cost);
  }
  return costs;
}

function mapScores<S, T extends Prisma.InputJsonValue>(
  scores: Record<string, S>,
  pick: (score: S) => T,
): Record<string, T> {
  return Object.fromEntries(Object.entries(scores).map(([hotkey, score]) => [hotkey, pick(score)]));
}

function winnerMetadata(decision: FamilyEvidence['winner']): Prisma.InputJsonObject {
  return {
    winner_selection: decision.winner_selection,
    winner_official_family_score: decision.winner?.raw_score ?? null,
    previous_winner_deployment_id: decision.previous?.deployment_id ?? null,
    previous_winner_hotkey: decision.previous?.hotkey ?? null,
    dominance_threshold_met: decision.dominance_threshold_met,
    margin_threshold: decision.margin_threshold,
    scoring_version: decision.scoring_version,
    ranking: decision.ranking,
  };
}
