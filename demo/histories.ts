import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import { projectRoot } from '../adapters/local-stack';
import { WORKFLOW_TYPES } from '../domain/messages';

/**
 * Saves one history of every kind of workflow that the demo ran, for the replay tests. Of each kind the longest is taken:
 * it has seen the most.
 * @returns names of the files written
 */
export async function saveHistories(client: Client, folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const written: string[] = [];
  for (const type of Object.values(WORKFLOW_TYPES)) {
    let best: { id: string; runId: string; length: number } | null = null;
    for await (const execution of client.workflow.list({ query: `WorkflowType = '${type}'` })) {
      const length = execution.historyLength ?? 0;
      if (!best || length > best.length) best = { id: execution.workflowId, runId: execution.runId, length };
    }
    if (!best) continue;
    const history = await client.workflow.getHandle(best.id, best.runId).fetchHistory();
    const file = `${type}.json`;
    await writeFile(
      join(folder, file),
      `${JSON.stringify(withoutMachine(JSON.parse(historyToJSON(history))))}\n`,
    );
    written.push(file);
  }
  return written;
}

/** A history without what is only true of this machine: stack traces, paths of the checkout, process identities. */
export function withoutMachine(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutMachine(item));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([name]) => name !== 'stackTrace' && name !== 'identity')
        .map(([name, item]) => [name, withoutMachine(item, name)]),
    );
  }
  if (typeof value !== 'string') return value;
  if (key !== 'data') return value.replaceAll(projectRoot(), '/eirel-ai');
  const text = Buffer.from(value, 'base64').toString('utf8');
  return text.includes(projectRoot())
    ? Buffer.from(text.replaceAll(projectRoot(), '/eirel-ai')).toString('base64')
    : value;
}
