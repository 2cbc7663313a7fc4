/**
 * The owner API in front of the product's workflows, with room for one agent at a time; chain, builds and the agents
 * themselves are stood in for. A run is scheduled for an hour from now.
 */
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { createRunPoolActivities } from '../../../activities/run-pool';
import { runPolicyFromEnv } from '../../../activities/run-policy';
import { WorkflowSignaller } from '../../../activities/signaller';
import type { ContainerRuntime } from '../../../adapters/container-runtime/types';
import type { Hotkey } from '../../../adapters/keys/types';
import { createScheduledRun } from '../../../adapters/postgres/runs';
import { controlActivities } from '../../../workers/control';
import { workflowEnvironment, type WorkflowEnvironment } from '../../workflow/environment';
import { startApi, type ApiUnderTest } from './harness';

export const RUN = 'run-1';

export interface OrdersBed {
  api: ApiUnderTest;
  workflows: WorkflowEnvironment;
  activities: Parameters<WorkflowEnvironment['withWorkers']>[0];
  close(): Promise<void>;
}

/** Stays as long as it is wanted. */
async function stay(): Promise<never> {
  for (;;) {
    Context.current().heartbeat();
    await Context.current().sleep(200);
  }
}

export async function startOrdersBed(owner: Hotkey): Promise<OrdersBed> {
  const workflows = await workflowEnvironment();
  const api = await startApi({
    env: { EIREL_OWNER_HOTKEY_SS58: owner.ss58, EIREL_OWNER_RUNTIME_SUBMISSION_CPU_MILLIS: '2000' },
    temporal: workflows.client,
  });
  const policy = runPolicyFromEnv({
    EIREL_OWNER_SECRET: 'a secret for the sampler of a test',
    EIREL_OWNER_DATASET_ROOT_PATH: join(__dirname, '../../../demo/dataset'),
    EIREL_RUN_TASK_COUNT: '3',
    EIREL_RUN_DURATION_SECONDS: '3600',
  });
  const { db, deps } = api;
  const signaller = new WorkflowSignaller(workflows.client);
  const stopping = new AbortController().signal;
  const node = {
    nodeName: 'node-1',
    totalCpuMillis: 3000,
    totalMemoryBytes: 64e9,
    usedCpuMillis: 0,
    usedMemoryBytes: 0,
    maxPods: 100,
    runningPods: 0,
    deploymentIds: [],
  };
  const activities = {
    ...controlActivities({
      db,
      objectStore: deps.objectStore,
      policy,
      signaller,
      signer: owner,
      rag: { indexCorpus: () => Promise.resolve({ chunks: 1 }) } as never,
      drainGraceSeconds: 1,
      stopping,
    }),
    ...createRunPoolActivities({
      db,
      runtime: { capacity: () => Promise.resolve([node]) } as unknown as ContainerRuntime,
      signaller,
      policy,
      headroom: { cpuMillis: 500, memoryBytes: 0, pods: 1 },
      graceSeconds: 600,
      restartBudget: 2,
      stopping,
    }),
    // The chain, the builds and the agents themselves are parts of other tests.
    verifySubmissionFee: () => Promise.resolve({ status: 'disabled' }),
    buildSubmission: () => Promise.resolve({ imageRef: 'image' }),
    placeDeployment: ({ deploymentId }: { deploymentId: string }) =>
      Promise.resolve({
        kind: 'placed',
        endpointUrl: 'http://127.0.0.1:9',
        instanceId: deploymentId,
        nodeName: 'node-1',
        adopted: false,
        limits: [],
      }),
    watchDeployment: stay,
    stopDeployment: () => Promise.resolve(),
  };
  const now = Date.now();
  await createScheduledRun(db, {
    sequence: 1,
    startsAt: new Date(now + 3_600_000),
    endsAt: new Date(now + 7_200_000),
    ...policy,
  });
  await signaller.startRun({ runId: RUN, sequence: 1, familyId: 'general_chat' });
  return {
    api,
    workflows,
    activities,
    close: async () => {
      await api.close();
      await workflows.close();
    },
  };
}
