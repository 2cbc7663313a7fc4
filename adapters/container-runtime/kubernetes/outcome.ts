/** Whose fault it is when an agent does not start, and when to stop waiting. */
import type { V1Deployment } from '@kubernetes/client-node' with { 'resolution-mode': 'import' };
import { earlyEndFault } from '../early-end';
import { MinerFault, OwnerFault, type PlacementSpec } from '../types';
import { ApiRefusal, messageOf } from './api';
import type { KubernetesRuntimeConfig } from './config';
import { sourceDigest } from './sources';
import type { Observation } from './status';

export interface Waiting {
  waitedMs: number;
  /** Since the container was first seen running, in milliseconds; 0 when it does not run. */
  runningMs: number;
  logs: () => Promise<string[]>;
  /** What the node last said of a failed probe, or null. */
  lastProbe: () => Promise<string | null>;
}

export function isMinerFault(fault: MinerFault | OwnerFault): fault is MinerFault {
  return fault instanceof MinerFault;
}

/** Why a deployment that is not ready will not become so; null while waiting may help. */
export async function faultOf(
  seen: Observation,
  found: V1Deployment,
  spec: PlacementSpec,
  config: KubernetesRuntimeConfig,
  waiting: Waiting,
): Promise<MinerFault | OwnerFault | null> {
  const late = waiting.waitedMs > config.scheduleTimeoutSeconds * 1000;
  const ownImage = sourceDigest(spec.imageRef) !== null;
  const path = spec.manifest.runtime.health_path;
  switch (seen.phase) {
    case 'crashloop':
      return earlyEndFault({
        oomKilled: seen.oomKilled,
        exitCode: seen.exitCode,
        words: seen.reason,
        memoryBytes: spec.memoryBytes,
        healthPath: path,
        lines: await waiting.logs(),
      });
    case 'running':
      if (waiting.runningMs <= spec.startTimeoutSeconds * 1000) return null;
      return new MinerFault(
        'health_timeout',
        `GET ${path} did not answer 200..399 within ${spec.startTimeoutSeconds} s (last: ` +
          `${(await waiting.lastProbe()) ?? 'nothing known'}); the agent must listen on the host and port given in ` +
          'MINER_RUNTIME_HOST and MINER_RUNTIME_PORT',
        await waiting.logs(),
      );
    case 'source_failed':
      if (seen.exitCode === 5) {
        return new MinerFault(
          'archive_refused',
          `${seen.reason}; see the last log line`,
          await waiting.logs(),
        );
      }
      return late ? new OwnerFault('source_unavailable', seen.reason) : null;
    case 'container_refused':
      // What the settings lack may still come; an image that cannot be run stays so.
      if (/CreateContainerConfigError/.test(seen.reason)) {
        return late ? new OwnerFault('container_config', seen.reason) : null;
      }
      return ownImage
        ? new OwnerFault(
            'runtime_image',
            `the runtime image ${config.runtimeImage} cannot be run: ${seen.reason}`,
          )
        : new MinerFault('image_config', `the image cannot be run: ${seen.reason}`);
    case 'image_pull':
      if (!late && !seen.reason.startsWith('InvalidImageName')) return null;
      return new OwnerFault(
        'image_pull',
        `image ${ownImage ? config.runtimeImage : spec.imageRef} cannot be pulled: ${seen.reason}`,
      );
    case 'pending_unschedulable':
      return late
        ? new OwnerFault('insufficient_runtime_capacity', `the pod fits on no node: ${seen.reason}`)
        : null;
    default: {
      const refused = found.status?.conditions?.find(
        (one) => one.type === 'ReplicaFailure' && one.status === 'True',
      );
      if (refused) {
        return new OwnerFault(
          'pod_refused',
          `the cluster refuses the pod: ${refused.message ?? refused.reason}`,
        );
      }
      return late
        ? new OwnerFault(
            'start_timeout',
            `the pod has not started within ${config.scheduleTimeoutSeconds} s: ${seen.reason}`,
          )
        : null;
    }
  }
}

/** Whatever the cluster refuses is the owner's fault; faults and aborts pass as they are. */
export async function owned<T>(
  action: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (error instanceof MinerFault || error instanceof OwnerFault) throw error;
    const code =
      error instanceof ApiRefusal && error.status === 409 ? 'kubernetes_conflict' : 'runtime_error';
    throw new OwnerFault(code, `could not ${action}: ${messageOf(error)}`, { cause: error });
  }
}
