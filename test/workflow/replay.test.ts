/** Histories of released versions must replay under today's workflow code: what runs at a customer's goes on after an upgrade. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from '@temporalio/worker';
import { WORKFLOW_TYPES } from '../../domain/messages';
import { workflowBundle } from './environment';

const root = join(__dirname, '..', 'histories');
const recorded = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.json'))
  .sort();

describe('recorded histories', () => {
  it('exist for every workflow', () => {
    const covered = new Set(recorded.map((file) => file.split('/').at(-1)?.replace('.json', '')));
    expect([...covered].sort()).toEqual(Object.values(WORKFLOW_TYPES).sort());
  });

  it.each(recorded)(
    '%s replays',
    async (file) => {
      const history: unknown = JSON.parse(readFileSync(join(root, file), 'utf8'));
      await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, history);
    },
    60_000,
  );

  it('does not replay when a step is missing from the history', async () => {
    const file = recorded.find((name) => name.endsWith('runEpoch.json')) ?? '';
    const history = JSON.parse(readFileSync(join(root, file), 'utf8')) as {
      events: Array<{ activityTaskScheduledEventAttributes?: { activityType?: { name?: string } } }>;
    };
    const step = history.events.find(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'freezeAndSeed',
    );
    const type = step?.activityTaskScheduledEventAttributes?.activityType;
    if (!type) throw new Error('the recorded run froze no snapshot');
    type.name = 'somethingElse';
    await expect(
      Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, history),
    ).rejects.toThrow(/nondeterminism/i);
  }, 60_000);
});
