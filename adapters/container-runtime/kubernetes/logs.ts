import { setTimeout as sleep } from 'node:timers/promises';
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

/** How long a log that is followed may take to begin, and to be read to its end once the pod is gone. */
const FOLLOW_MS = 5000;

/** Follows one log to its end. */
export interface LogKeeper {
  /** Writes down what there is now. */
  save(): Promise<void>;
  /** Reads on until the pod ends: what it says last, it says when it goes. Returns once the log has begun. */
  follow: (pod: V1Pod) => Promise<void>;
  /** Writes down all that was read, once the pod is gone. */
  finish(): Promise<void>;
  /** Stops reading. */
  close(): void;
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
    const stop = new AbortController();
    const following: Promise<void>[] = [];
    // A log that cannot be read must not keep an agent running.
    const unlessLost = async (work: Promise<void>): Promise<void> => {
      try {
        await work;
      } catch (error) {
        lost = messageOf(error);
      }
    };
    const readNow = async (): Promise<void> => {
      lines = (await this.fromPod(names, this.config.keptLogLines)) ?? lines;
    };
    const pieces: Buffer[] = [];
    const readOn = async (pod: V1Pod, begun: () => void): Promise<void> => {
      const { api } = this.cluster;
      const query = new URLSearchParams({
        container: AGENT_CONTAINER,
        tailLines: String(this.config.keptLogLines),
        follow: 'true',
      }).toString();
      try {
        const path = `${api.path(PODS, pod.metadata?.name ?? '')}/log?${query}`;
        const log = await api.follow(path, stop.signal);
        begun();
        let size = 0;
        for await (const piece of log as AsyncIterable<Buffer>) {
          pieces.push(piece);
          size += piece.length;
          while (size - (pieces[0]?.length ?? 0) > READ_BYTES) size -= pieces.shift()?.length ?? 0;
        }
      } catch (error) {
        if (!saysNothing(error)) throw error;
      }
    };
    return {
      save: async () => {
        await unlessLost(readNow());
        await this.write(names, identity, lines, end);
      },
      follow: async (pod) => {
        const begun = new Promise<void>((resolve) => following.push(unlessLost(readOn(pod, resolve))));
        await Promise.race([begun, following.at(-1), sleep(FOLLOW_MS, undefined, { ref: false })]);
      },
      finish: async () => {
        await Promise.race([Promise.all(following), sleep(FOLLOW_MS, undefined, { ref: false })]);
        const followed = linesOf(Buffer.concat(pieces).toString('utf8'));
        // One that was started again and has said nothing yet: what its former self said was read before.
        if (followed.length > 0) lines = followed.slice(-this.config.keptLogLines);
        if (lost !== null) {
          this.logger.warn('the end of the log of a stopped agent may be lost', {
            deploymentId: identity.deploymentId,
            reason: lost,
          });
        }
        await this.write(names, identity, lines, end);
      },
      close: () => stop.abort(),
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
      if (saysNothing(error)) return [];
      throw error;
    }
  }
}

/** 400: the container has not started yet, so it has said nothing; 404: the pod went meanwhile. */
function saysNothing(error: unknown): boolean {
  return error instanceof ApiRefusal && (error.status === 400 || error.status === 404);
}

/** What a kubelet writes in place of a log that is gone already; it is not the agent's. */
const GONE = /^unable to retrieve container logs for \S+$/;

function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (GONE.test(lines.at(-1) ?? '')) lines.pop();
  return lines;
}
