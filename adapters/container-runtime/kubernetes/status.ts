/** From what the cluster says of a deployment to what the control plane needs to know (runtime-and-tools.md 2.2). */
import type { V1ContainerState, V1ContainerStatus, V1Deployment, V1Pod } from '@kubernetes/client-node' with {
  'resolution-mode': 'import',
};
import type { RuntimeStatus } from '../types';
import { ANNOTATIONS } from './names';
import { AGENT_CONTAINER, SOURCE_CONTAINER } from './objects';

export type Phase =
  | 'ready'
  /** The container runs; it was ready before, or its startup probe has not passed yet. */
  | 'running'
  | 'pending_starting'
  | 'pending_unschedulable'
  | 'image_pull'
  /** The container cannot be made from its image or its settings. */
  | 'container_refused'
  /** The source could not be brought into the pod. */
  | 'source_failed'
  | 'crashloop'
  /** The node threw the pod out, or went away with it. */
  | 'evicted';

export interface Observation {
  phase: Phase;
  pod: V1Pod | null;
  instanceId: string | null;
  restarts: number;
  /** When the container started. */
  startedAt: Date | null;
  started: boolean;
  exitCode: number | null;
  oomKilled: boolean;
  /** One sentence. */
  reason: string;
}

const PULL = new Set([
  'ImagePullBackOff',
  'ErrImagePull',
  'ImageInspectError',
  'RegistryUnavailable',
  'InvalidImageName',
  'ErrImageNeverPull',
]);
const REFUSED = new Set(['CreateContainerError', 'CreateContainerConfigError', 'RunContainerError']);

/** The pod of the deployment's present revision that is not on its way out; the newest if there are several. */
export function currentPod(deployment: V1Deployment, pods: V1Pod[]): V1Pod | null {
  const revision = deployment.metadata?.annotations?.[ANNOTATIONS.revision];
  const alive = pods.filter(
    (pod) =>
      pod.metadata?.deletionTimestamp === undefined &&
      pod.metadata?.annotations?.[ANNOTATIONS.revision] === revision,
  );
  const created = (pod: V1Pod): number => new Date(pod.metadata?.creationTimestamp ?? 0).getTime();
  return alive.sort((a, b) => created(b) - created(a))[0] ?? null;
}

/** @param pod of the present revision, or null when there is none (yet) */
export function observe(pod: V1Pod | null): Observation {
  const base: Observation = {
    phase: 'pending_starting',
    pod,
    instanceId: null,
    restarts: 0,
    startedAt: null,
    started: false,
    exitCode: null,
    oomKilled: false,
    reason: 'no pod yet',
  };
  if (pod === null) return base;
  const status = pod.status ?? {};
  const agent = status.containerStatuses?.find((one) => one.name === AGENT_CONTAINER);
  const source = status.initContainerStatuses?.find((one) => one.name === SOURCE_CONTAINER);
  const restarts = agent?.restartCount ?? 0;
  const known = {
    ...base,
    restarts,
    instanceId: `${pod.metadata?.uid ?? ''}:${restarts}`,
    reason: 'the pod is being started',
  };
  const unschedulable = status.conditions?.find(
    (one) => one.type === 'PodScheduled' && one.status === 'False' && one.reason === 'Unschedulable',
  );
  if (unschedulable) {
    return { ...known, phase: 'pending_unschedulable', reason: unschedulable.message ?? 'fits on no node' };
  }
  if (status.phase === 'Failed') {
    return { ...known, phase: 'evicted', ...endOf(agent), reason: failureOf(pod) };
  }
  const stuck = waitingProblem(source) ?? waitingProblem(agent);
  if (stuck) return { ...known, ...stuck };
  const failedSource = terminated(source);
  if (failedSource && failedSource.exitCode !== 0) {
    return {
      ...known,
      phase: 'source_failed',
      exitCode: failedSource.exitCode,
      reason: sourceProblem(failedSource.exitCode),
    };
  }
  return observeAgent(known, pod, agent);
}

function observeAgent(known: Observation, pod: V1Pod, agent: V1ContainerStatus | undefined): Observation {
  if (agent?.state?.terminated || agent?.state?.waiting?.reason === 'CrashLoopBackOff') {
    const end = endOf(agent);
    return {
      ...known,
      phase: 'crashloop',
      ...end,
      reason: end.oomKilled
        ? 'ended because it reached its memory limit'
        : `ended with exit code ${end.exitCode ?? 'unknown'}`,
    };
  }
  if (!agent?.state?.running) return known;
  const ready = pod.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') ?? false;
  const startedAt = new Date(agent.state.running.startedAt ?? pod.status?.startTime ?? Date.now());
  const running = { ...known, startedAt, started: agent.started !== false };
  if (ready && agent.ready) return { ...running, phase: 'ready', started: true, reason: 'ready' };
  return {
    ...running,
    phase: 'running',
    reason: running.started
      ? 'the readiness probe fails: the health path does not answer 200..399'
      : 'the health path has not answered 200..399 yet',
  };
}

/** What the interface calls a deployment in this phase. */
export function runtimeStatus(
  deploymentId: string,
  deployment: V1Deployment,
  seen: Observation,
  endpointUrl: string,
): RuntimeStatus {
  const known: RuntimeStatus = {
    deploymentId,
    state: 'starting',
    ready: false,
    revision: deployment.metadata?.annotations?.[ANNOTATIONS.revision] ?? '',
    endpointUrl,
    restarts: seen.restarts + (Number(deployment.metadata?.annotations?.[ANNOTATIONS.restarts]) || 0),
    ...(seen.instanceId === null ? {} : { instanceId: seen.instanceId }),
  };
  if (seen.phase === 'ready') return { ...known, state: 'running', ready: true };
  const reason = `${seen.phase}: ${seen.reason}`;
  if (seen.phase === 'running') return { ...known, state: seen.started ? 'running' : 'starting', reason };
  if (seen.phase === 'pending_starting' || seen.phase === 'pending_unschedulable')
    return { ...known, reason };
  if (seen.phase === 'image_pull') return { ...known, reason };
  const signal = seen.exitCode === null ? undefined : signalOf(seen.exitCode);
  return {
    ...known,
    state: 'exited',
    reason: seen.phase === 'crashloop' ? seen.reason : reason,
    oomKilled: seen.oomKilled,
    ...(seen.exitCode === null || signal !== undefined ? {} : { exitCode: seen.exitCode }),
    ...(signal === undefined ? {} : { signal }),
  };
}

const SIGNALS: Record<number, string> = {
  6: 'SIGABRT',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  15: 'SIGTERM',
};

/** A container that a signal ended reports 128 and the signal's number. */
function signalOf(exitCode: number): string | undefined {
  return SIGNALS[exitCode - 128];
}

function waitingProblem(status: V1ContainerStatus | undefined): Pick<Observation, 'phase' | 'reason'> | null {
  const waiting = status?.state?.waiting;
  const word = waiting?.reason ?? '';
  const told = waiting?.message === undefined ? word : `${word}: ${waiting.message}`;
  if (PULL.has(word)) return { phase: 'image_pull', reason: told };
  return REFUSED.has(word) ? { phase: 'container_refused', reason: told } : null;
}

function terminated(status: V1ContainerStatus | undefined): V1ContainerState['terminated'] | null {
  if (status?.state?.running) return null;
  return status?.state?.terminated ?? status?.lastState?.terminated ?? null;
}

function endOf(status: V1ContainerStatus | undefined): Pick<Observation, 'exitCode' | 'oomKilled'> {
  const end = status?.state?.terminated ?? status?.lastState?.terminated;
  return { exitCode: end?.exitCode ?? null, oomKilled: end?.reason === 'OOMKilled' };
}

function failureOf(pod: V1Pod): string {
  const { reason, message } = pod.status ?? {};
  return `the pod failed${reason ? ` (${reason})` : ''}${message ? `: ${message}` : ''}`;
}

function sourceProblem(exitCode: number): string {
  if (exitCode === 3) return 'the source could not be downloaded from object storage';
  if (exitCode === 4) return 'the source in object storage is not the accepted one';
  if (exitCode === 5) return 'the source could not be unpacked';
  return `the init container ended with exit code ${exitCode}`;
}
