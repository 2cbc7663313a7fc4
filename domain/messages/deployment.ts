/** How an agent of a submission is kept, and what its workflow is told. */
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
