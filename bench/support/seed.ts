/** A run with as many tasks and miners as are wanted, written by the database itself. */
import type { Client } from 'pg';

export interface SeededRun {
  runId: string;
  miners: string[];
}

const FAMILY = 'general_chat';

/**
 * Seeds an open run, ready to be claimed from.
 * @param options.miners hotkeys
 * @param options.settled tasks at the front that are judged already, as in the middle of a run
 */
export async function seedOpenRun(
  client: Client,
  options: { sequence: number; tasks: number; miners: readonly string[]; settled?: number },
): Promise<SeededRun> {
  const { sequence, tasks, miners, settled = 0 } = options;
  const runId = `run-${sequence}`;
  await client.query(
    `UPDATE evaluation_runs SET status = 'completed', phase = 'completed' WHERE status = 'open'`,
  );
  await client.query(
    `INSERT INTO evaluation_runs (id, sequence, status, phase, benchmark_version, rubric_version, judge_model,
       started_at, ends_at)
     VALUES ($1, $2, 'open', 'running', 'bench', 'bench', 'bench', now(), now() + interval '3 days')`,
    [runId, sequence],
  );
  for (const [index, hotkey] of miners.entries()) {
    const id = `${runId}-${index}`;
    await client.query(
      `WITH artifact AS (
         INSERT INTO submission_artifacts (id, storage_key, sha256, size_bytes, manifest_json)
         VALUES ($1, $1, repeat('a', 64), 1, '{}')),
       submission AS (
         INSERT INTO managed_miner_submissions (id, miner_hotkey, submission_seq, family_id, status, artifact_id,
           manifest_json, archive_sha256, submission_block)
         VALUES ($1, $2, $3, '${FAMILY}', 'deployed_for_eval', $1, '{}', repeat('a', 64), 1))
       INSERT INTO managed_deployments (id, submission_id, miner_hotkey, family_id, deployment_revision, image_ref,
         endpoint, status, health_status, placement_status, benchmark_version, rubric_version, judge_model)
       VALUES ($1, $1, $2, '${FAMILY}', $1, 'bench', '', 'deployed_for_eval', 'healthy', 'running', 'bench', 'bench',
         'bench')`,
      [id, hotkey, sequence],
    );
  }
  await client.query(
    `INSERT INTO task_evaluations (id, epoch_id, family_id, task_id, task_index, payload_json, oracle_status)
     SELECT gen_random_uuid()::text, $1, '${FAMILY}', 'task-' || i, i,
       jsonb_build_object('task_id', 'task-' || i, 'prompt', repeat('Question? ', 40), 'mode', 'instant',
         'expected_output', jsonb_build_object('answer', 'forty-two')), 'deterministic'
     FROM generate_series(0, $2::int - 1) i`,
    [runId, tasks],
  );
  await client.query(
    `INSERT INTO miner_evaluation_tasks (id, epoch_id, family_id, task_evaluation_id, task_id, task_index,
       miner_hotkey, deployment_id, submission_id, status)
     SELECT gen_random_uuid()::text, t.epoch_id, t.family_id, t.id, t.task_id, t.task_index, d.miner_hotkey, d.id,
       d.submission_id, CASE WHEN t.task_index < $2::int THEN 'evaluated' ELSE 'pending' END
     FROM task_evaluations t CROSS JOIN managed_deployments d
     WHERE t.epoch_id = $1 AND d.id LIKE $1 || '-%' ORDER BY t.task_index, d.id`,
    [runId, settled],
  );
  // What autovacuum would have done by the time that validators arrive.
  await client.query('VACUUM ANALYZE');
  await client.query('CHECKPOINT');
  return { runId, miners: [...miners] };
}

/** Freezes a seeded run's members, as its workflow does before tasks are claimed. */
export async function freezeBenchRun(client: Client, runId: string): Promise<void> {
  await client.query(
    `INSERT INTO epoch_target_snapshots (id, epoch_id, family_id, benchmark_version, rubric_version, judge_model,
       status, members_json)
     SELECT $1::text, $1::text, '${FAMILY}', 'bench', 'bench', 'bench', 'open', jsonb_agg(jsonb_build_object('hotkey', miner_hotkey,
       'uid', NULL, 'family_id', '${FAMILY}', 'metadata',
       jsonb_build_object('deployment_id', id, 'submission_id', submission_id)) ORDER BY id)
     FROM managed_deployments WHERE id LIKE $1::text || '-%'`,
    [runId],
  );
}
