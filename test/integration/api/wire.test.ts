/**
 * Every recorded request of the original, sent byte for byte with its own signature and a clock held at its own time.
 * Answers are compared in status, header forms, field names, types, nulls and, for errors, whole bodies; where ours
 * differs on purpose, `wire/differences.ts` says so and why. A sample that is not sent fails the last test.
 */
import { hotkeyFromUri } from '../../../adapters/keys/hotkey';
import { startApi } from './harness';
import type { ApiUnderTest } from './harness';
import {
  AGENT0,
  AGENT1,
  MINER2,
  MINER3,
  MINER4,
  OWNER,
  seedAgent,
  seedClose,
  seedOthers,
  seedRun,
  seedScores,
  VALIDATOR0,
} from './seed';
import { seedFeedback, seedOpenTasks } from './wire/open-run';
import { ADDED_FIELDS, DIFFERENCES } from './wire/differences';
import { clock, compare, replayAll, replayed, replayOne, sample, samples, send } from './wire/replay';

// An agent that is not there is not waited for.
process.env.EIREL_PROXY_RECOVERY_SECONDS = '0';

const start = (): Promise<ApiUnderTest> =>
  startApi({ env: { EIREL_OWNER_HOTKEY_SS58: OWNER }, clock: () => clock.now });

describe('recorded requests', () => {
  let api: ApiUnderTest;
  beforeAll(async () => {
    api = await start();
    await api.db.registeredNeuron.createMany({
      data: [MINER2, MINER3, MINER4].map((hotkey, uid) => ({ hotkey, uid })),
    });
  });
  afterAll(() => api.close());

  it('are answered as before anything happened', () =>
    replayAll(api, [
      'healthz',
      'readyz-absent',
      'weights-not-ready',
      'env-windows',
      'dashboard-families',
      'method-not-allowed',
      'dashboard-leaderboard-bad-family',
      'submission-by-id-unknown',
      'serving-releases',
      'operators-summary',
    ]));

  it('are refused for the same reasons, in the same words', async () => {
    await replayAll(api, [
      'auth-missing-headers',
      'auth-missing-signature-header',
      'auth-stale-past',
      'auth-invalid-timestamp',
      'auth-invalid-hotkey',
      'auth-invalid-signature',
      'auth-internal-token-missing',
      'auth-internal-invalid-body-and-token',
      'claim-malformed-json',
      'claim-field-error-unsigned',
      'auth-malformed-signature-nothex',
      'auth-signature-without-0x',
      'auth-not-a-validator',
      'auth-replay',
      'auth-get-not-replay-checked',
    ]);
    await seedFeedback(api.db);
    await replayOne(api, 'auth-timestamp-Z');
    Object.assign(api.deps, { ownerHotkey: null });
    await replayOne(api, 'auth-owner-not-configured');
    Object.assign(api.deps, { ownerHotkey: OWNER });
  });

  it('report field errors alike', async () => {
    await replayOne(api, 'feedback-no-run-id');
    await api.db.validator.create({ data: { hotkey: VALIDATOR0 } });
    await replayAll(api, ['claim-batch-too-large', 'result-body-not-json', 'admin-validators-add-short']);
  });

  it('submit agents', async () => {
    await replayAll(api, ['submission-not-registered', 'submission-no-archive-field']);
    const accepted = await replayOne(api, 'submission-accepted');
    const recorded = sample('submission-accepted').response.body as Record<string, unknown>;
    const { deployment, ...fields } = recorded as { deployment: Record<string, unknown> } & Record<
      string,
      unknown
    >;
    expect(accepted.body.manifest).toEqual(fields.manifest);
    expect(accepted.body.archive_sha256).toBe(fields.archive_sha256);
    expect(accepted.body.submission_block).toBe(fields.submission_block);
    for (const field of [
      'deployment_revision',
      'image_ref',
      'health_details',
      'requested_memory_bytes',
      'is_eligible',
    ]) {
      expect(accepted.body.deployment[field]).toEqual(deployment[field]);
    }
    const second = await replayOne(api, 'submission-second');
    const revision = (body: unknown): unknown =>
      (body as { deployment: { deployment_revision: string } }).deployment.deployment_revision;
    expect(revision(second.body)).toBe(revision(sample('submission-second').response.body));
    await replayAll(api, [
      'submission-cap',
      'submission-current',
      'submission-extrinsic-reused',
      'submission-not-gzip',
      'submission-bad-manifest',
      'submission-unknown-family',
      'submission-direct-provider',
    ]);
  });

  it('pay a fee once', async () => {
    const { fee } = api.deps.config;
    Object.assign(fee, { treasury: OWNER });
    await replayOne(api, 'submission-fee-extrinsic-reused');
    Object.assign(fee, { treasury: '' });
  });
});

describe('recorded work of validators', () => {
  let api: ApiUnderTest;
  const other = sample('claim-run-id').request.headers['X-Hotkey'] as string;
  beforeAll(async () => {
    api = await start();
    const stored = await api.deps.objectStore.put('submissions/archive.tar.gz', Buffer.from('bytes'));
    await seedAgent(api.db, { ...AGENT0, storageKey: stored.key });
    await seedAgent(api.db, AGENT1);
    await seedOpenTasks(api.db);
    await api.db.validator.createMany({ data: [VALIDATOR0, other].map((hotkey, uid) => ({ hotkey, uid })) });
  });
  afterAll(() => api.close());

  it('claim and settle', async () => {
    await replayAll(api, ['tasks-status-initial', 'claim-unknown-family', 'claim-unknown-run']);
    // The first claim was left out of the recording.
    const signer = hotkeyFromUri('//Validator0');
    expect(signer.ss58).toBe(VALIDATOR0);
    const first = await api.call('POST', '/v1/families/general_chat/tasks/claim', {
      signer,
      json: { batch_size: 1 },
      now: clock.now,
    });
    expect(first.body.tasks[0].task_id).toBe('bench-task-000000');
    await replayAll(api, [
      'claim-run-id',
      'result-wrong-validator',
      'result-unknown-id',
      'result-accepted',
      'result-same-twice',
      'result-unknown-miner',
      'claim-last',
      'claim-empty-while-claimed',
      'tasks-status-rearmed',
      'result-after-rearm',
    ]);
    // The other validator's lease ends; its task is there for the first.
    await api.db.taskClaim.updateMany({ where: { validatorHotkey: other }, data: { status: 'expired' } });
    await api.db.minerEvaluationTask.updateMany({
      where: { claimedByValidator: other },
      data: { status: 'pending', claimedByValidator: null, claimFencing: null },
    });
    await replayAll(api, [
      'claim-after-rearm',
      'result-empty-list',
      'result-defaults',
      'result-completes',
      'tasks-status-complete',
      'baseline-failed-absent',
    ]);
  });

  it('read feedback, and the ledger', async () => {
    await seedFeedback(api.db);
    await replayAll(api, [
      'feedback-rows',
      'tool-call-write',
      'tool-call-write-minimal',
      'ledger-rows',
      'ledger-empty',
      'ledger-query-signed',
    ]);
    Object.assign(api.deps.config, { feedbackEnabled: false });
    await replayOne(api, 'feedback-disabled');
    Object.assign(api.deps.config, { feedbackEnabled: true });
  });

  it('reach agents', async () => {
    await api.db.managedDeployment.updateMany({ data: { runtimeEndpointUrl: 'http://127.0.0.1:9' } });
    await replayAll(api, [
      'infer-unary-validator-422',
      'run-member-health-validator',
      'infer-unary-no-pod',
      'infer-stream-no-pod',
    ]);
  });

  it('serve the owner’s own services', async () => {
    await replayAll(api, [
      'candidate-registry',
      'checkpoint-put',
      'checkpoint-no-namespace',
      'internal-artifact-upload',
      'dashboard-miner-runs',
      'dashboard-miner-run',
      'dashboard-validator-costs',
    ]);
    const metrics = await replayOne(api, 'metrics');
    const names = (text: string): string[] =>
      [...text.matchAll(/^# TYPE (eirel_owner_\w+) gauge$/gm)].map(([, name]) => name as string);
    const recorded = names(sample('metrics').response.body as string);
    expect(recorded.length).toBeGreaterThan(3);
    expect(recorded.filter((name) => !names(metrics.text).includes(name))).toEqual([]);
    await api.db.managedDeployment.updateMany({ data: { isActive: false, activeSetRank: null } });
    await replayOne(api, 'serving-family-none');
    await api.db.epochTargetSnapshot.updateMany({ data: { status: 'scored' } });
    await replayOne(api, 'run-member-health-closed');
  });

  it('go on when a run changes', async () => {
    await replayAll(api, ['admin-runs-advance-bundle-missing', 'claim-after-failed-advance']);
    await api.db.evaluationRun.update({
      where: { id: 'run-1' },
      data: { status: 'completed', phase: 'completed', closedAt: clock.now },
    });
    const run = await api.db.evaluationRun.findUniqueOrThrow({ where: { id: 'run-1' } });
    await api.db.evaluationRun.create({
      data: {
        id: 'run-2',
        sequence: 2,
        status: 'scheduled',
        phase: 'scheduled',
        benchmarkVersion: run.benchmarkVersion,
        rubricVersion: run.rubricVersion,
        judgeModel: run.judgeModel,
        startedAt: run.endsAt,
        endsAt: new Date(run.endsAt.getTime() + 86_400_000),
      },
    });
    const asked = jest.spyOn(api.deps.temporal.workflow, 'getHandle');
    // Opened earlier, it would itself be the run to close: it is asked for once it was read as the next one.
    const opens = async (): Promise<void> => {
      for (let tries = 0; asked.mock.calls.length === 0 && tries < 300; tries += 1) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      await api.db.evaluationRun.update({
        where: { id: 'run-2' },
        data: { status: 'open', phase: 'running' },
      });
    };
    try {
      await Promise.all([replayOne(api, 'admin-runs-advance'), opens()]);
    } finally {
      asked.mockRestore();
    }
    await replayAll(api, ['claim-next-run-first', 'claim-next-run-second', 'tasks-status-next-run']);
  });
});

describe('recorded requests about a run', () => {
  let api: ApiUnderTest;
  beforeAll(async () => {
    api = await start();
    const stored = await api.deps.objectStore.put('submissions/archive.tar.gz', Buffer.from('bytes'));
    await seedAgent(api.db, { ...AGENT0, storageKey: stored.key });
    await seedAgent(api.db, AGENT1);
    await seedRun(api.db);
    await seedScores(api.db);
    await seedOthers(api.db);
    await api.db.managedDeployment.update({
      where: { id: AGENT1.deploymentId },
      data: { updatedAt: new Date('2026-11-23T12:17:02.066Z') },
    });
    const bundle = (
      sample('targets').response.body as { evaluation_bundle: { tasks: { metadata: object }[] } }
    ).evaluation_bundle;
    // What validators must not see is put in, to be taken out again.
    const secret = {
      ...bundle,
      tasks: bundle.tasks.map((task) => ({
        ...task,
        expected_output: { answer: 'gold', task_family: 'factual_web' },
        metadata: { ...task.metadata, seed_id: 'gold' },
      })),
      metadata: { hidden_fixture_ids: ['gold'], dataset_generator: { version: 'bench' } },
    };
    await api.deps.objectStore.put(
      'general_chat/evaluation_bundle/run-1/x.json',
      Buffer.from(JSON.stringify(secret)),
    );
  });
  afterAll(() => api.close());

  it('read an open run', () =>
    replayAll(api, [
      'runs-current',
      'runs-list',
      'scorecards',
      'aggregate',
      'submission-scorecards',
      'submission-canonical',
      'submission-progress',
      'submission-pool',
      'deployments-list',
      'deployment-by-id',
      'dashboard-overview',
      'dashboard-leaderboard',
      'dashboard-queued',
      'admin-whoami',
      'admin-runs-current',
      'admin-submissions',
      'admin-deployments',
      'submission-by-id-other-miner',
      'admin-not-owner',
    ]));

  it('read the targets without gold answers and without credentials', async () => {
    const answer = await replayOne(api, 'targets');
    expect(answer.text).not.toMatch(/must-not-be-shown|gold/);
    expect(answer.body.evaluation_bundle.tasks[0].expected_output).toEqual({ task_family: 'factual_web' });
    expect(await api.db.epochTargetSnapshot.count()).toBe(1);
  });

  it('download an archive', async () => {
    const archive = await api.db.submissionArtifact.findFirstOrThrow({
      where: { submissions: { some: { id: '76f34108-821e-4413-a576-a74f3cae7581' } } },
    });
    const stored = await api.deps.objectStore.put(archive.storageKey, Buffer.from('its bytes'));
    await api.db.submissionArtifact.update({
      where: { id: archive.id },
      data: { storageKey: stored.key, sizeBytes: 9n },
    });
    expect((await replayOne(api, 'submission-artifact')).text).toBe('its bytes');
  });

  it('administer validators', async () => {
    for (const name of ['admin-validators-add', 'admin-validators-disable', 'admin-validators-remove']) {
      expect((await replayOne(api, name)).body).toEqual(sample(name).response.body);
    }
    await replayOne(api, 'admin-validators-remove-unknown');
  });

  it('read a closed run', async () => {
    await seedClose(api.db, 'general_chat/evidence/run-1/x.json');
    await replayAll(api, [
      'weights-ready',
      'admin-runs',
      'dashboard-leaderboard-closed-run',
      'runs-current-next',
    ]);
    const weights = await send(api, 'weights-ready');
    expect(weights.body).toMatchObject(sample('weights-ready').response.body as object);
    expect((await api.call('GET', '/v1/weights?run_id=run-2')).body.ready).toBe(false);
    await api.db.managedDeployment.updateMany({
      where: { minerHotkey: MINER2, status: 'queued' },
      data: {
        status: 'deployed_for_eval',
        healthStatus: 'healthy',
        assignedNodeName: 'bench-node',
        healthDetailsJson: (
          sample('submission-after-open').response.body as { deployment: { health_details: object } }
        ).deployment.health_details,
      },
    });
    await replayOne(api, 'submission-after-open');
  });
});

describe('the comparison itself', () => {
  it('finds what it is for', () => {
    expect(
      compare(
        { a: 1, b: null, t: '2026-01-01T00:00:00' },
        { a: '1', b: 2, t: '2026-01-01T00:00:00+00:00', c: 1 },
      ),
    ).toEqual([
      '$.c: new',
      '$.a: number became string',
      '$.b: null became a value',
      '$.t: a time of another form',
    ]);
    expect(compare({ list: [{ x: 1 }] }, { list: [{}] })).toEqual(['$.list[0].x: missing']);
    expect(compare([1], [])).toEqual(['$: length 1 became 0']);
  });

  it('left no sample out, and lists no difference in vain', () => {
    expect(samples.map(({ name }) => name).filter((name) => !replayed.has(name))).toEqual([]);
    expect(Object.keys(DIFFERENCES).filter((name) => !replayed.has(name))).toEqual([]);
    expect(Object.values(ADDED_FIELDS).every((why) => why.length > 0)).toBe(true);
  });
});
