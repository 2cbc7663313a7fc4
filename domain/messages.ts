/**
 * What is said to and asked of workflows: ids, inputs, signals, updates, queries. Workflows declare their handlers from
 * these; the API, the CLI and the activities talk to them by these. Nothing here runs in a workflow by itself.
 */
import type { RunPhase } from './status';
import type { LoopMemory, LoopSettings, TaskEnding } from './validator/loop';
import type { WeightMode } from './weights/outcomes';

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

// ------------------------------------------------------------------------------------------------ submission

export interface SubmissionLifecycleInput {
  submissionId: string;
  deploymentId: string;
  minerHotkey: string;
  familyId: string;
  introducedRunId: string;
}

/** Where a submission stands, in words for its miner. */
export interface SubmissionStatusView {
  submissionId: string;
  step: 'fee' | 'build' | 'waiting_for_run' | 'deployed' | 'ended';
  status: string;
  /** Why it is where it is, and what happens next. */
  reason: string;
  /** ISO time at which this step began. */
  since: string;
}

export const SUBMISSION_MESSAGES = {
  /** Update and signal `WithdrawRequest`: the miner or the owner takes it back; the update returns the view after the act. */
  withdraw: 'withdraw',
  /** Signal `SteerRequest`: its hotkey is refused from now on, with the reason, and it is taken back. */
  ban: 'ban',
  /** Signal: superseded by a later submission, or lost its place at the end of a run. */
  retire: 'retire',
  /** Signal: try the build again after a failure of the owner's side was mended. */
  retryBuild: 'retryBuild',
  /** Query: `SubmissionStatusView`. */
  status: 'status',
} as const;

export interface RetireRequest {
  reason: string;
}
export interface WithdrawRequest {
  actor: string;
  reason: string;
  /** `api` keeps the audit itself; what comes another way is written down by the workflow. */
  via?: string;
}

// ------------------------------------------------------------------------------------------------ deployment

export interface DeploymentLifecycleInput {
  deploymentId: string;
  submissionId: string;
  minerHotkey: string;
  familyId: string;
  /** Carried over when the workflow continues as new. */
  state?: DeploymentLifecycleState;
}

export interface DeploymentLifecycleState {
  activated: boolean;
  /** Image built for it, as the runtime names it. */
  imageRef: string | null;
  restarts: number;
  consecutiveFailures: number;
  placed: boolean;
  draining: boolean;
  promotedRank: number | null;
  /** An operator drained it: nothing starts it until an operator lets it go. */
  held?: boolean;
}

export interface DeploymentHealthView {
  deploymentId: string;
  status: string;
  reason: string;
  restarts: number;
  endpointUrl: string | null;
  /** ISO time of the next attempt when it waits, else null. */
  nextAttempt: string | null;
}

export const DEPLOYMENT_MESSAGES = {
  /** Signal: its run opens, place it. `ActivateRequest`. */
  activate: 'activate',
  /**
   * Finish what is in flight, then stop and stay cold. Signal `PoolDrain` from the pool of a run; as signal or update with
   * a `SteerRequest` it is an operator's, and nothing starts it again until `undrain`.
   */
  drain: 'drain',
  /** Signal and update `SteerRequest`. */
  undrain: 'undrain',
  /** Signal: into the active set with a rank. */
  promote: 'promote',
  /** Signal: stop for good. */
  retire: 'retire',
  /** Signal: the proxy saw the agent's process die or refuse a connection. `InvocationFailedSignal`. */
  invocationFailed: 'invocationFailed',
  /** Query: `DeploymentHealthView`. */
  health: 'health',
} as const;

export interface ActivateRequest {
  imageRef: string;
}
/** Tells the pool's own drains from an operator's. */
export interface PoolDrain {
  by: 'pool';
}
export interface DeploymentOrderAnswer {
  changed: boolean;
  message: string;
}
export interface PromoteRequest {
  rank: number;
}
export interface InvocationFailedSignal {
  instanceId: string | null;
  reason: string;
}

// ------------------------------------------------------------------------------------------------ run

export interface RunEpochInput {
  runId: string;
  sequence: number;
  familyId: string;
  /** Carried over when the workflow continues as new. */
  state?: RunEpochState;
  /** Continues as new after this many events, where the server would only suggest it later. */
  historyLimit?: number;
}

/** All that a run's workflow knows. Times are epoch milliseconds. */
export interface RunEpochState {
  phase: RunPhase;
  startsAt: number;
  endsAt: number;
  pausedAt: number | null;
  /** True once a scheduled run was told to open. */
  opened: boolean;
  closing: 'now' | 'drain' | null;
  /** What the run consists of, in words, once it is seeded. */
  summary: string;
  stuck: StuckStep | null;
  /** Ids of the latest orders that were carried out. */
  orders: string[];
  /** How often it has continued as new. */
  continued: number;
}

/** A step that keeps failing: what an operator has to mend. Times are epoch milliseconds. */
export interface StuckStep {
  step: string;
  /** Times it was tried. */
  failures: number;
  error: string;
  since: number;
  nextAttemptAt: number;
}

/** What `eirel-ai run watch` shows and the Web UI answers. Counts are per (miner, task). */
export interface RunProgressView {
  runId: string;
  phase: RunPhase;
  reason: string;
  /** ISO times. */
  startsAt: string;
  endsAt: string;
  pausedAt: string | null;
  remainingSeconds: number;
  /** True once it was told to close. */
  closing: boolean;
  /** What keeps it from going on; null as a rule. ISO times. */
  stuck: { step: string; failures: number; error: string; since: string; nextAttempt: string } | null;
  /** How often it has continued as new. */
  continued: number;
}

/**
 * Every action is a signal and an update of the same name, so that the API, the `temporal` CLI and the Web UI all reach it.
 * Each takes a `SteerRequest`, or whatever `readOrder` understands, and is answered (an update) with a `SteerAnswer`.
 */
export const RUN_MESSAGES = {
  /** No new claims, leases run out gracefully, the timer stands still. */
  pause: 'pause',
  resume: 'resume',
  /** `CloseRequest` */
  close: 'close',
  /** `ExtendRequest` */
  extend: 'extend',
  /** Open a scheduled run now. */
  open: 'open',
  /** Try the step that is stuck again now. */
  retry: 'retry',
  /** Query: `RunProgressView`. */
  progress: 'progress',
} as const;

/** Who steers and why; an operator who signals from the Web UI may leave all of it out. */
export interface SteerRequest {
  /** Of this one order: sent twice, it is carried out once. */
  id?: string;
  actor?: string;
  via?: string;
  reason?: string;
}
export interface CloseRequest extends SteerRequest {
  /** `now` expires what is claimed; `drain` lets running leases finish first. */
  mode?: 'now' | 'drain';
}
/** Either by how much, or until when. */
export interface ExtendRequest extends SteerRequest {
  seconds?: number;
  /** ISO time */
  until?: string;
}

/** What came of an order. A refused update fails instead, with the message. */
export interface SteerAnswer {
  outcome: 'applied' | 'unchanged' | 'refused';
  message: string;
  progress: RunProgressView;
}

// ------------------------------------------------------------------------------------------------ enrichment

export interface TaskEnrichmentInput {
  runId: string;
  taskId: string;
  familyId: string;
  /**
   * Queue of the workers that have the store and the models; each model is called through a queue of its own below it
   * (`oracleTaskQueue`). `eirel-llm` on the owner's side.
   */
  queue: string;
}

/** One oracle as an enrichment sees it. */
export interface OracleProgress {
  state: 'asking' | 'answered' | 'failed' | 'blocked' | 'waiting';
  /** Why there is no answer. */
  reason: string | null;
}

/** Where the enrichment of a task stands, and what it ended with. */
export interface EnrichmentView {
  runId: string;
  taskId: string;
  step: 'planning' | 'asking' | 'reconciling' | 'waiting' | 'settling' | 'settled' | 'not_needed' | 'failed';
  reason: string;
  /** By vendor, the reconciler included. */
  oracles: Record<string, OracleProgress>;
  round: number;
  /** ISO time of the next round while it waits, else null. */
  nextAttempt: string | null;
  /** consensus, majority, disputed or deterministic once it is settled. */
  oracleStatus: string | null;
  expectedClaims: number;
}

export const ENRICHMENT_MESSAGES = {
  /** Signal `SteerRequest`: ask again now, rather than when the pause is over. */
  askAgain: 'askAgain',
  /** Query: `EnrichmentView`. */
  status: 'status',
} as const;

// ------------------------------------------------------------------------------------------------ publication

export interface ChainPublicationInput {
  /** Run whose weights are published; null lets the activity take the latest the owner serves. */
  runId: string | null;
  hotkey: string;
  netuid: number;
}

export interface PublicationStatusView {
  runId: string | null;
  hotkey: string;
  step:
    | 'reading'
    | 'submitting'
    | 'waiting'
    | 'finalising'
    | 'revealing'
    | 'verifying'
    | 'done'
    | 'failed'
    | 'cancelled';
  reason: string;
  /** What became of the last attempt, by its label (`TOO_SOON`, `RPC_DOWN`, ...); null before the first. */
  outcome: string | null;
  /** How weights get on chain here; null until the subnet's setting was read. */
  mode: WeightMode | null;
  attempt: number;
  blockNumber: number | null;
  blockHash: string | null;
  extrinsicHash: string | null;
}

export const PUBLICATION_MESSAGES = {
  /** Signal: give up before the next extrinsic. */
  cancel: 'cancel',
  /** Signal: try now what it waits for. */
  retry: 'retry',
  /** Query: `PublicationStatusView`. */
  status: 'status',
} as const;

// ------------------------------------------------------------------------------------------------ validator

export interface ValidatorLoopInput {
  hotkey: string;
  settings: LoopSettings;
  /** Carried over when the loop continues as new. */
  memory?: LoopMemory;
  /** For tests: continue as new after so many ended tasks. */
  renewAfterTasks?: number;
}

export type ValidatorPhase = 'claiming' | 'idle' | 'working' | 'paused' | 'cooling' | 'renewing' | 'off';

export interface ValidatorTaskView {
  taskEvaluationId: string;
  taskId: string;
  runId: string;
  familyId: string;
  fencing: number | null;
  step: 'evaluating' | 'submitting' | 'releasing';
  miners: number;
  claimedAt: string;
}

/** How the validator's loop stands. */
export interface ValidatorProgressView {
  hotkey: string;
  phase: ValidatorPhase;
  /** What it does, or why it waits, in words. */
  reason: string;
  paused: { reason: string; since: string } | null;
  activeTasks: ValidatorTaskView[];
  /** Since the loop was first started. */
  ended: Record<TaskEnding, number>;
  lastClaimAt: string | null;
  lastError: { message: string; at: string } | null;
  /** The latest publication of weights, null before the first. */
  publication: {
    workflowId: string;
    runId: string;
    interval: number;
    startedAt: string;
    /** Where it ended, null while it runs. */
    step: PublicationStatusView['step'] | null;
    reason: string | null;
  } | null;
}

export const VALIDATOR_MESSAGES = {
  /** Signal `SteerRequest`: no new claims; what is leased is finished. */
  pause: 'pause',
  /** Signal `SteerRequest`. */
  resume: 'resume',
  /** Signal `LoopSettings`: sent by the engine at every start. */
  configure: 'configure',
  /** Query: `ValidatorProgressView`. */
  progress: 'progress',
} as const;
