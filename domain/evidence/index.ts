/** The public, recomputable record of a run. */
export { canonicalJson, digestOf, sha256Hex } from './canonical';
export { EVIDENCE_SCHEMA, EvidenceError, parseEvidence, RunEvidenceSchema, RunFactsSchema } from './contract';
export type {
  FamilyEvidence,
  FamilyFacts,
  FamilyHead,
  JudgmentEvidence,
  JudgmentFacts,
  ResultEvidence,
  ResultFacts,
  RunEvidence,
  RunFacts,
} from './contract';
export {
  computeFamily,
  computeJudgment,
  computeResult,
  computeRun,
  DISPUTE_TOLERANCE,
  FamilyScores,
  runEvidence,
} from './compute';
export { evidenceDigest, MAX_DIFFERENCES, recomputeRun, RunCheck } from './recompute';
export type { Difference, Differences } from './recompute';
export { evidenceFrame, EvidenceScanner, readHead, readResult } from './stream';
export type { EvidenceHead } from './stream';
