/** Where a submission stands and what it is told. */
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
