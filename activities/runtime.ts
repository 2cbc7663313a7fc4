import { Context } from '@temporalio/activity';
import type { ContainerRuntime, RuntimePlacement, RuntimeStatus } from '../adapters/container-runtime/types';
import { messageOf, type Logger } from '../adapters/logging';
import type { ObjectStore } from '../adapters/object-store/types';
import type { Db } from '../adapters/postgres';
import { decide, releaseRoom, reserveRoom } from '../adapters/postgres/placement';
import { mergeHealthDetails } from '../adapters/postgres/runs';
import type { SubmissionManifest } from '../domain/contracts/manifest';
import type { Headroom } from '../domain/placement';
import { agentEnvironment, type AgentServices } from './agent-environment';
import { BuildEvidence } from './build-evidence';
import { badState, classifyRuntime, isOwnerFault } from './failures';
import { recordEvent } from './submission-events';
import { beating, pause } from './waiting';

export interface RuntimeActivities {
  buildSubmission(input: {
    submissionId: string;
    deploymentId: string;
    /** Counts the workflow's own rounds of attempts, from 1. */
    round?: number;
  }): Promise<{ imageRef: string }>;
  placeDeployment(input: { deploymentId: string; imageRef: string }): Promise<Placed | NoCapacity>;
  awaitRoom(input: { deploymentId: string; seen: string }): Promise<{ reason: string | null }>;
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

export interface RuntimeActivityDeps {
  db: Db;
  runtime: ContainerRuntime;
  objectStore: ObjectStore;
  services: AgentServices;
  jobTokenSecret: string;
  /** Seconds an agent may take until its health path answers. */
  startTimeoutSeconds: number;
  stopGraceSeconds: number;
  headroom: Headroom;
  logger: Logger;
  /** Aborted when this worker drains: whoever waits hands over. */
  stopping: AbortSignal;
}

const WATCH_INTERVAL_MS = 1000;
const QUEUE_INTERVAL_MS = 2000;
/** How old an answer about the nodes may be for those that wait, in milliseconds. */
const CAPACITY_AGE_MS = 2000;
/** Failed health checks in a row until a running agent counts as dead. */
const UNREADY_LIMIT = 10;

/** Builds, starts, watches and stops miners' agents through the configured container runtime. */
export function createRuntimeActivities(deps: RuntimeActivityDeps): RuntimeActivities {
  const { db, runtime, objectStore } = deps;
  const capacity = shared(() => runtime.capacity(), CAPACITY_AGE_MS);

  return {
    /** Content-addressed: the same archive is built once. The log is kept as the submission's evidence. */
    async buildSubmission({ submissionId, deploymentId, round = 1 }) {
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
      // The log goes on from the attempts of earlier rounds.
      const attempt = context.info.attempt + (round - 1) * (context.info.retryPolicy?.maximumAttempts || 1);
      const log = await BuildEvidence.open(objectStore, submissionId, attempt, (error) =>
        deps.logger.warn('a build log could not be kept', { submissionId, reason: messageOf(error) }),
      );
      await mergeHealthDetails(db, deploymentId, { build_log: log.key });
      try {
        const built = await classifyRuntime(() =>
          runtime.buildImage({
            submissionId,
            archive: () => objectStore.get(submission.artifact.storageKey),
            archiveSha256: submission.archiveSha256,
            manifest: submission.manifestJson as unknown as SubmissionManifest,
            onLog: (line) => log.write(line),
            heartbeat: (detail) => context.heartbeat({ detail, lines: log.lines }),
            signal: context.cancellationSignal,
          }),
        );
        return { imageRef: built.imageRef };
      } catch (error) {
        if (isOwnerFault(error)) {
          log.write(`not the miner's fault, and tried again: ${messageOf(error)}`);
          await recordBuildWaits(db, submissionId, attempt, messageOf(error));
        }
        throw error;
      } finally {
        await log.close();
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
      let nodeName: string | undefined;
      if (present.state === 'missing' || present.state === 'exited') {
        const nodes = await classifyRuntime(() => runtime.capacity());
        const admission = await reserveRoom(db, deploymentId, nodes, deps.headroom);
        if (!admission.admitted) return { kind: 'no_capacity', reason: admission.reason };
        nodeName = admission.nodeName;
      }
      const manifest = row.submission.manifestJson as unknown as SubmissionManifest;
      let placed: RuntimePlacement;
      try {
        placed = await classifyRuntime(() =>
          runtime.place({
            deploymentId,
            submissionId: row.submissionId,
            revision: row.deploymentRevision,
            imageRef,
            manifest,
            env: agentEnvironment(deploymentId, manifest, deps.services, deps.jobTokenSecret),
            nodeName,
            cpuMillis: row.requestedCpuMillis,
            memoryBytes: Number(row.requestedMemoryBytes),
            startTimeoutSeconds: deps.startTimeoutSeconds,
            heartbeat: (detail) => context.heartbeat({ detail }),
            signal: context.cancellationSignal,
          }),
        );
      } catch (error) {
        // The backend's own view is the newer one: what fits by the books may not fit on any real node.
        if (!isOwnerFault(error) || !/^insufficient_runtime_capacity/.test(messageOf(error))) throw error;
        await releaseRoom(db, deploymentId, messageOf(error));
        return { kind: 'no_capacity', reason: messageOf(error) };
      }
      return {
        kind: 'placed',
        endpointUrl: placed.endpointUrl,
        instanceId: placed.instanceId,
        nodeName: placed.nodeName,
        adopted: placed.adopted,
        limits: placed.limits,
      };
    },

    /** Waits until there is room, or until what is said about the wait changes: the queue has moved. */
    async awaitRoom({ deploymentId, seen }) {
      const context = Context.current();
      for (;;) {
        const admission = await decide(db, deploymentId, await classifyRuntime(capacity), deps.headroom);
        if (admission.admitted) return { reason: null };
        if (admission.reason !== seen) return { reason: admission.reason };
        context.heartbeat({ position: admission.position, of: admission.of });
        await pause(QUEUE_INTERVAL_MS, deps.stopping);
      }
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

/** The miner reads why nothing happens, and that it costs them nothing (decision 23). */
async function recordBuildWaits(db: Db, submissionId: string, attempt: number, why: string): Promise<void> {
  const reason = `the build waits for the owner's side, and is tried again by itself (attempt ${attempt}): ${why}`;
  await db.managedMinerSubmission.updateMany({
    where: { id: submissionId, status: { in: ['received', 'building'] } },
    data: { statusReason: reason, countsForCap: false },
  });
  await recordEvent(db, submissionId, 'build', 'waiting', reason);
}

/** One question at a time for everybody who asks it within `ageMs`. */
function shared<T>(ask: () => Promise<T>, ageMs: number): () => Promise<T> {
  let last: { at: number; answer: Promise<T> } | null = null;
  return () => {
    if (last === null || Date.now() - last.at > ageMs) last = { at: Date.now(), answer: ask() };
    return last.answer;
  };
}
