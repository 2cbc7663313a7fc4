import type { V1Node, V1Pod } from '@kubernetes/client-node' with { 'resolution-mode': 'import' };
import type { NodeCapacity } from '../types';
import type { KubernetesRuntimeConfig } from './config';
import { ANNOTATIONS } from './names';

const FACTORS: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** The number that a Kubernetes quantity such as `3920m`, `16Gi` or `1e3` stands for; NaN when it is none. */
export function quantity(text: string | undefined): number {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([numkMGTPE]|[KMGTPE]i)?$/.exec(text ?? '');
  return match ? Number(match[1]) * (FACTORS[match[2] ?? ''] ?? NaN) : NaN;
}

/**
 * Why a node may not take agents; null when it may. The first that holds, in the order of runtime-and-tools.md 2.5.
 */
export function nodeProblem(node: V1Node, config: KubernetesRuntimeConfig): string | null {
  const labels = node.metadata?.labels ?? {};
  for (const { key, value } of [config.poolLabel, config.classLabel]) {
    if (labels[key] !== value) return `missing_required_label:${key}`;
  }
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
  if (ready?.status !== 'True') return 'node_not_ready';
  if (node.spec?.unschedulable === true) return 'node_unschedulable';
  if (!(quantity(node.status?.allocatable?.cpu) > 0)) return 'allocatable_cpu_unavailable';
  if (!(quantity(node.status?.allocatable?.memory) > 0)) return 'allocatable_memory_unavailable';
  return null;
}

/** What the verified nodes hold; pods that have ended hold nothing. */
export function capacityOf(nodes: V1Node[], pods: V1Pod[], config: KubernetesRuntimeConfig): NodeCapacity[] {
  return nodes
    .filter((node) => nodeProblem(node, config) === null)
    .map((node) => {
      const nodeName = node.metadata?.name ?? '';
      const allocatable = node.status?.allocatable ?? {};
      const held = pods.filter(
        (pod) =>
          pod.spec?.nodeName === nodeName && !['Succeeded', 'Failed'].includes(pod.status?.phase ?? ''),
      );
      const sum = (resource: string): number =>
        held.reduce((total, pod) => total + requested(pod, resource), 0);
      return {
        nodeName,
        totalCpuMillis: Math.floor(quantity(allocatable.cpu) * 1000),
        totalMemoryBytes: Math.floor(quantity(allocatable.memory)),
        usedCpuMillis: Math.ceil(sum('cpu') * 1000 - 1e-6),
        usedMemoryBytes: Math.ceil(sum('memory')),
        maxPods: Math.floor(quantity(allocatable.pods) || 0),
        runningPods: held.length,
        deploymentIds: held.flatMap((pod) => pod.metadata?.annotations?.[ANNOTATIONS.id] ?? []),
      };
    })
    .sort((a, b) => a.nodeName.localeCompare(b.nodeName));
}

/** A pod holds the larger of its containers' sum and its largest init container. */
function requested(pod: V1Pod, resource: string): number {
  const of = (container: { resources?: { requests?: Record<string, string> } }): number =>
    quantity(container.resources?.requests?.[resource]) || 0;
  const running = (pod.spec?.containers ?? []).reduce((total, container) => total + of(container), 0);
  return Math.max(running, ...(pod.spec?.initContainers ?? []).map(of));
}
