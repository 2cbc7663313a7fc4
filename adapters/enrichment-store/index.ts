export { filesystemEnrichmentStore, type LocalEnrichmentStore } from './filesystem';
export { postgresEnrichmentStore } from './postgres';
export type { EnrichmentJob, EnrichmentKey, EnrichmentStore } from './types';
