import type { JudgeClient } from '../../adapters/judge-client';
import type { Logger } from '../../adapters/logging';
import type { InvocationClient, OwnerClient } from '../../adapters/owner-client';
import type { TaskJournals } from '../../adapters/task-journal';
import type { EnrichmentRecord } from '../../domain/oracle/record';
import type { ClaimedTask, LatencyBudgets } from '../../domain/validator/task';
import type { ValidatorMetrics } from './metrics';
import type { RunningTasks } from './running';

/** How tasks are worked on; times in seconds. */
export interface WorkSettings {
  /** Cap on asking all miners of one task. */
  fanOutTimeoutSeconds: number;
  latencyBudgets: LatencyBudgets;
  slimOnly: boolean;
  /** Longest that a task is worked on before it is given back. */
  taskCapSeconds: number;
  /** Empty polls between two lines in the log. */
  idleHeartbeatEvery: number;
}

/** Finds the truth of a task that the owner sent without one. @throws OraclesAway when they stay away, else the signal's reason */
export type Enricher = (task: ClaimedTask, signal: AbortSignal) => Promise<EnrichmentRecord>;

/** What the validator's activities work with. */
export interface ValidatorActivityDeps {
  settings: WorkSettings;
  owner: OwnerClient;
  invocations: InvocationClient;
  judge: JudgeClient;
  journals: TaskJournals;
  /** Null where this validator has no oracles: such tasks are then disputed. */
  enrich: Enricher | null;
  running: RunningTasks;
  metrics: ValidatorMetrics;
  logger: Logger;
  validatorHotkey: string;
  /** Model that the judge service announced last. */
  judgeModel: () => string;
  /** Aborted when this process is to end: waits are handed over, work goes on within the worker's grace. */
  stopping: AbortSignal;
}
