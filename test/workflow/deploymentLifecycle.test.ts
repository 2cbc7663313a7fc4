import { randomUUID } from 'node:crypto';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { FAULTS } from '../../domain/faults';
import {
  DEPLOYMENT_MESSAGES,
  TASK_QUEUES,
  WORKFLOW_TYPES,
  workflowIds,
  type DeploymentHealthView,
} from '../../domain/messages';
import { workflowEnvironment, eventually, type WorkflowEnvironment } from './environment';

let env: WorkflowEnvironment;
beforeAll(async () => {
  env = await workflowEnvironment();
}, 90_000);
afterAll(() => env.close());

/** A runtime whose agent dies whenever the test says so. */
function runtime() {
  const calls: Array<[string, Record<string, unknown>]> = [];
  let starts = 0;
  const dead = new Set<string>();
  const note =
    (name: string) =>
    async (input: Record<string, unknown>): Promise<void> => {
      calls.push([name, input]);
    };
  const activities = {
    placeDeployment: async () => {
      starts += 1;
      return {
        kind: 'placed',
        endpointUrl: `http://127.0.0.1:${starts}`,
        instanceId: `instance-${starts}`,
        nodeName: 'local',
        adopted: false,
        limits: [],
      };
    },
    watchDeployment: async ({ instanceId }: { instanceId: string }) => {
      while (!dead.has(instanceId)) await new Promise((resolve) => setTimeout(resolve, 50));
      return { reason: 'the agent ended by SIGKILL' };
    },
    stopDeployment: note('stopDeployment'),
    markHealthy: note('markHealthy'),
    markUnhealthy: note('markUnhealthy'),
    markPendingCapacity: note('markPendingCapacity'),
    markBuildFailed: note('markBuildFailed'),
    markActive: note('markActive'),
    markDraining: note('markDraining'),
    markStandby: note('markStandby'),
    markRetired: note('markRetired'),
    awaitNoLeases: note('awaitNoLeases'),
    holdDeployment: note('holdDeployment'),
    recordAction: note('recordAction'),
  };
  return {
    activities,
    calls,
    names: () => calls.map(([name]) => name),
    kill: () => dead.add(`instance-${starts}`),
    starts: () => starts,
    /** Lets every watch end, so that workers can stop. */
    release: () => {
      for (let i = 1; i <= starts; i += 1) dead.add(`instance-${i}`);
    },
  };
}

async function start() {
  const deploymentId = randomUUID();
  const handle = await env.client.workflow.start(WORKFLOW_TYPES.deploymentLifecycle, {
    workflowId: workflowIds.deployment(deploymentId),
    taskQueue: TASK_QUEUES.control,
    args: [{ deploymentId, submissionId: 's', minerHotkey: '5FHneW46', familyId: 'general_chat' }],
  });
  const view = async (): Promise<DeploymentHealthView> => handle.query(DEPLOYMENT_MESSAGES.health);
  return { handle, view };
}

describe('deploymentLifecycle', () => {
  it('waits for its run, serves, and stops for good when retired', async () => {
    const agent = runtime();
    await env.withWorkers(agent.activities, async () => {
      const { handle, view } = await start();
      await eventually(async () => expect((await view()).status).toBe('queued'));
      expect(agent.starts()).toBe(0);
      await handle.signal(DEPLOYMENT_MESSAGES.activate, { imageRef: 'image' });
      await eventually(async () => expect((await view()).status).toBe('deployed_for_eval'));
      expect((await view()).endpointUrl).toBe('http://127.0.0.1:1');
      await handle.signal(DEPLOYMENT_MESSAGES.retire, { reason: 'run over' });
      expect(await handle.result()).toMatchObject({
        status: 'retired',
        reason: 'run over',
        endpointUrl: null,
      });
      agent.release();
    });
    expect(agent.names()).toEqual(['markHealthy', 'stopDeployment', 'markRetired']);
  }, 60_000);

  it('starts a dead agent again, each time later', async () => {
    const agent = runtime();
    await env.withWorkers(agent.activities, async () => {
      const { handle, view } = await start();
      await handle.signal(DEPLOYMENT_MESSAGES.activate, { imageRef: 'image' });
      for (let death = 1; death <= 3; death += 1) {
        await eventually(async () => expect(agent.starts()).toBe(death));
        await eventually(async () => expect((await view()).status).toBe('deployed_for_eval'));
        agent.kill();
      }
      await eventually(async () => expect(agent.starts()).toBe(4));
      expect((await view()).restarts).toBe(3);
      await handle.signal(DEPLOYMENT_MESSAGES.retire);
      await handle.result();
      agent.release();
    });
    const delays = agent.calls
      .filter(([name]) => name === 'markUnhealthy')
      .map(([, input]) => input.nextAttemptMs);
    expect(delays).toEqual([500, 1000, 2000]);
  }, 60_000);

  it('believes the proxy about the instance that runs, and no other', async () => {
    const agent = runtime();
    await env.withWorkers(agent.activities, async () => {
      const { handle, view } = await start();
      await handle.signal(DEPLOYMENT_MESSAGES.activate, { imageRef: 'image' });
      await eventually(async () => expect((await view()).status).toBe('deployed_for_eval'));
      await handle.signal(DEPLOYMENT_MESSAGES.invocationFailed, {
        instanceId: 'instance-0',
        reason: 'old news',
      });
      await new Promise((resolve) => setTimeout(resolve, 1000));
      expect(agent.starts()).toBe(1);
      await handle.signal(DEPLOYMENT_MESSAGES.invocationFailed, {
        instanceId: 'instance-1',
        reason: 'connection refused',
      });
      await eventually(async () => expect(agent.starts()).toBe(2));
      await handle.signal(DEPLOYMENT_MESSAGES.retire);
      await handle.result();
      agent.release();
    });
  }, 60_000);

  it('drains, stays cold, and starts again for the next run', async () => {
    const agent = runtime();
    await env.withWorkers(agent.activities, async () => {
      const { handle, view } = await start();
      await handle.signal(DEPLOYMENT_MESSAGES.activate, { imageRef: 'image' });
      await eventually(async () => expect((await view()).status).toBe('deployed_for_eval'));
      await handle.signal(DEPLOYMENT_MESSAGES.drain, { by: 'pool' });
      await eventually(async () => expect((await view()).status).toBe('standby_cold'));
      await handle.signal(DEPLOYMENT_MESSAGES.activate, { imageRef: 'image' });
      await eventually(async () => expect(agent.starts()).toBe(2));
      await handle.signal(DEPLOYMENT_MESSAGES.retire);
      await handle.result();
      agent.release();
    });
    expect(agent.names()).toEqual(
      expect.arrayContaining([
        'markDraining',
        'awaitNoLeases',
        'stopDeployment',
        'markStandby',
        'markRetired',
      ]),
    );
  }, 60_000);

  it('waits for room with its place in the queue in view, can be drained there, and starts when there is room', async () => {
    const agent = runtime();
    let room = false;
    let position = 3;
    const reason = (): string => `no room; position ${position} of 3 in the queue`;
    const crowded = {
      ...agent.activities,
      placeDeployment: async () =>
        room ? agent.activities.placeDeployment() : { kind: 'no_capacity', reason: reason() },
      awaitRoom: async ({ seen }: { seen: string }) => {
        while (!room && reason() === seen) {
          Context.current().heartbeat();
          await Context.current().sleep(50);
        }
        return { reason: room ? null : reason() };
      },
    };
    await env.withWorkers(crowded, async () => {
      const { handle, view } = await start();
      await handle.signal(DEPLOYMENT_MESSAGES.activate, { imageRef: 'image' });
      await eventually(async () =>
        expect((await view()).reason).toBe('no room; position 3 of 3 in the queue'),
      );
      position = 1;
      await eventually(async () =>
        expect(await view()).toMatchObject({ status: 'pending_capacity', reason: reason() }),
      );
      await handle.signal(DEPLOYMENT_MESSAGES.drain, { by: 'pool' });
      await eventually(async () => expect((await view()).status).toBe('standby_cold'));
      await handle.signal(DEPLOYMENT_MESSAGES.activate, { imageRef: 'image' });
      await eventually(async () => expect((await view()).status).toBe('pending_capacity'));
      room = true;
      await eventually(async () => expect((await view()).status).toBe('deployed_for_eval'));
      expect(agent.starts()).toBe(1);
      await handle.signal(DEPLOYMENT_MESSAGES.retire);
      await handle.result();
      agent.release();
    });
    expect(agent.names()).not.toContain('markDraining');
    const said = agent.calls
      .filter(([name]) => name === 'markPendingCapacity')
      .map(([, input]) => input.reason);
    expect(said.slice(0, 2)).toEqual([
      'no room; position 3 of 3 in the queue',
      'no room; position 1 of 3 in the queue',
    ]);
  }, 60_000);

  it('keeps an agent that cannot start by its own fault as build_failed, without trying again', async () => {
    const agent = runtime();
    const broken = {
      ...agent.activities,
      placeDeployment: async () => {
        throw ApplicationFailure.nonRetryable('import error', FAULTS.miner);
      },
    };
    await env.withWorkers(broken, async () => {
      const { handle, view } = await start();
      await handle.signal(DEPLOYMENT_MESSAGES.activate, { imageRef: 'image' });
      await eventually(async () => expect((await view()).status).toBe('build_failed'));
      await handle.signal(DEPLOYMENT_MESSAGES.retire);
      await handle.result();
    });
    expect(agent.names()).toContain('markBuildFailed');
    expect(agent.names()).not.toContain('markUnhealthy');
  }, 60_000);
});
