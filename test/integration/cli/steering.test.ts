/**
 * Every order of an operator, by the command line and by the `temporal` program, against a live API with the product's
 * workflows: a dry run changes nothing, the same order twice is carried out once, and all of it is written down.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hotkeyFromUri } from '../../../adapters/keys/hotkey';
import { obtainTemporal } from '../../../adapters/local-stack';
import { postgresPublicationLedger } from '../../../adapters/publication-ledger';
import { publicationTaskQueue, workflowIds } from '../../../domain/messages';
import { eventually } from '../../workflow/environment';
import { temporalAddress } from '../../harness/stack';
import { agentArchive, key, register, upload } from '../api/harness';
import { RUN, startOrdersBed, type OrdersBed } from '../api/orders-bed';
import { cli, ensureBuilt } from './run-cli';

const owner = hotkeyFromUri('//Owner');
const validator = hotkeyFromUri('//Validator');
const [kept, taken, banned] = [key(60), key(61), key(62)];

let bed: OrdersBed;
let temporal: (...args: string[]) => Promise<void>;
beforeAll(async () => {
  ensureBuilt();
  bed = await startOrdersBed(owner);
  await register(bed.api, kept, taken, banned);
  const { path } = await obtainTemporal({ toolsDir: join(__dirname, '../../../.eirel/tools') });
  const address = await temporalAddress();
  const namespace = bed.workflows.client.options.namespace;
  temporal = async (...args) => {
    await promisify(execFile)(path, ['workflow', ...args, '--address', address, '--namespace', namespace]);
  };
}, 300_000);
afterAll(() => bed.close());

async function run(...args: string[]): Promise<{ code: number | null; answer: Record<string, unknown> }> {
  const result = await cli([...args, '-o', 'json'], {
    env: { OWNER_API_PUBLIC_URL: bed.api.url, EIREL_OWNER_MNEMONIC: '//Owner' },
  });
  if (result.code !== 0) throw new Error(`eirel-ai ${args.join(' ')}: ${result.code} ${result.stderr}`);
  return { code: result.code, answer: JSON.parse(result.stdout) as Record<string, unknown> };
}

const rows = () => bed.api.db.operatorAction.findMany({ orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] });

/** A withdrawal answers with the status, every other order with whether it changed anything. */
const changedBy = (answer: Record<string, unknown>): boolean =>
  'changed' in answer ? answer.changed === true : answer.status === 'withdrawn';

/** Orders sent a second time, which may come whenever they like. */
const repeated: Promise<void>[] = [];

/** Gives one order dry, then twice under one name, and looks at what was written down. */
async function order(action: string, target: string, ...args: string[]): Promise<void> {
  const before = (await rows()).length;
  const why = ['--reason', `because of ${action}`];
  const dry = await run(...args, ...why, '--dry-run');
  expect([action, changedBy(dry.answer), dry.answer.dry_run]).toEqual([action, false, true]);
  expect(await rows()).toHaveLength(before);
  const orderId = `order-${action.replace('.', '-')}`;
  const once = ['--order-id', orderId, ...why, '--yes'];
  expect([action, changedBy((await run(...args, ...once)).answer)]).toEqual([action, true]);
  repeated.push(
    run(...args, ...once).then(({ answer }) => {
      if ('changed' in answer) expect([action, answer.changed]).toEqual([action, false]);
    }),
  );
  const row = await bed.api.db.operatorAction.findUniqueOrThrow({ where: { id: orderId } });
  expect(row).toMatchObject({
    action,
    target,
    actor: owner.ss58,
    via: 'cli',
    reason: `because of ${action}`,
    outcome: 'applied',
  });
  expect(Math.abs(row.createdAt.getTime() - Date.now())).toBeLessThan(3_600_000);
}

/** The publisher of one validator, which the chain makes wait for an hour. */
function publisher() {
  const ledger = postgresPublicationLedger(bed.api.db);
  return {
    loadWeights: async ({ runId }: { runId: string }) => ({ runId, weights: {} }),
    planVector: async () => ({ mode: 'set', waitSeconds: 3600, untilBlock: 99, uids: [0], values: [65535] }),
    recordOrder: (record: Parameters<typeof ledger.recordOrder>[0]) => ledger.recordOrder(record),
  };
}

const phase = async (id: string): Promise<string> =>
  (await bed.api.db.evaluationRun.findUniqueOrThrow({ where: { id } })).phase;
const submit = async (miner: typeof kept): Promise<{ submission: string; deployment: string }> => {
  const answer = await upload(bed.api, miner, await agentArchive({ 'note.txt': miner.ss58 }));
  const submission = answer.body.id as string;
  const row = await bed.api.db.managedDeployment.findFirstOrThrow({ where: { submissionId: submission } });
  return { submission, deployment: row.id };
};

test('every verb of the command line, and every signal of the Temporal program', async () => {
  const { api, workflows } = bed;
  const activities = { ...bed.activities, ...publisher() };
  await workflows.withWorkers(activities, async () => {
    const [agent, back, cheat] = [await submit(kept), await submit(taken), await submit(banned)];
    await eventually(async () => {
      const built = await api.db.managedDeployment.findMany();
      expect(built.map((row) => row.healthDetailsJson)).toEqual(
        built.map(() => expect.objectContaining({ image: 'image' }) as unknown),
      );
    }, 30_000);
    await order('submission.withdraw', back.submission, 'submission', 'withdraw', back.submission);
    await order('submission.ban', cheat.submission, 'submission', 'ban', cheat.submission);
    await order('hotkey.unban', banned.ss58, 'submission', 'unban', banned.ss58);
    await order('run.open', RUN, 'run', 'open', RUN);
    await eventually(async () => expect(await phase(RUN)).toBe('running'), 30_000);
    await order('run.pause', RUN, 'run', 'pause', RUN);
    await order('run.resume', RUN, 'run', 'resume', RUN);
    await order('run.extend', RUN, 'run', 'extend', RUN, '--seconds', '600');
    await order('deployment.drain', agent.deployment, 'deployment', 'drain', agent.deployment);
    await order('deployment.undrain', agent.deployment, 'deployment', 'undrain', agent.deployment);
    const task = await api.db.taskEvaluation.findFirstOrThrow({ where: { runId: RUN } });
    await api.db.taskEvaluation.update({ where: { id: task.id }, data: { enrichmentStatus: 'failed' } });
    await order('task.re-enrich', `${RUN}/${task.taskId}`, 'task', 're-enrich', RUN, task.taskId);
    await workflows.client.workflow.getHandle(workflowIds.enrichment(RUN, task.taskId)).terminate();
    await order('run.close', RUN, 'run', 'close', RUN, '--mode', 'now');
    await eventually(async () => expect(await phase(RUN)).toBe('completed'), 30_000);

    await api.db.validator.create({ data: { hotkey: validator.ss58 } });
    await order('publication.publish', RUN, 'weights', 'publish', RUN);
    const publication = workflows.client.workflow.getHandle(workflowIds.publication(RUN, validator.ss58));
    await eventually(async () =>
      expect(await publication.query('status')).toMatchObject({ step: 'waiting' }),
    );
    const nudged = await run('weights', 'publish', RUN, '--yes');
    expect(nudged.answer).toMatchObject({
      changed: true,
      message: expect.stringMatching(/waits .* told to try now/) as unknown,
    });
    await order('publication.cancel', RUN, 'weights', 'cancel', RUN);
    expect(await publication.result()).toMatchObject({ step: 'cancelled' });

    // The next run, by the program of Temporal's own.
    const next = 'run-2';
    const signal = (workflowId: string, name: string, input?: unknown): Promise<void> =>
      temporal(
        'signal',
        '--workflow-id',
        workflowId,
        '--name',
        name,
        ...(input === undefined ? [] : ['--input', JSON.stringify(input)]),
      );
    const by = { actor: 'ana', reason: 'by hand' };
    const written = (action: string, target: string, outcome: string): Promise<void> =>
      eventually(async () => {
        const found = (await rows()).filter((row) => row.via === 'temporal');
        expect(found.map((row) => [row.action, row.target, row.outcome])).toContainEqual([
          action,
          target,
          outcome,
        ]);
      }, 30_000);
    await eventually(async () => expect(await phase(next)).toMatch(/scheduled|running/), 30_000);
    const opens = (await phase(next)) === 'scheduled';
    await signal(workflowIds.run(next), 'open', by);
    await written('run.open', next, opens ? 'applied' : 'unchanged');
    await eventually(async () => expect(await phase(next)).toBe('running'), 30_000);
    await signal(workflowIds.run(next), 'pause');
    await written('run.pause', next, 'applied');
    await signal(workflowIds.run(next), 'resume', 'a text is the reason');
    await written('run.resume', next, 'applied');
    await signal(workflowIds.run(next), 'extend', { ...by, seconds: 60 });
    await written('run.extend', next, 'applied');
    await signal(workflowIds.run(next), 'retry', by);
    await written('run.retry', next, 'refused');
    await signal(workflowIds.deployment(agent.deployment), 'drain', by);
    await written('deployment.drain', agent.deployment, 'applied');
    await signal(workflowIds.deployment(agent.deployment), 'undrain', by);
    await written('deployment.undrain', agent.deployment, 'applied');
    await signal(workflowIds.run(next), 'close', { ...by, mode: 'now' });
    await written('run.close', next, 'applied');
    await eventually(async () => expect(await phase(next)).toBe('completed'), 30_000);
    await run('weights', 'publish', next, '--yes', '--hotkey', validator.ss58);
    const later = workflows.client.workflow.getHandle(workflowIds.publication(next, validator.ss58));
    await eventually(
      async () => expect(await later.query('status')).toMatchObject({ step: 'waiting' }),
      30_000,
    );
    await signal(workflowIds.publication(next, validator.ss58), 'retry', by);
    await written('publication.retry', `${next}/${validator.ss58}`, 'applied');
    await signal(workflowIds.publication(next, validator.ss58), 'cancel', by);
    await written('publication.cancel', `${next}/${validator.ss58}`, 'applied');
    await signal(workflowIds.submission(agent.submission), 'withdraw', by);
    await written('submission.withdraw', agent.submission, 'applied');
  }, [publicationTaskQueue(validator.ss58)]);
}, 400_000);

test('weights are published only where there are any, and where somebody publishes', async () => {
  const answer = (...args: string[]) =>
    cli(['weights', 'publish', ...args, '--yes', '-o', 'json'], {
      env: { OWNER_API_PUBLIC_URL: bed.api.url, EIREL_OWNER_MNEMONIC: '//Owner' },
    });
  const [unknown, nobody] = await Promise.all([
    answer('run-99'),
    answer(RUN, '--hotkey', hotkeyFromUri('//Nobody').ss58),
  ]);
  expect(unknown).toMatchObject({ code: 5, stderr: expect.stringContaining('run run-99 not found') });
  expect(nobody).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('does not publish from this Temporal'),
  });
});
