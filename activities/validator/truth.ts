import type { TaskJournal } from '../../adapters/task-journal';
import { baselineOf } from '../../domain/oracle/settle';
import type { EnrichmentRecord } from '../../domain/oracle/record';
import { microToUsd } from '../../domain/pricing/cost';
import { truthFromBaseline } from '../../domain/tasks/truth';
import { judgingTruth, type ClaimedTask, type JudgingTruth } from '../../domain/validator/task';
import type { Enricher } from './deps';
import type { Lease } from './lease';

/** The oracles did not settle a task, for good or for as long as its lease can be held: it goes back, unjudged. */
export class OraclesAway extends Error {
  override readonly name = 'OraclesAway';
}

/** A task with the truth that its answers are judged by, and what finding it cost this validator, USD. */
export interface SettledTruth {
  task: ClaimedTask;
  truth: JudgingTruth;
  oracleCostUsd: number;
}

interface Settling {
  task: ClaimedTask;
  lease: Pick<Lease, 'signal' | 'workDeadline'>;
  journal: Pick<TaskJournal, 'once'>;
  /** Null where this validator has no oracles. */
  enrich: Enricher | null;
  validatorHotkey: string;
}

/**
 * Finds what the answers to a task are judged by: the truth that came with the claim, else what an earlier validator found
 * (the cached baseline), else what this validator's own oracles find (decision 4). Tasks with a fixed answer ask nobody.
 * @throws OraclesAway, or the signal's reason
 */
export async function settleTruth(settling: Settling): Promise<SettledTruth> {
  const { task, lease, journal, enrich, validatorHotkey } = settling;
  const asIs = { task, truth: judgingTruth(task), oracleCostUsd: 0 };
  if (task.oracle_status != null || task.task_payload.oracle_source !== 'three_oracle') return asIs;
  const cached = task.cached_baseline;
  const known = cached
    ? truthFromBaseline({ oracleStatus: null }, task.task_payload, cached, validatorHotkey)
    : null;
  if (cached && known) return withFindings({ ...task, cached_baseline: cached }, known, 0);
  if (!enrich) return asIs;
  const record = await journal.once('enrichment', () => whileHeld(lease, (signal) => enrich(task, signal)));
  return withFindings(
    { ...task, cached_baseline: baselineOf(record) },
    record,
    microToUsd(record.cost_micro_usd),
  );
}

function withFindings(task: ClaimedTask, record: EnrichmentRecord, oracleCostUsd: number): SettledTruth {
  const enriched: ClaimedTask = {
    ...task,
    expected_claims: record.expected_claims,
    must_not_claim: record.must_not_claim,
    oracle_status: record.oracle_status,
    oracle_disagreement_note: record.disagreement_note,
  };
  return { task: enriched, truth: judgingTruth(enriched), oracleCostUsd };
}

/** Works no longer than the task can still be given back in time; heartbeats may move that moment on. */
async function whileHeld<T>(
  lease: Pick<Lease, 'signal' | 'workDeadline'>,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const left = lease.workDeadline() - Date.now();
    if (left > 0) timer = setTimeout(arm, left);
    else
      late.abort(
        new OraclesAway('the oracles had not settled the task when its lease could be held no longer'),
      );
  };
  arm();
  try {
    return await work(AbortSignal.any([lease.signal, late.signal]));
  } finally {
    clearTimeout(timer!);
  }
}
