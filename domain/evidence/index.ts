/** The public, recomputable record of a run. */
export { canonicalJson, digestOf, sha256Hex } from './canonical';
export { EVIDENCE_SCHEMA, EvidenceError, parseEvidence, RunEvidenceSchema, RunFactsSchema } from './contract';
export type {
  FamilyEvidence,
  FamilyFacts,
  JudgmentEvidence,
  JudgmentFacts,
  ResultEvidence,
  ResultFacts,
  RunEvidence,
  RunFacts,
} from './contract';
export { computeFamily, computeJudgment, computeResult, computeRun, DISPUTE_TOLERANCE } from './compute';
export { evidenceDigest, recomputeRun } from './recompute';
export type { Difference } from './recompute';
