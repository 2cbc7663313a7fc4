/** Wire contracts of the owner's own artifacts and registries (api.md section 4.8). */
import { z } from 'zod';
import { jsonObject } from './common';

const name = z.string().min(1).max(64);

export const artifactBody = z.object({
  family_id: name,
  artifact_kind: z.string().min(1).max(32),
  /** Base64. */
  content_base64: z.string(),
  mime_type: z.string().max(128).nullish(),
  deployment_id: z.string().max(36).nullish(),
  submission_id: z.string().max(36).nullish(),
  metadata: jsonObject.default({}),
  retained_for_run_id: z.string().max(128).nullish(),
});

export const artifactPayload = z
  .object({
    artifact_id: z.string(),
    storage_uri: z.string(),
    size_bytes: z.int(),
    sha256: z.string(),
    download_url: z.string(),
  })
  .meta({ id: 'StoredArtifact' });

export const registryEntry = z
  .object({
    hotkey: z.string(),
    uid: z.int().nullable(),
    family_id: z.string(),
    endpoint: z.string(),
    stake: z.number(),
    latency_score: z.number(),
    quality_score: z.number(),
    is_active: z.boolean(),
    metadata: jsonObject,
  })
  .meta({ id: 'RegistryEntry' });
export type RegistryEntry = z.output<typeof registryEntry>;

export const registryPayload = z.record(z.string(), z.array(registryEntry));

export const servingPayload = z
  .object({ endpoint: z.string(), hotkey: z.string(), family_id: z.string(), metadata: jsonObject })
  .meta({ id: 'ServingMiner' });
