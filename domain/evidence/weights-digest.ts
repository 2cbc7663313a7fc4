import { digestOf } from './canonical';

/**
 * What the owner signs when it publishes weights (decision 24): SHA-256 of the canonical JSON of the run, the digest of its
 * evidence and the weights, so that none of the three can be exchanged.
 * @returns 64 hex digits
 */
export function weightsDigest(publication: {
  runId: string | null;
  evidenceSha256: string;
  weights: Record<string, number>;
}): string {
  return digestOf({
    run_id: publication.runId,
    evidence_sha256: publication.evidenceSha256,
    weights: publication.weights,
  });
}
