/** What things are called on a Temporal server: queues, types, ids, schedules, search attributes. */
export const TASK_QUEUES = {
  /** Workflows and database activities. */
  control: 'eirel-control',
  /** Image builds and agents, bounded by slots. */
  runtime: 'eirel-runtime',
  /** Model vendors, rate-limited. */
  llm: 'eirel-llm',
  /** Reads of the chain by the owner. */
  chain: 'eirel-chain',
} as const;

/** The queue of one model of the oracle layer, below a queue of the `llm` role: each has its own rate. */
export const oracleTaskQueue = (base: string, role: string): string => `${base}-${role}`;

/** The queue of one publishing hotkey: one extrinsic at a time. */
export const publicationTaskQueue = (hotkey: string): string => `eirel-publication-${hotkey}`;

/** The queue of one validator's loop: its worker has the hotkey and the journals. */
export const validatorTaskQueue = (hotkey: string): string => `eirel-validator-${hotkey}`;

export const WORKFLOW_TYPES = {
  submissionLifecycle: 'submissionLifecycle',
  deploymentLifecycle: 'deploymentLifecycle',
  runEpoch: 'runEpoch',
  taskEnrichment: 'taskEnrichment',
  chainPublication: 'chainPublication',
  leaseReaper: 'leaseReaper',
  metagraphSync: 'metagraphSync',
  validatorLoop: 'validatorLoop',
} as const;

export const SCHEDULE_IDS = { leaseReaper: 'lease-reaper', metagraphSync: 'metagraph-sync' } as const;

export const workflowIds = {
  submission: (submissionId: string): string => `submission/${submissionId}`,
  deployment: (deploymentId: string): string => `deployment/${deploymentId}`,
  run: (runId: string): string => `run/${runId}`,
  validator: (hotkey: string): string => `validator/${hotkey}`,
  /** One per task of a run; a validator that enriches for itself adds its hotkey. */
  enrichment: (runId: string, taskId: string, hotkey?: string): string =>
    `enrichment/${runId}/${taskId}${hotkey ? `/${hotkey}` : ''}`,
  /** One publication per run and hotkey; later intervals of the same run carry the interval's number. */
  publication: (runId: string, hotkey: string, interval = 0): string =>
    `publication/${runId}/${hotkey}${interval > 0 ? `/${interval}` : ''}`,
} as const;

/** Search attributes, all Keyword: an operator finds anything by the words they know. */
export const SEARCH_ATTRIBUTES = [
  'EirelKind',
  'EirelRunId',
  'EirelHotkey',
  'EirelFamily',
  'EirelStatus',
  /** The step that something keeps from going on, and only then: `EirelStuck IS NOT NULL` lists all that are stuck. */
  'EirelStuck',
  /** What it does or why it waits, in words, so that a list shows it too. */
  'EirelReason',
] as const;
export type SearchAttributeName = (typeof SEARCH_ATTRIBUTES)[number];
