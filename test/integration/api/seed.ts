/** The state behind the recorded samples: a run with two scored miners, submissions in several states, one validator. */
import type { PrismaClient } from '../../../adapters/postgres';
import { parseManifest } from '../../../domain/contracts/manifest';
import { MANIFEST } from './harness';

export const MINER0 = '5Cyn2nMWaEMfx9WfobdMoteKoPF7hwP4Gw5MHBznqWFkisrK';
export const MINER1 = '5FpjvVN9fkYjNvNwzZYxLFNz2UVDmeZ8ZvD47A1dLMnsVgo6';
export const MINER2 = '5EASTaokxirHhjuMC4KYjxxpCqh8HcFkaDUnyqKbT7Wj5hWP';
export const MINER3 = '5HipECoTgvusTYknA6sUvTR8xPReygF5p9RJQuHoDun16Ev2';
export const MINER4 = '5GKcNHCWnQdPD3NxUwHsr5GCt5ecG9o9CwAzBzvw2iHzKhmX';
export const VALIDATOR0 = '5GuycFcaA8PKPLgsMajBTC4w3bxrk2k4LPjZ3KZ73xkXwAex';
export const OWNER = '5FTyuyEQQZs8tCcPTUFqotkm2SYfDnpefn9FitRgmTHnFDBD';

export const FAMILY = 'general_chat';
const VERSIONS = {
  benchmarkVersion: 'family_benchmark_v2',
  rubricVersion: 'family_rubric_v2',
  judgeModel: 'local-rubric-judge',
};
const RUN_START = new Date('2026-11-23T11:13:19.350Z');

interface Agent {
  hotkey: string;
  submissionId: string;
  deploymentId: string;
  status?: string;
  seq?: number;
  run?: string;
  createdAt: string;
  storageKey?: string;
  sizeBytes?: number;
}

/** Stores a submission with its artifact and deployment. */
export async function seedAgent(db: PrismaClient, agent: Agent): Promise<void> {
  const createdAt = new Date(agent.createdAt);
  const status = agent.status ?? 'deployed_for_eval';
  const live = status === 'deployed_for_eval';
  const sha256 = agent.submissionId.replace(/-/g, '').padEnd(64, '0');
  const parsed = parseManifest(MANIFEST);
  if (!parsed.ok) throw new Error(parsed.message);
  const manifestJson = parsed.manifest;
  const artifact = await db.submissionArtifact.create({
    data: {
      storageKey: agent.storageKey ?? `submissions/${sha256}.tar.gz`,
      sha256,
      sizeBytes: agent.sizeBytes ?? 387,
      manifestJson,
      createdAt,
    },
  });
  await db.managedMinerSubmission.create({
    data: {
      id: agent.submissionId,
      minerHotkey: agent.hotkey,
      submissionSeq: agent.seq ?? 1,
      familyId: FAMILY,
      status,
      artifactId: artifact.id,
      manifestJson,
      archiveSha256: sha256,
      submissionBlock: Math.floor(createdAt.getTime() / 1000),
      introducedRunId: agent.run ?? 'run-1',
      createdAt,
    },
  });
  await db.managedDeployment.create({
    data: {
      id: agent.deploymentId,
      submissionId: agent.submissionId,
      minerHotkey: agent.hotkey,
      familyId: FAMILY,
      deploymentRevision: agent.deploymentId.replace(/-/g, '').padEnd(64, '0'),
      imageRef: `managed://${FAMILY}/x`,
      endpoint: `http://127.0.0.1:18031/runtime/${agent.deploymentId}`,
      status: live ? 'active' : status === 'retired' ? 'retired' : 'queued',
      healthStatus: live ? 'healthy' : status === 'retired' ? 'retired' : 'queued',
      healthDetailsJson: {
        build: 'queued',
        deploy: 'queued',
        manifest_agent: 'bench-agent',
        ...(status === 'retired' ? { stop_reason: 'resubmit' } : {}),
      },
      placementStatus: live ? 'running' : 'queued',
      assignedNodeName: live ? 'bench-node' : null,
      isActive: live,
      requestedCpuMillis: 2000,
      requestedMemoryBytes: 2147483648n,
      benchmarkVersion: 'general_chat_v1',
      rubricVersion: 'general_chat_rubric_v1',
      judgeModel: 'local-rubric-judge',
      createdAt,
      updatedAt: new Date(createdAt.getTime() + (live ? 600_000 : 0)),
    },
  });
}

export const AGENT0: Agent = {
  hotkey: MINER0,
  submissionId: '728cf09e-1043-5dae-9ace-6f3a6addad28',
  deploymentId: '85830e50-f234-57d7-b8bc-b863783cdd9a',
  createdAt: '2026-11-23T11:13:20.000Z',
};
export const AGENT1: Agent = {
  hotkey: MINER1,
  submissionId: '969c1979-3cf1-50b3-8d9b-0f22debaeb1c',
  deploymentId: '25573ffd-8bab-549c-b749-04ca799594ef',
  createdAt: '2026-11-23T11:13:21.000Z',
};

/** An open run with its snapshot, three tasks, and every row settled. */
export async function seedRun(db: PrismaClient): Promise<void> {
  const summary = {
    kind: 'family_evaluation_bundle',
    task_count: 3,
    benchmark_version: VERSIONS.benchmarkVersion,
    rubric_version: VERSIONS.rubricVersion,
    categories: ['factual_web', 'no_tool', 'sandbox_required'],
    difficulty_levels: ['standard'],
    task_families: ['factual_web', 'no_tool', 'sandbox_required'],
    evaluation_tracks: ['public'],
  };
  await db.evaluationRun.create({
    data: {
      id: 'run-1',
      sequence: 1,
      status: 'open',
      phase: 'running',
      ...VERSIONS,
      startedAt: RUN_START,
      endsAt: new Date('2026-12-23T11:13:19.350Z'),
      samplerCommitment: 'c'.repeat(64),
      samplerSeed: 'd'.repeat(64),
      bundleKey: 'general_chat/evaluation_bundle/run-1/x.json',
      metadataJson: {
        evaluation_bundle_summaries: { [FAMILY]: summary },
        evaluation_bundle_artifacts: {
          [FAMILY]: {
            artifact_id: 'a1',
            sha256: 'e'.repeat(64),
            storage_uri: 's3://b/x.json',
            size_bytes: 3021,
          },
        },
      },
    },
  });
  await db.validator.create({ data: { hotkey: VALIDATOR0, uid: 1 } });
  const members = [AGENT0, AGENT1].map((agent) => ({
    hotkey: agent.hotkey,
    family_id: FAMILY,
    endpoint: 'http://internal/must-not-be-shown',
    latency_score: 1,
    quality_score: 0,
    metadata: {
      deployment_id: agent.deploymentId,
      submission_id: agent.submissionId,
      deployment_revision: 'r',
      health_status: 'healthy',
      consumer_endpoint: 'http://127.0.0.1/x',
      auth_headers: { Authorization: 'Bearer must-not-be-shown' },
    },
  }));
  await db.epochTargetSnapshot.create({
    data: { runId: 'run-1', familyId: FAMILY, ...VERSIONS, status: 'scored', membersJson: members },
  });
  for (let index = 0; index < 3; index += 1) await seedTask(db, index);
}

async function seedTask(db: PrismaClient, index: number): Promise<void> {
  const taskId = `bench-task-${String(index).padStart(6, '0')}`;
  const common = { runId: 'run-1', familyId: FAMILY, taskId };
  const task = await db.taskEvaluation.create({ data: { ...common, taskIndex: index, payloadJson: {} } });
  for (const agent of [AGENT0, AGENT1]) {
    const best = agent === AGENT0;
    const score = best ? 0.82 : [0.9, 0.84, 0][index];
    const verdict = best || index < 2 ? 'matches' : 'contradicts';
    const row = await db.minerEvaluationTask.create({
      data: {
        ...common,
        taskIndex: index,
        taskEvaluationId: task.id,
        minerHotkey: agent.hotkey,
        deploymentId: agent.deploymentId,
        submissionId: agent.submissionId,
        status: 'evaluated',
        officialComposite: score ?? 0,
        verdict,
        judgmentCount: 1,
      },
    });
    await db.taskMinerResult.create({
      data: {
        ...common,
        taskEvaluationId: task.id,
        minerEvaluationTaskId: row.id,
        minerHotkey: agent.hotkey,
        validatorHotkey: VALIDATOR0,
        fencing: BigInt(index + 1),
        minerResponseJson: {},
        judgeOutputJson: { verdict },
        agreementVerdict: verdict,
        agreementScore: verdict === 'matches' ? 0.82 : 0,
        pairwisePreferenceScore: 0.75,
        groundedCorrectness: 0.9,
        retrievalQuality: 0.7,
        instructionSafety: 1,
        latencyCost: 0.9,
        officialComposite: score ?? 0,
        compositeInputJson: {},
        factorsJson: {},
      },
    });
  }
  await db.taskClaim.create({
    data: {
      ...common,
      fencing: BigInt(index + 1),
      taskEvaluationId: task.id,
      validatorHotkey: VALIDATOR0,
      minerHotkeysJson: [MINER0, MINER1],
      status: 'settled',
      claimedAt: new Date('2026-11-23T12:15:55.000Z'),
      expiresAt: new Date('2026-11-23T12:30:55.000Z'),
      endedAt: new Date('2026-11-23T12:15:56.000Z'),
    },
  });
}

/** Score records, aggregate and family result, as the run's workflow writes them. */
export async function seedScores(db: PrismaClient): Promise<void> {
  for (const [agent, rawScore] of [
    [AGENT0, 0.82],
    [AGENT1, 0.58],
  ] as const) {
    await db.deploymentScoreRecord.create({
      data: {
        runId: 'run-1',
        familyId: FAMILY,
        deploymentId: agent.deploymentId,
        submissionId: agent.submissionId,
        minerHotkey: agent.hotkey,
        deploymentRevision: 'r',
        rawScore,
        metadataJson: { official_family_score: rawScore, mean_agreement: rawScore },
      },
    });
  }
  await db.aggregateFamilyScoreSnapshot.create({
    data: {
      runId: 'run-1',
      familyId: FAMILY,
      snapshotJson: {
        run_id: 'run-1',
        family_id: FAMILY,
        evaluation_plane: 'agreement_against_openai_baseline',
        miner_scores: { [MINER0]: 0.82, [MINER1]: 0.58 },
        rubric_version: VERSIONS.rubricVersion,
        miner_score_breakdowns: Object.fromEntries(
          [MINER0, MINER1].map((hotkey) => [
            hotkey,
            {
              family_capability_score: 0.82,
              robustness_score: 0,
              anti_gaming_score: 0,
              official_family_score: 0.82,
            },
          ]),
        ),
        task_count: 3,
        judge_model: VERSIONS.judgeModel,
        evaluation_timestamp: '2026-11-23T12:15:55.666000Z',
      },
      validatorCount: 1,
      validatorHotkeysJson: [VALIDATOR0],
      validatorWeightsJson: { [VALIDATOR0]: 1 },
      consensusMethod: 'agreement_against_openai_baseline',
      status: 'aggregated',
    },
  });
}

/** Closes the run with its winner and weights, and opens the next. */
export async function seedClose(db: PrismaClient, evidenceKey: string): Promise<void> {
  const closedAt = new Date('2026-11-23T12:18:13.055Z');
  await db.runFamilyResult.create({
    data: {
      runId: 'run-1',
      familyId: FAMILY,
      winnerDeploymentId: AGENT0.deploymentId,
      winnerSubmissionId: AGENT0.submissionId,
      winnerHotkey: MINER0,
      bestRawScore: 0.82,
      minScore: 0.5,
      hasWinner: true,
      topDeploymentIdsJson: [AGENT0.deploymentId, AGENT1.deploymentId],
      metadataJson: { winner_selection: 'first_run_best_score' },
    },
  });
  await db.runWeightSet.create({
    data: {
      runId: 'run-1',
      weightsJson: { [MINER0]: 1 },
      winnersJson: [
        { family_id: FAMILY, winner_hotkey: MINER0, family_weight: 1, official_family_score: 0.82 },
      ],
      evidenceSha256: 'f'.repeat(64),
      digest: '9'.repeat(64),
      signerHotkey: OWNER,
      signature: '0x00',
    },
  });
  await db.evaluationRun.update({
    where: { id: 'run-1' },
    data: { status: 'completed', phase: 'completed', closedAt, evidenceKey, evidenceSha256: 'f'.repeat(64) },
  });
  const run1 = await db.evaluationRun.findUniqueOrThrow({ where: { id: 'run-1' } });
  await db.evaluationRun.create({
    data: {
      id: 'run-2',
      sequence: 2,
      status: 'open',
      phase: 'running',
      ...VERSIONS,
      startedAt: new Date('2026-11-23T12:18:12.975Z'),
      endsAt: new Date('2026-12-23T12:18:12.975Z'),
      metadataJson: run1.metadataJson as object,
    },
  });
}

/** The submissions of the other miners in the samples. */
export async function seedOthers(db: PrismaClient): Promise<void> {
  await seedAgent(db, {
    hotkey: MINER2,
    submissionId: '76f34108-821e-4413-a576-a74f3cae7581',
    deploymentId: '5c2258d6-89f0-4613-84e3-7f72bffdc9b0',
    status: 'retired',
    run: 'run-2',
    createdAt: '2026-11-23T12:16:13.266Z',
  });
  await seedAgent(db, {
    hotkey: MINER2,
    submissionId: '5f59a526-caa7-45ff-a10d-a351b9de0e77',
    deploymentId: 'd174d860-071b-4465-99ee-10b148851e49',
    status: 'received',
    seq: 2,
    run: 'run-2',
    createdAt: '2026-11-23T12:16:13.401Z',
  });
  await seedAgent(db, {
    hotkey: MINER3,
    submissionId: 'f33b897c-5c6b-43dd-a90c-e3c7221022d7',
    deploymentId: '163e1b58-6707-4f0e-9468-6fdd0ed30404',
    status: 'received',
    run: 'run-2',
    createdAt: '2026-11-23T12:16:13.545Z',
  });
}
