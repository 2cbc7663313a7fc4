import { Context } from '@temporalio/activity';
import type { ContainerRuntime, NodeCapacity, RuntimeStatus } from '../adapters/container-runtime/types';
import type { Db } from '../adapters/postgres';
import { mergeHealthDetails } from '../adapters/postgres/runs';
import type { ObjectStore } from '../adapters/object-store/types';
import type { SubmissionManifest } from '../domain/contracts/manifest';
import { mintDeploymentToken } from '../domain/job-token';
import { badState, classifyRuntime } from './failures';
import { beating, pause } from './waiting';

export interface RuntimeActivities {
  buildSubmission(input: { submissionId: string; deploymentId: string }): Promise<{ imageRef: string }>;
  placeDeployment(input: { deploymentId: string; imageRef: string }): Promise<Placed | NoCapacity>;
  watchDeployment(input: { deploymentId: string; instanceId: string }): Promise<{ reason: string }>;
  stopDeployment(input: { deploymentId: string; forget: boolean }): Promise<void>;
}

export interface Placed {
  kind: 'placed';
  endpointUrl: string;
  instanceId: string;
  nodeName: string;
  adopted: boolean;
  limits: string[];
}
export interface NoCapacity {
  kind: 'no_capacity';
  reason: string;
}

/** What the owner gives every agent, by the environment. Nothing in here is a secret of the owner's. */
export interface AgentServices {
  providerProxyUrl: string;
  toolUrls: { webSearch: string; sandbox: string; urlFetch: string; rag: string };
  runBudgetUsd: number;
}

export interface RuntimeActivityDeps {
  db: Db;
  runtime: ContainerRuntime;
  objectStore: ObjectStore;
  services: AgentServices;
  jobTokenSecret: string;
  /** Seconds an agent may take until its health path answers. */
  startTimeoutSeconds: number;
  stopGraceSeconds: number;
  headroom: { cpuMillis: number; memoryBytes: number; pods: number };
  /** Aborted when this worker drains: whoever waits hands over. */
  stopping: AbortSignal;
}

const WATCH_INTERVAL_MS = 1000;
/** Failed health checks in a row until a running agent counts as dead. */
const UNREADY_LIMIT = 10;

/** Builds, starts, watches and stops miners' agents through the configured container runtime. */
export function createRuntimeActivities(deps: RuntimeActivityDeps): RuntimeActivities {
  const { db, runtime, objectStore } = deps;

  return {
    /** Content-addressed: the same archive is built once. The log is kept as the submission's evidence. */
    async buildSubmission({ submissionId, deploymentId }) {
      const context = Context.current();
      const submission = await db.managedMinerSubmission.findUnique({
        where: { id: submissionId },
        include: { artifact: true },
      });
      if (!submission) throw badState(`submission ${submissionId} does not exist`);
      await db.managedMinerSubmission.updateMany({
        where: { id: submissionId, status: 'received' },
        data: { status: 'building', statusReason: 'building' },
      });
      const lines: string[] = [];
      try {
        const built = await classifyRuntime(() =>
          runtime.buildImage({
            submissionId,
            archive: () => objectStore.get(submission.artifact.storageKey),
            archiveSha256: submission.archiveSha256,
            manifest: submission.manifestJson as unknown as SubmissionManifest,
            onLog: (line) => lines.push(line),
            heartbeat: (detail) => context.heartbeat({ detail, lines: lines.length }),
            signal: context.cancellationSignal,
          }),
        );
        return { imageRef: built.imageRef };
      } finally {
        await objectStore.put(buildLogKey(submissionId), Buffer.from(`${lines.join('\n')}\n`));
        await mergeHealthDetails(db, deploymentId, { build_log: buildLogKey(submissionId) });
      }
    },

    /** Starts the agent, or adopts it when it runs already: safe to repeat after a crash of the worker. */
    async placeDeployment({ deploymentId, imageRef }) {
      const context = Context.current();
      const row = await db.managedDeployment.findUnique({
        where: { id: deploymentId },
        include: { submission: true },
      });
      if (!row) throw badState(`deployment ${deploymentId} does not exist`);
      if (row.status === 'retired') throw badState(`deployment ${deploymentId} is retired`);
      const present = await classifyRuntime(() => runtime.status(deploymentId));
      if (present.state === 'missing' || present.state === 'exited') {
        const refusal = roomFor(
          row.requestedCpuMillis,
          row.requestedMemoryBytes,
          await runtime.capacity(),
          deps.headroom,
        );
        if (refusal) return { kind: 'no_capacity', reason: refusal };
      }
      const manifest = row.submission.manifestJson as unknown as SubmissionManifest;
      const placed = await classifyRuntime(() =>
        runtime.place({
          deploymentId,
          submissionId: row.submissionId,
          revision: row.deploymentRevision,
          imageRef,
          manifest,
          env: agentEnvironment(deploymentId, manifest, deps),
          cpuMillis: row.requestedCpuMillis,
          memoryBytes: Number(row.requestedMemoryBytes),
          startTimeoutSeconds: deps.startTimeoutSeconds,
          heartbeat: (detail) => context.heartbeat({ detail }),
          signal: context.cancellationSignal,
        }),
      );
      return {
        kind: 'placed',
        endpointUrl: placed.endpointUrl,
        instanceId: placed.instanceId,
        nodeName: placed.nodeName,
        adopted: placed.adopted,
        limits: placed.limits,
      };
    },

    /** Stays with a running instance by heartbeats and returns when it is no longer the healthy instance it was. */
    async watchDeployment({ deploymentId, instanceId }) {
      const context = Context.current();
      let unready = 0;
      for (;;) {
        const status = await classifyRuntime(() => runtime.status(deploymentId));
        const gone = endOf(status, instanceId);
        if (gone) return { reason: gone };
        unready = status.ready ? 0 : unready + 1;
        if (unready >= UNREADY_LIMIT) {
          await classifyRuntime(() => runtime.stop(deploymentId, { graceSeconds: 1 }));
          return {
            reason: `the health path failed ${unready} times in a row: ${status.reason ?? 'no answer'}`,
          };
        }
        context.heartbeat({ state: status.state, ready: status.ready });
        await pause(WATCH_INTERVAL_MS, deps.stopping);
      }
    },

    async stopDeployment({ deploymentId, forget }) {
      await beating(async () => {
        await classifyRuntime(() => runtime.stop(deploymentId, { graceSeconds: deps.stopGraceSeconds }));
        if (forget) await classifyRuntime(() => runtime.remove(deploymentId));
      });
    },
  };
}

/** Where a submission's build log is kept in the object store. */
export function buildLogKey(submissionId: string): string {
  return `evidence/submissions/${submissionId}/build.log`;
}

function endOf(status: RuntimeStatus, instanceId: string): string | null {
  if (status.state === 'missing') return 'the agent is gone from its node';
  if (status.state === 'exited') {
    if (status.oomKilled) return 'the agent was killed: it reached its memory limit';
    return `the agent ended${status.signal ? ` by ${status.signal}` : ` with code ${status.exitCode ?? 'unknown'}`}`;
  }
  if (status.instanceId && status.instanceId !== instanceId)
    return 'the agent was started anew by somebody else';
  return null;
}

/** Null when it fits on some node, else why it does not (runtime-and-tools.md section 2.5). */
function roomFor(
  cpuMillis: number,
  memoryBytes: bigint,
  nodes: NodeCapacity[],
  headroom: RuntimeActivityDeps['headroom'],
): string | null {
  if (nodes.length === 0) return 'no_verified_runtime_nodes: no node takes agents';
  const fits = nodes.some(
    (node) =>
      node.totalCpuMillis - headroom.cpuMillis - node.usedCpuMillis >= cpuMillis &&
      node.totalMemoryBytes - headroom.memoryBytes - node.usedMemoryBytes >= Number(memoryBytes) &&
      node.maxPods - headroom.pods - node.runningPods >= 1,
  );
  return fits
    ? null
    : `insufficient_runtime_capacity: ${cpuMillis} mCPU and ${memoryBytes} bytes fit on none of ${nodes.length} node(s)`;
}

/** The agent's environment (runtime-and-tools.md section 1.8), with credentials scoped to this deployment only. */
function agentEnvironment(
  deploymentId: string,
  manifest: SubmissionManifest,
  deps: RuntimeActivityDeps,
): Record<string, string> {
  const { services } = deps;
  const token = mintDeploymentToken({ deploymentId }, deps.jobTokenSecret);
  return {
    MINER_SUBMISSION_ID: deploymentId,
    MINER_HEALTH_PATH: manifest.runtime.health_path,
    MINER_INVOKE_PATH: manifest.runtime.invoke_path,
    MINER_PACKAGE_MODE: manifest.sdk_runtime.package_mode,
    MINER_ENTRY_MODULE: manifest.sdk_runtime.entry_module ?? 'app',
    MINER_APP_OBJECT: manifest.sdk_runtime.app_object,
    MINER_DEPENDENCY_GROUP: manifest.sdk_runtime.dependency_group ?? '',
    MINER_PROVIDER: manifest.inference.providers[0] ?? 'chutes',
    MINER_MODEL: manifest.inference.model ?? '',
    MINER_PROVIDER_MODE: 'proxy',
    // The owner's proxy is the only way to the agent, and it carries the attempt's own credentials.
    EIREL_DISABLE_REQUEST_AUTH: '1',
    EIREL_RUN_BUDGET_USD: String(services.runBudgetUsd),
    EIREL_PROVIDER_MAX_REQUESTS: '1000',
    EIREL_PROVIDER_MAX_TOTAL_TOKENS: '2000000',
    EIREL_PROVIDER_MAX_WALL_CLOCK_SECONDS: '3600',
    EIREL_PROVIDER_PER_REQUEST_TIMEOUT_SECONDS: '120',
    EIREL_PROVIDER_PROXY_URL: services.providerProxyUrl,
    EIREL_PROVIDER_PROXY_TOKEN: token,
    EIREL_PROVIDER_PROXY_JOB_ID: `miner-${deploymentId}`,
    EIREL_WEB_SEARCH_URL: services.toolUrls.webSearch,
    EIREL_SANDBOX_URL: services.toolUrls.sandbox,
    EIREL_URL_FETCH_URL: services.toolUrls.urlFetch,
    EIREL_RAG_URL: services.toolUrls.rag,
  };
}
