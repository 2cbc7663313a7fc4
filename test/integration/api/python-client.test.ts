/** The published Python SDK's signer and plain httpx, claiming and settling a task as the original's validator does. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensurePythonVenv } from '../../../adapters/local-stack';
import { projectRoot } from '../../../adapters/project-root';
import { key, startApi } from './harness';
import type { ApiUnderTest } from './harness';
import { AGENT0, AGENT1, seedAgent } from './seed';
import { seedOpenTasks } from './wire/open-run';

jest.setTimeout(240_000);

const validator = key(7);
let api: ApiUnderTest;
let python: string;
beforeAll(async () => {
  const packages = ['eirel==0.5.2', 'py-sr25519-bindings==0.2.3'];
  ({ python } = await ensurePythonVenv('python-validator', packages, {
    toolsDir: join(projectRoot(), '.eirel', 'tools'),
    ignoreRequiresPython: true,
  }));
  api = await startApi();
  await seedAgent(api.db, AGENT0);
  await seedAgent(api.db, AGENT1);
  await seedOpenTasks(api.db);
  await api.db.validator.create({ data: { hotkey: validator.ss58 } });
});
afterAll(() => api.close());

test('a Python validator claims, submits, submits again, and reads what it needs', async () => {
  const script = join(__dirname, 'python-client.py');
  const seed = Buffer.from(new Uint8Array(32).fill(7)).toString('hex');
  const { stdout } = await promisify(execFile)(python, [
    script,
    api.url,
    validator.ss58,
    seed,
    AGENT0.hotkey,
  ]);
  const seen = JSON.parse(stdout) as Record<string, unknown>;
  const answer = [
    200,
    {
      task_evaluation_id: expect.any(String) as string,
      status: 'accepted',
      family_evaluation_complete: false,
      remaining_task_count: 2,
    },
  ];
  expect(seen).toEqual({
    claim: 200,
    miners: 2,
    bearer: true,
    result: answer,
    again: answer,
    status: [200, expect.objectContaining({ total_tasks: 3, evaluated_tasks: 1, pending_tasks: 2 })],
    ledger: 200,
    weights: 200,
    second_claim: 200,
  });
  expect(await api.db.taskMinerResult.count()).toBe(2);
});
