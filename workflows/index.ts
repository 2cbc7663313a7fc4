/** Everything that a worker runs; the names are the workflow types of domain/messages.ts. */
export { submissionLifecycle } from './submissionLifecycle';
export { deploymentLifecycle } from './deploymentLifecycle';
export { runEpoch } from './runEpoch';
export { taskEnrichment } from './taskEnrichment';
export { chainPublication } from './chainPublication';
export { leaseReaper } from './leaseReaper';
export { metagraphSync } from './metagraphSync';
export { validatorLoop } from './validatorLoop';
