import { createCorpusActivities } from '../activities/corpora';
import { createDeploymentActivities } from '../activities/deployments';
import { createLeaseActivities } from '../activities/leases';
import { createOperatorActivities } from '../activities/operator-actions';
import type { RunPolicy } from '../activities/run-policy';
import { createRunClosingActivities } from '../activities/run-closing';
import { createRunActivities } from '../activities/runs';
import { createScoringActivities } from '../activities/scoring';
import type { WorkflowSignaller } from '../activities/signaller';
import { createSubmissionActivities } from '../activities/submissions';
import type { Hotkey } from '../adapters/keys/types';
import type { ObjectStore } from '../adapters/object-store/types';
import type { Db } from '../adapters/postgres';
import type { RagClient } from '../adapters/rag-client';

export interface ControlDeps {
  db: Db;
  objectStore: ObjectStore;
  signaller: WorkflowSignaller;
  policy: RunPolicy;
  signer: Hotkey | null;
  rag: RagClient | null;
  drainGraceSeconds: number;
  /** Aborted when the worker drains. */
  stopping: AbortSignal;
}

/** Every activity of the control queue: what the workflows of submissions, deployments, runs and leases call. */
export function controlActivities(deps: ControlDeps) {
  return {
    ...createSubmissionActivities(deps),
    ...createDeploymentActivities(deps),
    ...createRunActivities(deps),
    ...createOperatorActivities(deps),
    ...createRunClosingActivities(deps),
    ...createCorpusActivities(deps),
    ...createScoringActivities(deps),
    ...createLeaseActivities(deps),
  };
}
