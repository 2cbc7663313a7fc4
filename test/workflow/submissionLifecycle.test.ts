import { randomUUID } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import { FAULTS } from '../../domain/faults';
import {
  SUBMISSION_MESSAGES,
  TASK_QUEUES,
  WORKFLOW_TYPES,
  workflowIds,
  type SubmissionLifecycleInput,
  type SubmissionStatusView,
} from '../../domain/messages';
import { workflowEnvironment, eventually, type WorkflowEnvironment } from './environment';

let env: WorkflowEnvironment;
beforeAll(async () => {
  env = await workflowEnvironment();
}, 90_000);
afterAll(() => env.close());

function recorder() {
  const calls: Array<[string, Record<string, unknown>]> = [];
  const note =
    <T>(name: string, answer: T) =>
    async (input: Record<string, unknown>): Promise<T> => {
      calls.push([name, input]);
      return answer;
    };
  const activities = {
    verifySubmissionFee: note('verifySubmissionFee', { status: 'verified' }),
    buildSubmission: note('buildSubmission', { imageRef: 'image-1' }),
    recordBuilt: note('recordBuilt', { activated: false }),
    recordOwnerFault: note('recordOwnerFault', undefined),
    endSubmission: note('endSubmission', undefined),
    markRetired: note('markRetired', undefined),
    recordAction: note('recordAction', undefined),
  };
  return { activities, calls, ending: () => calls.find(([name]) => name === 'endSubmission')?.[1] };
}

async function start() {
  const id = randomUUID();
  const input: SubmissionLifecycleInput = {
    submissionId: id,
    deploymentId: `d-${id}`,
    minerHotkey: '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty',
    familyId: 'general_chat',
    introducedRunId: 'run-1',
  };
  const handle = await env.client.workflow.start(WORKFLOW_TYPES.submissionLifecycle, {
    workflowId: workflowIds.submission(id),
    taskQueue: TASK_QUEUES.control,
    args: [input],
  });
  const view = async (): Promise<SubmissionStatusView> => handle.query(SUBMISSION_MESSAGES.status);
  return { handle, view, input };
}

describe('submissionLifecycle', () => {
  it('verifies the fee, builds, waits for its run, and retires when told', async () => {
    const { activities, ending } = recorder();
    await env.withWorkers(activities, async () => {
      const { handle, view, input } = await start();
      await eventually(async () => expect((await view()).step).toBe('waiting_for_run'));
      expect((await view()).reason).toContain('run-1');
      await handle.signal(SUBMISSION_MESSAGES.retire, { reason: 'replaced by a newer submission' });
      const result = (await handle.result()) as SubmissionStatusView;
      expect(result).toMatchObject({
        step: 'ended',
        status: 'retired',
        reason: 'replaced by a newer submission',
      });
      // Its deployment ends with it.
      await env.client.workflow.getHandle(workflowIds.deployment(input.deploymentId)).result();
    });
    expect(ending()).toMatchObject({ status: 'retired', countsForCap: true });
  }, 60_000);

  it('ends as rejected, with the reason, when the fee is wrong', async () => {
    const { activities, calls, ending } = recorder();
    const wrong = {
      ...activities,
      verifySubmissionFee: async () => {
        throw ApplicationFailure.nonRetryable(
          'fee verification failed: sender does not match hotkey owner',
          FAULTS.feeRejected,
        );
      },
    };
    await env.withWorkers(wrong, async () => {
      const { handle } = await start();
      expect(await handle.result()).toMatchObject({ status: 'rejected' });
    });
    expect(ending()?.reason).toContain('sender does not match hotkey owner');
    expect(calls.some(([name]) => name === 'buildSubmission')).toBe(false);
  }, 60_000);

  it('waits for a fee that is not final yet', async () => {
    const { activities } = recorder();
    let pending = 2;
    const slow = {
      ...activities,
      verifySubmissionFee: async () => {
        if (pending > 0) {
          pending -= 1;
          throw ApplicationFailure.create({ type: FAULTS.feePending, message: 'fee not final yet' });
        }
        return { status: 'verified' };
      },
    };
    await env.withWorkers(slow, async () => {
      const { handle, view } = await start();
      await eventually(async () => expect((await view()).step).toBe('waiting_for_run'));
      await handle.signal(SUBMISSION_MESSAGES.retire);
      await handle.result();
    });
    expect(pending).toBe(0);
  }, 60_000);

  it.each([
    ['fee', 'verifySubmissionFee', 'the chain does not answer'],
    ['build', 'buildSubmission', 'the registry does not answer.'],
  ])(
    'says that its %s is stuck and why, and goes on when it is told to try again',
    async (step, activity, why) => {
      const { activities } = recorder();
      const mended = { [activity]: false };
      const rounds: unknown[] = [];
      const down = {
        ...activities,
        [activity]: async (input: { round?: number }) => {
          rounds.push(input.round);
          if (!mended[activity]) throw ApplicationFailure.create({ type: FAULTS.owner, message: why });
          return { status: 'verified', imageRef: 'image-1' };
        },
      };
      await env.withWorkers(down, async () => {
        const { handle, view } = await start();
        await eventually(async () => expect((await view()).reason).toMatch(/tried again at/), 45_000);
        expect((await view()).reason).toMatch(
          new RegExp(`^${why.replace(/\.$/, '')}\\. Failed 1 time; tried again at 20`),
        );
        const { typedSearchAttributes } = await handle.describe();
        const attributes = JSON.stringify(typedSearchAttributes);
        expect(attributes).toContain('EirelStuck');
        expect(attributes).toContain(step);
        mended[activity] = true;
        await handle.signal(SUBMISSION_MESSAGES.retryBuild);
        await eventually(async () => expect((await view()).step).toBe('waiting_for_run'));
        await eventually(async () => {
          const found = await handle.describe();
          expect(JSON.stringify(found.typedSearchAttributes)).not.toContain('EirelStuck');
        });
        await handle.signal(SUBMISSION_MESSAGES.retire);
        await handle.result();
      });
      expect(rounds.length).toBeGreaterThan(5);
      if (step === 'build') expect(rounds.at(-1)).toBe(2);
    },
    90_000,
  );

  it("ends as build_failed and uses up the cap when the build fails by the miner's fault", async () => {
    const { activities, ending } = recorder();
    const broken = {
      ...activities,
      buildSubmission: async () => {
        throw ApplicationFailure.nonRetryable('the agent has no start command', FAULTS.miner);
      },
    };
    await env.withWorkers(broken, async () => {
      const { handle } = await start();
      expect(await handle.result()).toMatchObject({
        status: 'build_failed',
        reason: 'the agent has no start command',
      });
    });
    expect(ending()).toMatchObject({ countsForCap: true });
  }, 60_000);

  it('can be withdrawn in the middle of a build, and only once', async () => {
    const { activities, ending } = recorder();
    const endless = {
      ...activities,
      buildSubmission: () => new Promise((resolve) => setTimeout(resolve, 2000, { imageRef: 'late' })),
    };
    await env.withWorkers(endless, async () => {
      const { handle, view } = await start();
      await eventually(async () => expect((await view()).step).toBe('build'));
      const result = (await handle.executeUpdate(SUBMISSION_MESSAGES.withdraw, {
        args: [{ actor: 'miner', reason: 'wrong archive' }],
      })) as SubmissionStatusView;
      expect(result).toMatchObject({ step: 'ended', status: 'withdrawn' });
      await handle.result();
    });
    expect(ending()?.reason).toBe('withdrawn by miner: wrong archive');
  }, 60_000);
});
