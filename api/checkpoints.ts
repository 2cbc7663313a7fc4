/** State that graph agents keep with the owner, thread by thread (api.md section 4.8). */
import type { z } from 'zod';
import type { GraphCheckpointModel } from '../adapters/postgres/generated/models';
import type { CheckpointPayload, checkpointBody } from '../domain/contracts/checkpoints';
import { MAX_STATE_BYTES } from '../domain/contracts/checkpoints';
import { HttpError } from '../domain/http-errors';
import { verifyDeploymentToken, verifyJobToken } from '../domain/job-token';
import { naiveIso } from '../domain/time';
import type { Request } from 'express';
import { hasInternalToken } from './auth';
import type { ApiDeps } from './deps';
import { decodeBase64 } from './internal-artifacts';
import type { CustomAuth } from './route';

const NAMESPACE = 'x-eirel-checkpoint-namespace';

/**
 * Accepts the internal token, which reaches every thread, or an agent's own token, which reaches its deployment's.
 * An agent never holds the internal token (decision 5).
 */
export const serviceOrAgent: CustomAuth = {
  describedAs: ['internal'],
  check(request, deps) {
    if (!hasInternalToken(request.req, deps) && agentDeployment(request.req, deps) === null) {
      throw new HttpError(401, 'invalid internal authorization');
    }
    return Promise.resolve({ hotkey: null });
  },
};

/** The deployment whose token a request carries, null for none. */
export function agentDeployment(req: Request, deps: ApiDeps): string | null {
  const bearer = /^Bearer (.+)$/.exec(req.headers.authorization ?? '')?.[1];
  if (!bearer || deps.config.jobTokenSecret === '') return null;
  const job = verifyJobToken(bearer, deps.config.jobTokenSecret, deps.clock());
  if (job.ok) return job.claims.deploymentId;
  const pod = verifyDeploymentToken(bearer, deps.config.jobTokenSecret);
  return pod.ok ? pod.claims.deploymentId : null;
}

/**
 * The deployment that the namespace header names.
 * @throws HttpError 400 for a missing or malformed header, 403 when an agent names another's
 */
function namespaceOf(req: Request, deps: ApiDeps): { namespace: string; deploymentId: string } {
  const namespace = req.headers[NAMESPACE];
  if (typeof namespace !== 'string' || namespace === '') {
    throw new HttpError(400, 'X-Eirel-Checkpoint-Namespace header required');
  }
  if (!namespace.startsWith('miner-'))
    throw new HttpError(400, 'checkpoint namespace must start with miner-');
  const deploymentId = namespace.slice('miner-'.length);
  if (deploymentId === '') throw new HttpError(400, 'checkpoint namespace has an empty deployment id');
  const agent = agentDeployment(req, deps);
  if (agent !== null && agent !== deploymentId) {
    throw new HttpError(403, 'this token is for the checkpoints of another deployment');
  }
  return { namespace, deploymentId };
}

/** Which rows of a thread a request may see: an agent its own deployment's only. */
export function threadScope(req: Request, deps: ApiDeps, threadId: string) {
  const agent = agentDeployment(req, deps);
  return agent === null ? { threadId } : { threadId, deploymentId: agent };
}

/**
 * Keeps a checkpoint and moves the thread to it; the same checkpoint again is the one that was kept first.
 * @throws HttpError 400, 403, 404 for an unknown deployment, 413 for a state over 256 KiB
 */
export async function keepCheckpoint(
  deps: ApiDeps,
  req: Request,
  threadId: string,
  body: z.output<typeof checkpointBody>,
): Promise<GraphCheckpointModel> {
  const { namespace, deploymentId } = namespaceOf(req, deps);
  const deployment = await deps.db.managedDeployment.findUnique({ where: { id: deploymentId } });
  if (!deployment) throw new HttpError(404, 'deployment not found');
  const state = decodeBase64(body.state);
  if (!state) throw new HttpError(400, 'state is not valid base64');
  if (state.length > MAX_STATE_BYTES) {
    throw new HttpError(413, `state is ${state.length} bytes, the limit is ${MAX_STATE_BYTES}`);
  }
  const { familyId } = deployment;
  const key = { threadId, checkpointId: body.checkpoint_id };
  return deps.db.$transaction(async (tx) => {
    const known = await tx.graphCheckpoint.findUnique({ where: { threadId_checkpointId: key } });
    if (known) {
      if (known.deploymentId !== deploymentId) {
        throw new HttpError(409, 'this checkpoint belongs to another deployment');
      }
      return known;
    }
    const anchor = { deploymentId, familyId, lastCheckpointId: body.checkpoint_id };
    const thread = await tx.conversationThread.findUnique({ where: { threadId } });
    if (thread && thread.deploymentId !== deploymentId) {
      throw new HttpError(409, 'this thread belongs to another deployment');
    }
    await tx.conversationThread.upsert({
      where: { threadId },
      create: { threadId, ...anchor },
      update: anchor,
    });
    return tx.graphCheckpoint.upsert({
      where: { threadId_checkpointId: key },
      update: {},
      create: {
        ...key,
        parentCheckpointId: body.parent_id ?? null,
        deploymentId,
        familyId,
        checkpointNamespace: namespace,
        node: body.node ?? null,
        stateBlob: new Uint8Array(state),
        pendingWritesJson: body.pending_writes as object[],
        metadataJson: body.metadata as object,
        blobSizeBytes: state.length,
        createdAt: deps.clock(),
      },
    });
  });
}

export function checkpointView(row: GraphCheckpointModel): CheckpointPayload {
  return {
    thread_id: row.threadId,
    checkpoint_id: row.checkpointId,
    parent_id: row.parentCheckpointId,
    created_at: naiveIso(row.createdAt),
    node: row.node,
    state: Buffer.from(row.stateBlob).toString('base64'),
    pending_writes: row.pendingWritesJson as unknown[],
    metadata: row.metadataJson as Record<string, unknown>,
  };
}
