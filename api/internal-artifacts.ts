/** Artifacts that the owner's services keep: bytes in the object store under their digest, one row for each. */
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { ObjectStoreError } from '../adapters/object-store/types';
import type { ManagedArtifactModel } from '../adapters/postgres/generated/models';
import type { artifactBody } from '../domain/contracts/artifacts';
import { HttpError } from '../domain/http-errors';
import type { ApiDeps } from './deps';

/** Strict base64, as Python's decoder with validation reads it. @returns null for anything else */
export function decodeBase64(text: string): Buffer | null {
  return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)
    ? Buffer.from(text, 'base64')
    : null;
}

/**
 * Stores an artifact. The same content of the same owner again is the artifact that is there already.
 * @throws HttpError 400 for what is not base64 or names that cannot be part of a key, 502 when the store fails
 */
export async function storeArtifact(
  deps: ApiDeps,
  body: z.output<typeof artifactBody>,
): Promise<ManagedArtifactModel> {
  const bytes = decodeBase64(body.content_base64);
  if (!bytes) throw new HttpError(400, 'content_base64 is not valid base64');
  for (const part of [body.family_id, body.artifact_kind]) {
    if (!/^[\w-][\w.-]*$/.test(part)) {
      throw new HttpError(400, 'family_id and artifact_kind take letters, digits, ".", "_" and "-"');
    }
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const holder = body.deployment_id ?? body.submission_id ?? 'shared';
  if (!/^[\w-]+$/.test(holder)) throw new HttpError(400, 'deployment_id and submission_id are ids');
  const key = `${body.family_id}/${body.artifact_kind}/${holder}/${sha256}.bin`;
  const contentType = body.mime_type ?? 'application/octet-stream';
  let stored: Awaited<ReturnType<ApiDeps['objectStore']['put']>>;
  try {
    stored = await deps.objectStore.put(key, bytes, { contentType });
  } catch (error) {
    if (!(error instanceof ObjectStoreError)) throw error;
    deps.logger.error('an artifact could not be stored', { error });
    throw new HttpError(502, 'artifact store unavailable: nothing was stored, try again');
  }
  return deps.db.managedArtifact.upsert({
    where: { storageKey: stored.key },
    update: {},
    create: {
      familyId: body.family_id,
      artifactKind: body.artifact_kind,
      deploymentId: body.deployment_id ?? null,
      submissionId: body.submission_id ?? null,
      storageKey: stored.key,
      storageUri: stored.uri,
      mimeType: body.mime_type ?? null,
      sha256,
      sizeBytes: BigInt(bytes.length),
      metadataJson: body.metadata as object,
      retainedForRunId: body.retained_for_run_id ?? null,
    },
  });
}
