import {
  claimedTaskSchema,
  taskPayloadSchema,
  type ClaimedTask,
  type TaskPayload,
} from '../../../domain/validator/task';

export function payload(over: Record<string, unknown> = {}): TaskPayload {
  return taskPayloadSchema.parse({ prompt: 'How tall is the tower?', mode: 'instant', ...over });
}

export function claimed(over: Record<string, unknown> = {}, task: Record<string, unknown> = {}): ClaimedTask {
  return claimedTaskSchema.parse({
    task_evaluation_id: 'te-1',
    run_id: 'run-1',
    family_id: 'general_chat',
    task_id: 'tower',
    task_index: 0,
    task_payload: {
      prompt: 'How tall is the tower?',
      mode: 'instant',
      category: 'live_lookup',
      oracle_source: 'deterministic',
      expected_output: {
        answer: '330 metres',
        must_not_claim: ['it is 12 metres'],
        required_tool: 'web_search',
      },
      metadata: { capability: 'lookup' },
      ...task,
    },
    miners: [
      {
        hotkey: '5miner',
        endpoint: 'http://127.0.0.1:1/v1/validator/runs/run-1/deployments/d1',
        auth_headers: {},
      },
    ],
    claim_expires_at: '2026-11-23T12:30:55.563055',
    fencing: 7,
    scoring_version: 2,
    ...over,
  });
}
