/** What is stuck and why, by the search attributes that workflows set. */
import type { TypedSearchAttributes } from '@temporalio/common';
import { messageOf } from '../../adapters/logging';
import { keywordKey } from '../../adapters/temporal/keyword';
import { HttpError } from '../../domain/http-errors';
import type { SearchAttributeName } from '../../domain/messages';
import { naiveIso } from '../../domain/time';
import type { ApiDeps } from '../deps';

const LIST_MS = 5_000;
const MOST = 200;
/** The same question as the saved query of the Web UI. */
const QUERY = "EirelStuck IS NOT NULL AND ExecutionStatus = 'Running'";

/** @throws HttpError 503 when Temporal does not answer */
export async function stuckWorkflows(deps: ApiDeps) {
  try {
    return await deps.temporal.withDeadline(Date.now() + LIST_MS, async () => {
      const rows = [];
      for await (const execution of deps.temporal.workflow.list({ query: QUERY })) {
        const read = reader(execution.typedSearchAttributes);
        rows.push({
          workflow_id: execution.workflowId,
          kind: read('EirelKind'),
          status: read('EirelStatus'),
          run_id: read('EirelRunId'),
          hotkey: read('EirelHotkey'),
          step: read('EirelStuck') ?? '',
          reason: read('EirelReason') ?? '',
          started_at: naiveIso(execution.startTime),
        });
        if (rows.length >= MOST) break;
      }
      return rows.sort((a, b) => (a.started_at < b.started_at ? -1 : 1));
    });
  } catch (error) {
    throw new HttpError(
      503,
      `Temporal does not answer (${messageOf(error)}): look again in a moment`,
      {},
      { 'retry-after': '5' },
    );
  }
}

function reader(attributes: TypedSearchAttributes) {
  return (name: SearchAttributeName): string | null => attributes.get(keywordKey(name)) ?? null;
}
