import { findSubmission } from '../../adapters/postgres/submissions';
import { submissionPayload, submitForm, submitQuery } from '../../domain/contracts/submissions';
import { authenticateHash, readSignature } from '../auth';
import type { ApiDeps } from '../deps';
import { defineRoute } from '../route';
import type { Route } from '../route';
import { acceptUpload } from '../submissions/accept';
import { receiveUpload, UploadSlots } from '../submissions/upload';
import { queryOf } from '../validate';
import { submissionView } from '../views/submissions';
import type { Request } from 'express';

const slots = new WeakMap<ApiDeps, UploadSlots>();

function slotsOf(deps: ApiDeps): UploadSlots {
  const known = slots.get(deps) ?? new UploadSlots(deps.config.uploadConcurrency);
  slots.set(deps, known);
  return known;
}

/** Where clients reach this API: the configured address, else the one that this request was sent to. */
export function publicBase(req: Request, deps: ApiDeps): string {
  return deps.config.publicUrl ?? `${req.protocol}://${req.headers.host ?? `127.0.0.1:${deps.config.port}`}`;
}

export const submitRoutes: Route[] = [
  defineRoute(
    {
      method: 'post',
      path: '/v1/submissions',
      auth: 'signed',
      summary: 'Submit an agent',
      description:
        'Multipart form with one file part `archive`: a gzip tar with `submission.yaml` at its root. The signature covers ' +
        'the SHA-256 of the whole multipart body. The fee is named by `block_hash` and `extrinsic_hash` or ' +
        '`extrinsic_index`, in the query or as text fields of the form.',
      tags: ['submissions'],
      request: { query: submitQuery, body: submitForm },
      rawBody: true,
      rawBodyType: 'multipart/form-data',
      responses: {
        200: { description: 'Accepted', schema: submissionPayload },
        400: { description: 'Bad archive, manifest or fee' },
        403: { description: 'The hotkey is not registered on the subnet' },
        413: { description: 'The archive or the body is too large' },
        429: { description: 'Too many submissions' },
        503: { description: 'The owner cannot take submissions now; nothing was stored' },
      },
    },
    async ({ deps, req }) => {
      // Refused before a byte of the body is read; the signature itself needs the whole of it.
      readSignature(req, deps);
      return slotsOf(deps).run(async () => {
        const upload = await receiveUpload(req, {
          maxBodyBytes: deps.config.maxBodyBytes,
          maxArchiveBytes: deps.config.submission.archive.maxBytes,
          spoolDir: deps.config.spoolDir,
        });
        try {
          const { hotkey } = await authenticateHash(req, upload.bodySha256, deps);
          // What the form says is signed; a query may be nobody's.
          const named = { ...queryOf(submitQuery, req), ...upload.fields };
          const accepted = await acceptUpload(deps, upload, {
            hotkey: hotkey as string,
            payment: {
              extrinsicHash: named.extrinsic_hash ?? null,
              extrinsicIndex: named.extrinsic_index ?? null,
              blockHash: named.block_hash ?? null,
            },
            baseUrl: publicBase(req, deps),
          });
          const row = await findSubmission(deps.db, accepted.submissionId);
          if (!row) throw new Error(`submission ${accepted.submissionId} vanished after it was stored`);
          return submissionView(row, null);
        } finally {
          await upload.discard();
        }
      });
    },
  ),
];
