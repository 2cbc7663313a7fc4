import { weightsDigest } from '../../domain/evidence/weights-digest';
import { verifyHotkeySignature } from './verify';

/** Weights of a run as the owner serves them, with what it signed them by. */
export interface SignedWeights {
  run_id: string | null;
  weights: Record<string, number>;
  evidence_sha256: string | null;
  digest: string | null;
  signer_hotkey: string | null;
  signature: string | null;
}

/**
 * Checks the owner's signature over run, evidence digest and weights (decision 24).
 * @param owner whose signature it must be; without one, that of whoever the answer names
 * @returns the signer, or what is wrong in words
 */
export function checkWeightsSignature(
  served: SignedWeights,
  owner?: string | null,
): { signer: string } | { problem: string } {
  const { evidence_sha256, digest, signature, signer_hotkey } = served;
  if (evidence_sha256 === null || digest === null || signature === null || signer_hotkey === null)
    return { problem: 'the weights are not signed' };
  const computed = weightsDigest({
    runId: served.run_id,
    evidenceSha256: evidence_sha256,
    weights: served.weights,
  });
  if (computed !== digest) return { problem: 'the signed digest is of other weights or other evidence' };
  if (owner && owner !== signer_hotkey) return { problem: `signed by ${signer_hotkey}, not by ${owner}` };
  return verifyHotkeySignature({ hotkey: signer_hotkey, signature, message: digest })
    ? { signer: signer_hotkey }
    : { problem: `not a signature of ${signer_hotkey}` };
}
