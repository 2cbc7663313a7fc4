import { archiveOf, key, MANIFEST, startApi } from './harness';
import type { ApiUnderTest } from './harness';
import {
  AGENT0,
  AGENT1,
  FAMILY,
  MINER0,
  MINER1,
  seedAgent,
  seedClose,
  seedRun,
  seedScores,
  VALIDATOR0,
} from './seed';

const stranger = key(9);

describe('public pages', () => {
  let api: ApiUnderTest;
  let archive: Buffer;
  const board = async (query = '') =>
    (await api.call('GET', `/api/v1/dashboard/leaderboard?family_id=${FAMILY}${query}`)).body;
  const files = `/api/v1/dashboard/runs/run-1/submissions/${AGENT0.submissionId}`;

  beforeAll(async () => {
    api = await startApi();
    archive = await archiveOf({
      'submission.yaml': MANIFEST,
      'src/app.py': 'print("hé")\n',
      'src/logo.bin': Buffer.from([0xff, 0x00, 0xfe]),
      'src/big.txt': Buffer.alloc(5 * 1024 * 1024 + 1, 0x61),
    });
    const stored = await api.deps.objectStore.put('submissions/a.tar.gz', archive);
    await api.deps.objectStore.put('general_chat/evidence/run-1/x.json', Buffer.from('{"run_id":"run-1"}'));
    await seedAgent(api.db, { ...AGENT0, storageKey: stored.key, sizeBytes: archive.length });
    await seedAgent(api.db, AGENT1);
    await seedRun(api.db);
  });
  afterAll(() => api.close());

  it('rank the open run by what is settled so far', async () => {
    const body = await board();
    expect(body).toMatchObject({ run_id: 'run-1', run_status: 'open', total: 2 });
    expect(
      body.entries.map((entry: { hotkey: string; raw_score: number }) => [entry.hotkey, entry.raw_score]),
    ).toEqual([
      [MINER0, expect.closeTo(0.82) as number],
      [MINER1, expect.closeTo(0.58) as number],
    ]);
    expect(body.entries[0]).toMatchObject({
      rank: 1,
      hotkey_short: '5Cyn...srK',
      agent_name: 'demo-agent',
      is_serving_winner: false,
      is_running: true,
      trend: 'new',
      previous_rank: null,
      epochs_participated: 0,
      win_count: 0,
      metrics: {
        matches_count: 3,
        error_rate: 0,
        reliable: true,
        mean_pairwise_preference: 0.75,
        mean_tool_routing: null,
      },
      tasks_total: 3,
      tasks_answered: 3,
    });
    expect(body.entries[1].metrics).toMatchObject({ matches_count: 2, contradicts_count: 1 });
    const page = await board('&limit=1&offset=1');
    expect([page.total, page.entries.length, page.entries[0].rank]).toEqual([2, 1, 2]);
    expect((await api.call('GET', '/api/v1/dashboard/leaderboard?run_id=nope')).status).toBe(404);
  });

  it('show how a run goes on, to anybody', async () => {
    await api.db.minerEvaluationTask.updateMany({
      where: { minerHotkey: MINER1, taskIndex: 2 },
      data: { status: 'claimed', officialComposite: null },
    });
    const { body } = await api.call('GET', '/v1/runs/run-1/progress');
    expect(body).toMatchObject({
      phase: 'running',
      total: 6,
      tasks: { pending: 0, claimed: 1, evaluated: 5, expired: 0, unscored: 0 },
      leases: [],
      validators: [{ validator_hotkey: VALIDATOR0, active_leases: 0, judgments: 6 }],
    });
    expect(body.miners[1]).toMatchObject({
      miner_hotkey: MINER1,
      mean_score: expect.closeTo(0.87) as number,
    });
    await api.db.minerEvaluationTask.updateMany({
      where: { minerHotkey: MINER1, taskIndex: 2 },
      data: { status: 'evaluated', officialComposite: 0 },
    });
  });

  it('keep archives, evidence and the seed of the draw private until the run is completed', async () => {
    await seedScores(api.db);
    for (const path of [`${files}/artifact`, `${files}/files`, `${files}/files/src/app.py`]) {
      expect(await api.call('GET', path)).toMatchObject({ status: 404, body: { detail: 'not found' } });
    }
    expect((await api.call('GET', '/v1/runs/run-1/evidence')).status).toBe(404);
    expect((await api.call('GET', '/v1/runs')).body[0]).toMatchObject({
      sampler_commitment: 'c'.repeat(64),
      sampler_seed: null,
      family_results: {},
    });
    expect((await api.call('GET', '/v1/weights?run_id=run-1')).body).toMatchObject({
      ready: false,
      run_id: null,
    });
  });

  it('open all of it once the run is completed', async () => {
    await seedClose(api.db, 'general_chat/evidence/run-1/x.json');
    const artifact = await fetch(`${api.url}${files}/artifact`);
    expect(Buffer.from(await artifact.arrayBuffer()).equals(archive)).toBe(true);
    const list = await api.call('GET', `${files}/files`);
    expect(list.body.files).toContainEqual({ path: 'src/app.py', size_bytes: 13 });
    expect((await api.call('GET', `${files}/files/src/app.py`)).body).toEqual({
      path: 'src/app.py',
      size_bytes: 13,
      content: 'print("hé")\n',
    });
    for (const [path, status, words] of [
      ['src/logo.bin', 415, 'binary file'],
      ['src/big.txt', 413, 'file too large to view'],
      ['src/none.py', 404, 'file not found'],
      ['..%2Fetc%2Fpasswd', 404, 'file not found'],
    ]) {
      const answer = await api.call('GET', `${files}/files/${path}`);
      expect([path, answer.status, answer.body.detail]).toEqual([path, status, words]);
    }
    const other = files.replace(AGENT0.submissionId, 'nope');
    expect((await api.call('GET', `${other}/artifact`)).status).toBe(404);
    expect((await api.call('GET', files.replace('run-1', 'run-2') + '/artifact')).status).toBe(404);
    expect((await api.call('GET', '/v1/runs/run-1/evidence')).body).toEqual({ run_id: 'run-1' });
    const [, first] = (await api.call('GET', '/v1/runs')).body;
    expect(first).toMatchObject({
      sampler_seed: 'd'.repeat(64),
      family_results: { [FAMILY]: { winner_hotkey: MINER0, has_winner: true } },
      family_score_summaries: {
        [FAMILY]: { scored_miner_count: 2, run_winner_deployment_id: AGENT0.deploymentId },
      },
    });
    const closed = await board('&run_id=run-1');
    expect(closed.entries[0]).toMatchObject({ is_serving_winner: true, is_running: false, win_count: 1 });
  });

  it('leave the private artifact to its miner', async () => {
    const path = `/v1/submissions/${AGENT0.submissionId}/artifact`;
    expect((await api.call('GET', path, { signer: stranger })).status).toBe(403);
  });
});
