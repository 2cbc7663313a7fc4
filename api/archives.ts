import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';
import { ObjectNotFound } from '../adapters/object-store/types';
import { HttpError } from '../domain/http-errors';
import type { ApiDeps } from './deps';

/**
 * Streams a stored archive as the answer.
 * @throws HttpError 404 when the row or its bytes are not there
 */
export async function sendArchive(deps: ApiDeps, artifactId: string, res: Response): Promise<void> {
  const artifact = await deps.db.submissionArtifact.findUnique({ where: { id: artifactId } });
  if (!artifact) throw new HttpError(404, 'artifact not found');
  await sendObject(deps, artifact.storageKey, res, {
    contentType: 'application/gzip',
    sizeBytes: Number(artifact.sizeBytes),
    sha256: artifact.sha256,
    missing: 'artifact not found',
  });
}

/** Streams an object of the store as the answer. @throws HttpError 404 with the given text */
export async function sendObject(
  deps: ApiDeps,
  key: string,
  res: Response,
  facts: { contentType: string; sizeBytes?: number; sha256: string; missing: string },
): Promise<void> {
  let source: Awaited<ReturnType<ApiDeps['objectStore']['get']>>;
  try {
    source = await deps.objectStore.get(key);
  } catch (error) {
    if (error instanceof ObjectNotFound) throw new HttpError(404, facts.missing);
    throw error;
  }
  res.status(200).set('content-type', facts.contentType).set('x-content-sha256', facts.sha256);
  if (facts.sizeBytes !== undefined) res.set('content-length', String(facts.sizeBytes));
  try {
    await pipeline(source, res);
  } catch (error) {
    // A reader that hangs up is no fault of ours; anything else ends the connection and is logged by the caller.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}
