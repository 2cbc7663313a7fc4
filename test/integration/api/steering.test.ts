/** Steering runs and withdrawing submissions through the API, with the product's workflows and activities behind it. */
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { runPolicyFromEnv } from '../../../activities/run-policy';
import { WorkflowSignaller } from '../../../activities/signaller';
import { createScheduledRun } from '../../../adapters/postgres/runs';
import { controlActivities } from '../../../workers/control';
import { eventually, workflowEnvironment } from '../../workflow/environment';
import type { WorkflowEnvironment } from '../../workflow/environment';
import { agentArchive, key, register, startApi, upload } from './harness';
import type { Answer, ApiUnderTest } from './harness';

const owner = key(1);

describe('steering', () => {
  let api: ApiUnderTest;
  let workflows: WorkflowEnvironment;
  let activities: Parameters<WorkflowEnvironment['withWorkers']>[0];
  beforeAll(async () => {
    workflows = await workflowEnvironment();
    api = await startApi({ env: { EIREL_OWNER_HOTKEY_SS58: owner.ss58 }, temporal: workflows.client });
    const policy = runPolicyFromEnv({
      EIREL_OWNER_SECRET: 'a secret for the sampler of a test',
      EIREL_OWNER_DATASET_ROOT_PATH: join(__dirname, '../../../demo/dataset'),
      EIREL_RUN_TASK_COUNT: '4',
      EIREL_RUN_DURATION_SECONDS: '3600',
    });
    const { db, deps } = api;
    const signaller = new WorkflowSignaller(workflows.client);
    activities = controlActivities({
      db,
      objectStore: deps.objectStore,
      policy,
      signaller,
      signer: owner,
      rag: null,
      drainGraceSeconds: 1,
      stopping: new AbortController().signal,
    });
    const now = new Date();
    await createScheduledRun(db, {
      sequence: 1,
      startsAt: new Date(now.getTime() + 3_600_000),
      endsAt: new Date(now.getTime() + 7_200_000),
      ...policy,
    });
    await signaller.startRun({ runId: 'run-1', sequence: 1, familyId: 'general_chat' });
  });
  afterAll(async () => {
    await api.close();
    await workflows.close();
  });

  const steer = (action: string, json: object = {}, run = 'run-1'): Promise<Answer> =>
    api.call('POST', `/v1/admin/runs/${run}/${action}`, { signer: owner, json });
  const actions = async (): Promise<string[]> => {
    const rows = await api.db.operatorAction.findMany({ orderBy: { createdAt: 'asc' } });
    return rows.map((row) => `${row.action} ${row.outcome}`);
  };

  it('opens, pauses, resumes, extends and closes a run, and advances to the next', async () => {
    await workflows.withWorkers(activities, async () => {
      const dry = await steer('open', { dry_run: true });
      expect([dry.status, dry.body.changed, dry.body.phase]).toEqual([200, false, 'scheduled']);
      const early = await steer('pause');
      expect([early.status, early.body.detail]).toEqual([
        409,
        'run run-1: the run is scheduled; only a run that is open and not closing can be paused',
      ]);
      expect((await steer('open', { reason: 'now' })).body).toMatchObject({ changed: true });
      await eventually(async () => {
        expect((await api.call('GET', '/v1/runs/run-1/progress')).body).toMatchObject({
          phase: 'running',
          status: 'open',
          reason: expect.stringMatching(/open for validators/) as unknown,
        });
      });
      expect((await steer('open')).body).toMatchObject({ changed: false });

      expect((await steer('pause', { reason: 'maintenance' })).body).toMatchObject({
        changed: true,
        phase: 'paused',
      });
      expect((await steer('pause')).body).toMatchObject({ changed: false });
      const paused = await api.call('GET', '/v1/runs/run-1/progress');
      expect(paused.body.paused_at).not.toBeNull();
      expect((await steer('resume')).body).toMatchObject({ changed: true });
      const before = await api.db.evaluationRun.findUniqueOrThrow({ where: { id: 'run-1' } });
      expect((await steer('extend', { seconds: 600, reason: 'slow' })).status).toBe(200);
      const after = await api.db.evaluationRun.findUniqueOrThrow({ where: { id: 'run-1' } });
      expect(after.endsAt.getTime() - before.endsAt.getTime()).toBe(600_000);
      expect((await steer('extend', { seconds: 0 })).status).toBe(422);

      expect((await api.call('GET', '/v1/runs/run-1/evidence')).status).toBe(404);
      const advanced = await api.call('POST', '/v1/admin/runs/advance', { signer: owner });
      expect([advanced.status, advanced.body]).toEqual([
        200,
        expect.objectContaining({
          result: 'advanced',
          previous_run_id: 'run-1',
          previous_sequence: 1,
          id: 'run-2',
          sequence: 2,
          status: 'open',
        }),
      ]);
      expect((await api.call('GET', '/v1/weights')).body).toMatchObject({ run_id: 'run-1', ready: true });
      expect((await steer('close')).body).toMatchObject({ changed: false, status: 'completed' });
      expect((await steer('extend', { seconds: 5 })).status).toBe(409);
      const evidence = await api.call('GET', '/v1/runs/run-1/evidence');
      expect([evidence.status, evidence.body.run_id ?? evidence.body.run?.run_id]).toEqual([200, 'run-1']);
      expect((await steer('close', {}, 'run-99')).status).toBe(404);
    });
    expect(await actions()).toEqual([
      'run.pause refused',
      'run.open applied',
      'run.open unchanged',
      'run.pause applied',
      'run.pause unchanged',
      'run.resume applied',
      'run.extend applied',
      'run.close applied',
      'run.open applied',
      'run.close unchanged',
      'run.extend refused',
    ]);
  });

  it('says so when no worker answers, and nothing is changed', async () => {
    await api.db.evaluationRun.create({
      data: {
        id: 'run-500',
        sequence: 500,
        status: 'scheduled',
        phase: 'scheduled',
        benchmarkVersion: 'b',
        rubricVersion: 'r',
        judgeModel: 'j',
        startedAt: new Date(),
        endsAt: new Date(),
      },
    });
    const gone = await steer('open', {}, 'run-500');
    expect([gone.status, gone.body.detail]).toEqual([
      503,
      expect.stringMatching(/run\/run-500 is not running/),
    ]);
  });

  it('withdraws a submission for its miner, once', async () => {
    const miner = key(40);
    await register(api, miner);
    const { id } = (await upload(api, miner, await agentArchive())).body;
    await workflows.withWorkers(
      {
        ...activities,
        // The chain and the build are parts of other tests; this submission only has to wait somewhere.
        verifySubmissionFee: () => Promise.resolve({ status: 'disabled' }),
        buildSubmission: async () => {
          for (;;) {
            Context.current().heartbeat();
            await Context.current().sleep(200);
          }
        },
      },
      async () => {
        const path = `/v1/submissions/${id}/withdraw`;
        await eventually(async () => {
          const journey = await api.call('GET', `/v1/submissions/${id}/events`, { signer: miner });
          expect(journey.body.now?.step).toBe('build');
        });
        const answer = await api.call('POST', path, { signer: miner, json: { reason: 'wrong model' } });
        expect([answer.status, answer.body]).toEqual([
          200,
          { submission_id: id, status: 'withdrawn', reason: 'withdrawn by the miner: wrong model' },
        ]);
        expect((await api.call('POST', path, { signer: miner })).body.status).toBe('withdrawn');
        const row = await api.call('GET', `/v1/submissions/${id}`, { signer: miner });
        expect(row.body.status).toBe('withdrawn');
      },
    );
  });
});
