import type { V1ConfigMap, V1Pod } from '@kubernetes/client-node' with { 'resolution-mode': 'import' };
import type { Logger } from '../../logging';
import { FAULT_LOG_LINES } from '../types';
import { ApiRefusal, CONFIG_MAPS, messageOf, PODS } from './api';
import type { Cluster } from './cluster';
import type { KubernetesRuntimeConfig } from './config';
import { ANNOTATIONS, type DeploymentNames } from './names';
import { AGENT_CONTAINER, type Identity, SOURCE_CONTAINER } from './objects';
import type { Observation } from './status';

/** A ConfigMap holds 1 MiB; what is kept stays well below it. */
const KEPT_BYTES = 512 * 1024;
/** What is read of one log at most; lines may be long. */
const READ_BYTES = 4 * 1024 * 1024;

/** Follows one log to its end. */
export interface LogKeeper {
  read(): Promise<void>;
  /** Reads once more and writes down what there is. */
  save(): Promise<void>;
  /** Writes down what was read last. */
  finish(): Promise<void>;
}

/** The output of agents: from the kubelet while there is a pod, and the end of it from a ConfigMap after a stop. */
export class AgentLogs {
  constructor(
    private readonly cluster: Cluster,
    private readonly config: KubernetesRuntimeConfig,
    private readonly logger: Logger,
  ) {}

  async tail(names: DeploymentNames, lines: number): Promise<string[]> {
    if (lines <= 0) return [];
    const fresh = await this.fromPod(names, lines);
    return fresh ?? ((await this.kept(names))?.lines ?? []).slice(-lines);
  }

  /** Null when none were kept. `end`: why it was ended, where nobody asked for it. */
  async kept(names: DeploymentNames): Promise<{ lines: string[]; end: string | null } | null> {
    const found = await this.cluster.api.get<V1ConfigMap>(CONFIG_MAPS, names.log);
    if (found === null) return null;
    return {
      lines: linesOf(found.data?.log ?? ''),
      end: found.metadata?.annotations?.[ANNOTATIONS.end] ?? null,
    };
  }

  /** Follows the log of an agent that is being stopped, since it goes with its pod. */
  keeper(names: DeploymentNames, identity: Identity, end: string | null): LogKeeper {
    let lines: string[] = [];
    let lost: string | null = null;
    // A log that cannot be read must not keep an agent running.
    const read = async (): Promise<void> => {
      try {
        const now = await this.fromPod(names, this.config.keptLogLines);
        if (now !== null && now.length > 0) lines = now;
        lost = null;
      } catch (error) {
        lost = messageOf(error);
      }
    };
    const save = async (): Promise<void> => {
      await this.write(names, identity, lines, end);
    };
    return {
      read,
      save: async () => {
        await read();
        await save();
      },
      finish: async () => {
        if (lines.length === 0 && lost !== null) {
          this.logger.warn('the log of a stopped agent is lost', {
            deploymentId: identity.deploymentId,
            reason: lost,
          });
        }
        await save();
      },
    };
  }

  private async write(
    names: DeploymentNames,
    identity: Identity,
    all: string[],
    end: string | null,
  ): Promise<void> {
    const lines = [...all];
    while (lines.length > 0 && Buffer.byteLength(lines.join('\n')) > KEPT_BYTES) lines.shift();
    await this.cluster.api.apply(CONFIG_MAPS, {
      metadata: {
        name: names.log,
        namespace: this.config.namespace,
        labels: identity.labels,
        annotations: {
          [ANNOTATIONS.id]: identity.deploymentId,
          [ANNOTATIONS.stopped]: new Date().toISOString(),
          ...(end === null ? {} : { [ANNOTATIONS.end]: end }),
        },
      },
      data: { log: lines.join('\n') },
    });
  }

  /** Null when there is no pod. */
  private async fromPod(names: DeploymentNames, lines: number): Promise<string[] | null> {
    const pods = await this.cluster.pods(names);
    const created = (pod: V1Pod): number => new Date(pod.metadata?.creationTimestamp ?? 0).getTime();
    const [newest] = pods.sort((a, b) => created(b) - created(a));
    return newest === undefined ? null : this.ofPod(newest, lines);
  }

  /** The last lines for a fault; what keeps them from being read is said in their place. */
  async forFault(seen: Observation): Promise<string[]> {
    if (seen.pod === null) return [];
    try {
      return await this.ofPod(
        seen.pod,
        FAULT_LOG_LINES,
        seen.phase === 'source_failed' ? SOURCE_CONTAINER : AGENT_CONTAINER,
      );
    } catch (error) {
      return [`(the log could not be read: ${messageOf(error)})`];
    }
  }

  private async ofPod(pod: V1Pod, lines: number, container = AGENT_CONTAINER): Promise<string[]> {
    const { api } = this.cluster;
    const query = (previous: boolean): string =>
      new URLSearchParams({
        container,
        tailLines: String(lines),
        limitBytes: String(READ_BYTES),
        ...(previous ? { previous: 'true' } : {}),
      }).toString();
    const path = `${api.path(PODS, pod.metadata?.name ?? '')}/log`;
    try {
      const text = await api.text(`${path}?${query(false)}`);
      const restarted = (pod.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0;
      if (text !== '' || !restarted) return linesOf(text).slice(-lines);
      return linesOf(await api.text(`${path}?${query(true)}`)).slice(-lines);
    } catch (error) {
      // 400: the container has not started yet, so it has said nothing; 404: the pod went meanwhile.
      if (error instanceof ApiRefusal && (error.status === 400 || error.status === 404)) return [];
      throw error;
    }
  }
}

function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}
