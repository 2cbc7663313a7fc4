export { OwnerClient, type TaskRef } from './client';
export type {
  FeedbackAnswer,
  JobLedger,
  RunAnswer,
  Scorecards,
  SubmissionAnswer,
  TasksStatus,
  ValidatorSelf,
  WeightsAnswer,
} from './contracts';
export { isTransient, OwnerAnswerInvalid, OwnerRefused, OwnerUnreachable } from './errors';
export {
  InvocationBroken,
  InvocationClient,
  type InvocationOutcome,
  type InvocationTarget,
} from './invocation';
export { pause, retryDelayMs, type OwnerCall, type OwnerClientConfig } from './transport';
