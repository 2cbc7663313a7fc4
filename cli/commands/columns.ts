/** Tables that several commands show. */
import type { Schema } from '../../adapters/owner-api';
import { listTable } from '../output';

export const submissionsTable = listTable<Schema<'AdminSubmission'>>(
  [
    { head: 'ID', value: (row) => row.id },
    { head: 'MINER', value: (row) => row.miner_hotkey },
    { head: 'SEQ', value: (row) => row.submission_seq, right: true },
    { head: 'FAMILY', value: (row) => row.family_id },
    { head: 'STATUS', value: (row) => row.status },
    { head: 'RUN', value: (row) => row.introduced_run_id },
    { head: 'CREATED', value: (row) => row.created_at },
  ],
  'no submissions',
);

export const deploymentsTable = listTable<Schema<'AdminDeployment'>>(
  [
    { head: 'ID', value: (row) => row.id },
    { head: 'MINER', value: (row) => row.miner_hotkey },
    { head: 'STATUS', value: (row) => row.status },
    { head: 'HEALTH', value: (row) => row.health_status },
    { head: 'PLACEMENT', value: (row) => row.placement_status },
    { head: 'NODE', value: (row) => row.assigned_node_name },
    { head: 'ACTIVE', value: (row) => row.is_active },
    { head: 'UPDATED', value: (row) => row.updated_at },
  ],
  'no deployments',
);
