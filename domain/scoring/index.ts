/** The scoring formulas; importable by workflow code (no Node built-ins, no clock, no randomness). */
export {
  compositeScore,
  DEFAULT_COST_FLOOR_USD,
  GROUNDED_FLOOR,
  MAX_PAIRWISE_BONUS,
  SAFETY_FLOOR,
} from './composite';
export { isToolOrPart, toolAttestationFactor, turnTotals } from './attestation';
export type { ToolAttestationInput, TurnMeasurement } from './attestation';
export { matchInjectionRule, responseSafety } from './response-safety';
export type { InjectionRule, SafetyResult, SafetyRule } from './response-safety';
export {
  computationCorrectness,
  DIMENSIONS,
  judgedDimensions,
  latencyCost,
  legacyWeightedSum,
  TASK_TYPES,
  taskTypeOf,
  toolRouting,
  verdictOf,
} from './legacy';
export type {
  Dimension,
  LatencyCostInput,
  LegacyScore,
  TaskType,
  ToolRoutingInput,
  VerdictInput,
} from './legacy';
export { medianComposite, representativeJudgment, settleJudgments } from './quorum';
export type { JudgmentOutcome, Settlement } from './quorum';
export {
  aggregateFamily,
  aggregateMiner,
  agreementOf,
  MAX_ERROR_FRACTION,
  UNRELIABLE_CAP,
} from './aggregate';
export type {
  AggregateRow,
  CountedVerdict,
  FamilyAggregate,
  FamilyRow,
  MinerAggregate,
  RowStatus,
} from './aggregate';
export { selectionScore, selectWinner, WINNER_MARGIN, WINNER_REASONS } from './winner';
export type { RankedCandidate, WinnerCandidate, WinnerDecision, WinnerInput, WinnerReason } from './winner';
export { familyWeights, runWeights } from './weights';
export type { FamilyOutcome, WeightTable } from './weights';
export { explainFactors } from './explain';
export { fixedHalfEven, fromMicro, meanMicro, MICRO, roundHalfEven6, toMicro } from './decimal';
export { DEFAULT_SCORING_VERSION, OUTCOMES, SCORING_VERSIONS, VERDICTS } from './types';
export type {
  CompositeBreakdown,
  CompositeInput,
  FactorDetails,
  LedgerCall,
  Outcome,
  ScoringVersion,
  Verdict,
} from './types';
