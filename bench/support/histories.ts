/** What a run left in Temporal. */
import type { Client, WorkflowExecutionInfo } from '@temporalio/client';

export interface WorkflowFigures {
  type: string;
  count: number;
  events: number;
  /** Of the longest, events and bytes. */
  largestEvents: number;
  largestBytes: number;
}

export interface HistoryFigures {
  types: WorkflowFigures[];
  events: number;
  largestPayload: { bytes: number; where: string };
  /** Seconds from scheduled to completed of the run's own activities, by name. */
  steps: [string, number][];
}

/** Reads every history of the namespace to its end. */
export async function readHistories(client: Client, runWorkflowId: string): Promise<HistoryFigures> {
  const executions: WorkflowExecutionInfo[] = [];
  for await (const execution of client.workflow.list()) executions.push(execution);
  const types = new Map<string, WorkflowFigures>();
  const largestPayload = { bytes: 0, where: '' };
  const steps: [string, number][] = [];
  const left = [...executions];
  const lane = async (): Promise<void> => {
    for (let execution = left.pop(); execution; execution = left.pop()) {
      const handle = client.workflow.getHandle(execution.workflowId, execution.runId);
      const [history, description] = [await handle.fetchHistory(), await handle.describe()];
      const events = history.events ?? [];
      const { type, workflowId } = execution;
      const figures = types.get(type) ?? { type, count: 0, events: 0, largestEvents: 0, largestBytes: 0 };
      figures.count += 1;
      figures.events += events.length;
      figures.largestEvents = Math.max(figures.largestEvents, events.length);
      figures.largestBytes = Math.max(figures.largestBytes, description.historySize ?? 0);
      types.set(type, figures);
      for (const event of events) {
        const bytes = largestIn(event);
        if (bytes > largestPayload.bytes) {
          Object.assign(largestPayload, { bytes, where: `${workflowId}, event ${String(event.eventId)}` });
        }
      }
      if (workflowId === runWorkflowId) steps.push(...activitySeconds(events as unknown as HistoryEvent[]));
    }
  };
  await Promise.all(Array.from({ length: 4 }, lane));
  const all = [...types.values()].sort((a, b) => b.events - a.events);
  return { types: all, events: all.reduce((sum, { events }) => sum + events, 0), largestPayload, steps };
}

/** Bytes of the largest payload anywhere in an event. */
function largestIn(value: unknown): number {
  if (value instanceof Uint8Array) return value.length;
  if (value === null || typeof value !== 'object') return 0;
  return Math.max(0, ...Object.values(value).map(largestIn));
}

interface HistoryEvent {
  eventId: unknown;
  eventTime: { seconds: unknown; nanos: number };
  activityTaskScheduledEventAttributes?: { activityType: { name: string } };
  activityTaskCompletedEventAttributes?: { scheduledEventId: unknown };
}

function activitySeconds(events: readonly HistoryEvent[]): [string, number][] {
  const at = (event: HistoryEvent): number =>
    Number(event.eventTime.seconds) + event.eventTime.nanos / 1_000_000_000;
  const scheduled = new Map(
    events
      .filter((event) => event.activityTaskScheduledEventAttributes)
      .map((event) => [String(event.eventId), event]),
  );
  return events.flatMap((event): [string, number][] => {
    const done = event.activityTaskCompletedEventAttributes;
    const begun = done && scheduled.get(String(done.scheduledEventId));
    if (!begun) return [];
    return [[begun.activityTaskScheduledEventAttributes?.activityType.name ?? '', at(event) - at(begun)]];
  });
}
