/** Orders of the owner about agents, with the product's workflows behind the API and room for one agent at a time. */
import { defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } from '@temporalio/common';
import { DEPLOYMENT_MESSAGES, workflowIds } from '../../../domain/messages';
import { eventually } from '../../workflow/environment';
import type { WorkflowEnvironment } from '../../workflow/environment';
import { agentArchive, key, register, upload } from './harness';
import type { Answer, ApiUnderTest } from './harness';
import { RUN, startOrdersBed, type OrdersBed } from './orders-bed';

const owner = key(1);
const older = key(50);
const newer = key(51);

describe('orders', () => {
  let api: ApiUnderTest;
  let workflows: WorkflowEnvironment;
  let activities: OrdersBed['activities'];
  let bed: OrdersBed;
  beforeAll(async () => {
    bed = await startOrdersBed(owner);
    ({ api, workflows, activities } = bed);
    await register(api, older, newer);
  }, 120_000);
  afterAll(() => bed.close());

  const post = (path: string, json: object = {}): Promise<Answer> =>
    api.call('POST', path, { signer: owner, json });
  const submit = async (miner: typeof older): Promise<string> =>
    (await upload(api, miner, await agentArchive({ 'note.txt': miner.ss58 }))).body.id as string;
  const deploymentOf = (submissionId: string) =>
    api.db.managedDeployment.findFirstOrThrow({ where: { submissionId } });
  const becomes = (submissionId: string, status: string): Promise<void> =>
    eventually(async () => expect((await deploymentOf(submissionId)).status).toBe(status));
  const audit = async (target: string): Promise<Array<Record<string, unknown>>> => {
    const answer = await api.call('GET', `/v1/admin/actions?target=${encodeURIComponent(target)}`, {
      signer: owner,
    });
    return (answer.body as unknown as Array<Record<string, unknown>>).reverse();
  };

  it('gives agents their turn, drains and lets go, refuses hotkeys, and writes all of it down', async () => {
    await workflows.withWorkers(activities, async () => {
      const first = await submit(older);
      const second = await submit(newer);
      await eventually(async () => {
        for (const id of [first, second]) {
          expect((await deploymentOf(id)).healthDetailsJson).toMatchObject({ image: 'image' });
        }
      });
      expect((await post(`/v1/admin/runs/${RUN}/open`)).body).toMatchObject({ changed: true });

      // Room for one: the newer agent runs, the other says why it waits, and nobody is held up by that.
      await becomes(second, 'deployed_for_eval');
      await eventually(async () =>
        expect((await api.call('GET', `/v1/runs/${RUN}/progress`)).body.phase).toBe('running'),
      );
      expect(await deploymentOf(first)).toMatchObject({
        status: 'received',
        placementStatus: 'pending_capacity',
        placementErrorText: 'waits for its turn: 1 agents fit at a time, and newer submissions go first',
      });
      expect(await api.db.runtimeNodeSnapshot.findMany()).toMatchObject([
        { nodeName: 'node-1', verified: true, derivedPodCapacity: 1 },
      ]);
      const { id } = await deploymentOf(second);
      const drain = `/v1/admin/deployments/${id}/drain`;

      const dry = await post(drain, { dry_run: true });
      expect([dry.status, dry.body]).toEqual([
        200,
        expect.objectContaining({
          changed: false,
          status: 'deployed_for_eval',
          message: expect.stringMatching(/would drain .*nothing was changed/) as unknown,
        }),
      ]);
      expect(await audit(id)).toEqual([]);
      const order = { reason: 'it misbehaves', order_id: 'drain-it-once' };
      expect((await post(drain, order)).body).toMatchObject({ changed: true });
      expect((await post(drain, order)).body).toMatchObject({
        changed: false,
        message: expect.stringMatching(/carried out before/) as unknown,
      });
      expect((await post(drain)).body).toMatchObject({ changed: false, message: 'it is drained already' });
      await becomes(second, 'standby_cold');
      await becomes(first, 'deployed_for_eval');
      expect(await audit(id)).toEqual([
        expect.objectContaining({
          id: 'drain-it-once',
          action: 'deployment.drain',
          actor: owner.ss58,
          via: 'api',
          reason: 'it misbehaves',
          outcome: 'applied',
          at: expect.any(String) as unknown,
        }),
        expect.objectContaining({ action: 'deployment.drain', outcome: 'unchanged' }),
      ]);

      // By hand, through Temporal, and with nonsense for a payload.
      const handle = workflows.client.workflow.getHandle(workflowIds.deployment(id));
      await handle.signal(DEPLOYMENT_MESSAGES.promote, 'nonsense');
      await handle.signal(DEPLOYMENT_MESSAGES.activate);
      await handle.signal(DEPLOYMENT_MESSAGES.undrain, { actor: 'somebody', reason: 'mended' });
      await becomes(second, 'deployed_for_eval');
      await becomes(first, 'standby_cold');
      expect((await audit(id)).at(-1)).toMatchObject({
        action: 'deployment.undrain',
        actor: 'somebody',
        via: 'temporal',
        reason: 'mended',
        outcome: 'applied',
      });

      const ban = `/v1/admin/submissions/${second}/ban`;
      expect((await post(ban)).status).toBe(422);
      expect((await post(ban, { reason: 'copied', dry_run: true })).body).toMatchObject({
        changed: false,
        withdrawn: [second],
      });
      expect((await post(ban, { reason: 'copied' })).body).toMatchObject({
        changed: true,
        hotkey: newer.ss58,
      });
      await becomes(second, 'retired');
      expect((await post(ban, { reason: 'copied' })).body).toMatchObject({ changed: false });
      const row = await api.db.managedMinerSubmission.findUniqueOrThrow({ where: { id: second } });
      expect(row).toMatchObject({ status: 'withdrawn', statusReason: 'banned: copied' });
      const refused = await upload(api, newer, await agentArchive());
      expect([refused.status, refused.body.detail]).toEqual([
        403,
        `hotkey ${newer.ss58.slice(0, 16)}... is banned by the subnet owner: copied`,
      ]);
      expect((await api.call('GET', '/v1/admin/bans', { signer: owner })).body).toMatchObject([
        { hotkey: newer.ss58, reason: 'copied', banned_by: owner.ss58 },
      ]);
      const unban = `/v1/admin/hotkeys/${newer.ss58}/unban`;
      expect((await post(unban)).body).toMatchObject({ changed: true });
      expect((await post(unban)).body).toMatchObject({ changed: false });
      expect((await upload(api, newer, await agentArchive({ 'b.txt': 'b' }))).status).toBe(200);

      await becomes(first, 'deployed_for_eval');
      const taken = await workflows.client.workflow.getHandle(workflowIds.submission(first));
      await taken.signal('ban', ['no', 'reason']);
      await becomes(first, 'retired');
      expect(await audit(first)).toMatchObject([
        { action: 'submission.ban', via: 'temporal', outcome: 'applied', message: 'banned: no reason given' },
      ]);
      expect((await upload(api, older, await agentArchive())).status).toBe(403);

      // Whoever was banned or withdrew cannot win, whatever it scored.
      await post(`/v1/admin/runs/${RUN}/close`, { mode: 'now' });
      await eventually(async () => {
        const run = await api.call('GET', `/v1/runs/${RUN}/progress`);
        expect(run.body.status).toBe('completed');
      });
      const evidence = await api.call('GET', `/v1/runs/${RUN}/evidence`);
      const [family] = (evidence.body as unknown as { families: Array<Record<string, unknown>> }).families;
      expect(family?.members).toEqual([
        expect.objectContaining({ hotkey: older.ss58, excluded: 'banned: no reason given' }),
        expect.objectContaining({ hotkey: newer.ss58, excluded: 'banned: copied' }),
      ]);
    });
  }, 180_000);

  it('asks again about tasks whose truth is missing, and only those', async () => {
    const tasks = await api.db.taskEvaluation.findMany({
      where: { runId: RUN },
      orderBy: { taskIndex: 'asc' },
    });
    const [settled, missing] = tasks.map((task) => task.taskId);
    const path = (task: string): string => `/v1/admin/runs/${RUN}/tasks/${task}/re-enrich`;
    expect((await post(path('nothing'))).status).toBe(404);
    expect((await post(path(settled ?? ''))).body).toMatchObject({
      changed: false,
      message: expect.stringMatching(/is settled/) as unknown,
    });
    await api.db.taskEvaluation.updateMany({
      where: { runId: RUN, taskId: missing ?? '' },
      data: { enrichmentStatus: 'failed' },
    });
    expect((await post(path(missing ?? ''))).status).toBe(409);
    const enrichments = (query = ''): Promise<Answer> =>
      api.call('GET', `/v1/admin/runs/${RUN}/enrichments${query}`, { signer: owner });
    expect((await enrichments('?status=failed')).body).toEqual([
      expect.objectContaining({ task_id: missing, status: 'failed', cost_usd: 0, settled_at: null }),
    ]);
    expect((await enrichments('?status=pending')).body).toEqual([]);
    expect((await enrichments('?status=lost')).status).toBe(422);
    expect((await api.call('GET', `/v1/runs/${RUN}/progress`)).body).toMatchObject({
      oracles: { pending: 0, ready: 0, failed: 1 },
      spend: { models_usd: 0, tools_usd: 0, oracles_usd: 0, judges_usd: 0, refused_calls: 0 },
    });
    await api.db.evaluationRun.updateMany({ where: { status: 'open' }, data: { status: 'completed' } });
    await api.db.evaluationRun.update({ where: { id: RUN }, data: { status: 'open' } });
    expect((await post(path(missing ?? ''), { dry_run: true })).body).toMatchObject({ changed: false });
    expect((await post(path(missing ?? ''))).body).toMatchObject({ changed: true });
    const enrichment = workflows.client.workflow.getHandle(`enrichment/${RUN}/${missing}`);
    expect((await enrichment.describe()).status.name).toBe('RUNNING');
    expect((await post(path(missing ?? ''))).body).toMatchObject({
      changed: true,
      message: 'its enrichment asks again now',
    });
    await enrichment.terminate();
  });

  it('has running publications give up', async () => {
    const cancel = (json: object): Promise<Answer> => post('/v1/admin/publications/cancel', json);
    expect((await cancel({ run_id: "run-1' OR 1=1" })).status).toBe(422);
    expect((await cancel({ run_id: RUN })).body).toMatchObject({ changed: false, publications: [] });
    const keyword = (name: string, value: string) => ({
      key: defineSearchAttributeKey(name, SearchAttributeType.KEYWORD),
      value,
    });
    const publication = await workflows.client.workflow.start('chainPublication', {
      workflowId: workflowIds.publication(RUN, owner.ss58),
      taskQueue: 'nobody-works-here',
      args: [],
      typedSearchAttributes: new TypedSearchAttributes([
        keyword('EirelKind', 'publication'),
        keyword('EirelRunId', RUN),
        keyword('EirelHotkey', owner.ss58),
      ]),
    });
    await eventually(async () =>
      expect((await cancel({ run_id: RUN, dry_run: true })).body).toMatchObject({
        changed: false,
        publications: [publication.workflowId],
      }),
    );
    expect((await cancel({ run_id: RUN, hotkey: older.ss58 })).body).toMatchObject({ changed: false });
    expect((await cancel({ run_id: RUN, reason: 'wrong weights' })).body).toMatchObject({ changed: true });
    const { events } = await publication.fetchHistory();
    const signals = (events ?? []).flatMap((event) => event.workflowExecutionSignaledEventAttributes ?? []);
    expect(signals.map((signal) => signal.signalName)).toEqual(['cancel']);
    await publication.terminate();
  });

  it('is for the owner only', async () => {
    for (const path of [
      '/v1/admin/deployments/x/drain',
      '/v1/admin/submissions/x/ban',
      '/v1/admin/publications/cancel',
      `/v1/admin/runs/${RUN}/retry`,
    ]) {
      const answer = await api.call('POST', path, { signer: older, json: { reason: 'r', run_id: RUN } });
      expect(answer.status).toBe(403);
    }
  });
});
