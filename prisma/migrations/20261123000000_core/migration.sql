-- CreateTable
CREATE TABLE "validators" (
    "hotkey" VARCHAR(128) NOT NULL,
    "uid" INTEGER NOT NULL DEFAULT 0,
    "stake" BIGINT NOT NULL DEFAULT 0,
    "is_active" BOOLEAN NOT NULL DEFAULT true,
    "last_synced_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "validators_pkey" PRIMARY KEY ("hotkey")
);

-- CreateTable
CREATE TABLE "registered_neurons" (
    "hotkey" VARCHAR(128) NOT NULL,
    "uid" INTEGER NOT NULL,
    "coldkey" VARCHAR(128),
    "stake_rao" BIGINT NOT NULL DEFAULT 0,
    "validator_permit" BOOLEAN NOT NULL DEFAULT false,
    "active" BOOLEAN NOT NULL DEFAULT true,
    "block_number" BIGINT NOT NULL DEFAULT 0,
    "last_synced_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deregistered_at" TIMESTAMP(6),

    CONSTRAINT "registered_neurons_pkey" PRIMARY KEY ("hotkey")
);

-- CreateTable
CREATE TABLE "metagraph_sync_snapshots" (
    "id" VARCHAR(36) NOT NULL,
    "netuid" INTEGER NOT NULL,
    "network" VARCHAR(64) NOT NULL,
    "validator_count" INTEGER NOT NULL DEFAULT 0,
    "miner_count" INTEGER NOT NULL DEFAULT 0,
    "status" VARCHAR(32) NOT NULL,
    "error_text" TEXT,
    "block_number" BIGINT,
    "block_hash" VARCHAR(66),
    "payload_json" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "metagraph_sync_snapshots_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "submission_artifacts" (
    "id" VARCHAR(36) NOT NULL,
    "storage_key" VARCHAR(512) NOT NULL,
    "sha256" VARCHAR(64) NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "entry_count" INTEGER NOT NULL DEFAULT 0,
    "manifest_json" JSONB NOT NULL,
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "submission_artifacts_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "managed_miner_submissions" (
    "id" VARCHAR(36) NOT NULL,
    "miner_hotkey" VARCHAR(128) NOT NULL,
    "submission_seq" INTEGER NOT NULL,
    "family_id" VARCHAR(64) NOT NULL,
    "status" VARCHAR(32) NOT NULL,
    "status_reason" TEXT,
    "artifact_id" VARCHAR(36) NOT NULL,
    "manifest_json" JSONB NOT NULL,
    "archive_sha256" VARCHAR(64) NOT NULL,
    "submission_block" BIGINT NOT NULL,
    "introduced_run_id" VARCHAR(128),
    "extrinsic_hash" VARCHAR(128),
    "block_hash" VARCHAR(128),
    "counts_for_cap" BOOLEAN NOT NULL DEFAULT true,
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "managed_miner_submissions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "submission_fees" (
    "submission_id" VARCHAR(36) NOT NULL,
    "genesis_hash" VARCHAR(66) NOT NULL,
    "block_hash" VARCHAR(66) NOT NULL,
    "extrinsic_hash" VARCHAR(66) NOT NULL,
    "extrinsic_index" INTEGER,
    "block_number" BIGINT,
    "amount_rao" BIGINT,
    "payer" VARCHAR(128),
    "status" VARCHAR(32) NOT NULL,
    "reason" TEXT,
    "verified_at" TIMESTAMP(6),
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "submission_fees_pkey" PRIMARY KEY ("submission_id")
);

-- CreateTable
CREATE TABLE "submission_events" (
    "id" BIGSERIAL NOT NULL,
    "submission_id" VARCHAR(36) NOT NULL,
    "step" VARCHAR(64) NOT NULL,
    "outcome" VARCHAR(32) NOT NULL,
    "reason" TEXT,
    "details_json" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "submission_events_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "managed_deployments" (
    "id" VARCHAR(36) NOT NULL,
    "submission_id" VARCHAR(36) NOT NULL,
    "miner_hotkey" VARCHAR(128) NOT NULL,
    "family_id" VARCHAR(64) NOT NULL,
    "deployment_revision" VARCHAR(64) NOT NULL,
    "image_ref" VARCHAR(255) NOT NULL,
    "endpoint" VARCHAR(512) NOT NULL,
    "runtime_endpoint_url" VARCHAR(512),
    "runtime_instance_id" VARCHAR(128),
    "status" VARCHAR(32) NOT NULL,
    "health_status" VARCHAR(32) NOT NULL,
    "health_details_json" JSONB NOT NULL DEFAULT '{}',
    "pending_runtime_stop" BOOLEAN NOT NULL DEFAULT false,
    "requested_cpu_millis" INTEGER NOT NULL DEFAULT 0,
    "requested_memory_bytes" BIGINT NOT NULL DEFAULT 0,
    "placement_status" VARCHAR(32) NOT NULL DEFAULT 'pending',
    "assigned_node_name" VARCHAR(255),
    "assigned_cpu_millis" INTEGER NOT NULL DEFAULT 0,
    "assigned_memory_bytes" BIGINT NOT NULL DEFAULT 0,
    "placement_error_text" TEXT,
    "latency_ms_p50" INTEGER NOT NULL DEFAULT 0,
    "is_active" BOOLEAN NOT NULL DEFAULT false,
    "active_set_rank" INTEGER,
    "benchmark_version" VARCHAR(64) NOT NULL,
    "rubric_version" VARCHAR(64) NOT NULL,
    "judge_model" VARCHAR(128) NOT NULL,
    "retired_at" TIMESTAMP(6),
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "managed_deployments_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "deployment_health_events" (
    "id" VARCHAR(36) NOT NULL,
    "deployment_id" VARCHAR(36) NOT NULL,
    "family_id" VARCHAR(64) NOT NULL,
    "status" VARCHAR(32) NOT NULL,
    "reason" TEXT,
    "details_json" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "deployment_health_events_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "evaluation_runs" (
    "id" VARCHAR(128) NOT NULL,
    "sequence" INTEGER NOT NULL,
    "status" VARCHAR(32) NOT NULL DEFAULT 'open',
    "phase" VARCHAR(32) NOT NULL DEFAULT 'scheduled',
    "benchmark_version" VARCHAR(64) NOT NULL,
    "rubric_version" VARCHAR(64) NOT NULL,
    "judge_model" VARCHAR(128) NOT NULL,
    "scoring_version" INTEGER NOT NULL DEFAULT 2,
    "task_quorum" INTEGER NOT NULL DEFAULT 1,
    "min_scores_json" JSONB NOT NULL DEFAULT '{}',
    "started_at" TIMESTAMP(6) NOT NULL,
    "ends_at" TIMESTAMP(6) NOT NULL,
    "paused_at" TIMESTAMP(6),
    "closed_at" TIMESTAMP(6),
    "sampler_commitment" VARCHAR(64),
    "sampler_seed" VARCHAR(64),
    "bundle_key" VARCHAR(512),
    "bundle_sha256" VARCHAR(64),
    "evidence_key" VARCHAR(512),
    "evidence_sha256" VARCHAR(64),
    "metadata_json" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "evaluation_runs_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "epoch_target_snapshots" (
    "id" VARCHAR(36) NOT NULL,
    "epoch_id" VARCHAR(128) NOT NULL,
    "family_id" VARCHAR(64) NOT NULL,
    "benchmark_version" VARCHAR(64) NOT NULL,
    "rubric_version" VARCHAR(64) NOT NULL,
    "judge_model" VARCHAR(128) NOT NULL,
    "status" VARCHAR(32) NOT NULL DEFAULT 'open',
    "scored_at" TIMESTAMP(6),
    "members_json" JSONB NOT NULL,
    "closed_at" TIMESTAMP(6),
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "epoch_target_snapshots_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "task_evaluations" (
    "id" VARCHAR(36) NOT NULL,
    "epoch_id" VARCHAR(128) NOT NULL,
    "family_id" VARCHAR(64) NOT NULL,
    "task_id" VARCHAR(128) NOT NULL,
    "task_index" INTEGER NOT NULL,
    "mode" VARCHAR(16) NOT NULL DEFAULT 'instant',
    "category" VARCHAR(64) NOT NULL DEFAULT '',
    "capability" VARCHAR(64),
    "domain" VARCHAR(64),
    "payload_json" JSONB NOT NULL,
    "enrichment_status" VARCHAR(32) NOT NULL DEFAULT 'deterministic',
    "oracle_status" VARCHAR(32),
    "expected_claims_json" JSONB NOT NULL DEFAULT '[]',
    "must_not_claim_json" JSONB NOT NULL DEFAULT '[]',
    "baseline_response_json" JSONB,
    "baseline_cached_at" TIMESTAMP(6),
    "oracle_cost_usd" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "task_evaluations_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "miner_evaluation_tasks" (
    "id" VARCHAR(36) NOT NULL,
    "epoch_id" VARCHAR(128) NOT NULL,
    "family_id" VARCHAR(64) NOT NULL,
    "task_evaluation_id" VARCHAR(36) NOT NULL,
    "task_id" VARCHAR(128) NOT NULL,
    "task_index" INTEGER NOT NULL,
    "miner_hotkey" VARCHAR(128) NOT NULL,
    "deployment_id" VARCHAR(36) NOT NULL,
    "submission_id" VARCHAR(36) NOT NULL,
    "status" VARCHAR(32) NOT NULL DEFAULT 'pending',
    "status_reason" TEXT,
    "claimed_by_validator" VARCHAR(128),
    "claimed_at" TIMESTAMP(6),
    "claim_expires_at" TIMESTAMP(6),
    "claim_fencing" BIGINT,
    "attempt_count" INTEGER NOT NULL DEFAULT 0,
    "job_id" VARCHAR(64),
    "crash_count" INTEGER NOT NULL DEFAULT 0,
    "required_judgments" INTEGER NOT NULL DEFAULT 1,
    "judgment_count" INTEGER NOT NULL DEFAULT 0,
    "official_composite" DOUBLE PRECISION,
    "verdict" VARCHAR(32),
    "evaluated_at" TIMESTAMP(6),
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "miner_evaluation_tasks_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "task_claims" (
    "fencing" BIGINT NOT NULL,
    "task_evaluation_id" VARCHAR(36) NOT NULL,
    "epoch_id" VARCHAR(128) NOT NULL,
    "family_id" VARCHAR(64) NOT NULL,
    "task_id" VARCHAR(128) NOT NULL,
    "validator_hotkey" VARCHAR(128) NOT NULL,
    "miner_hotkeys_json" JSONB NOT NULL,
    "status" VARCHAR(32) NOT NULL DEFAULT 'claimed',
    "release_reason" TEXT,
    "claimed_at" TIMESTAMP(6) NOT NULL,
    "expires_at" TIMESTAMP(6) NOT NULL,
    "heartbeat_at" TIMESTAMP(6),
    "ended_at" TIMESTAMP(6),
    "result_digest" VARCHAR(64),
    "response_json" JSONB,

    CONSTRAINT "task_claims_pkey" PRIMARY KEY ("fencing")
);

-- CreateTable
CREATE TABLE "attempt_jobs" (
    "job_id" VARCHAR(64) NOT NULL,
    "miner_evaluation_task_id" VARCHAR(36) NOT NULL,
    "epoch_id" VARCHAR(128) NOT NULL,
    "task_id" VARCHAR(128) NOT NULL,
    "deployment_id" VARCHAR(36) NOT NULL,
    "miner_hotkey" VARCHAR(128) NOT NULL,
    "validator_hotkey" VARCHAR(128) NOT NULL,
    "fencing" BIGINT NOT NULL,
    "attempt" INTEGER NOT NULL,
    "expires_at" TIMESTAMP(6) NOT NULL,
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "attempt_jobs_pkey" PRIMARY KEY ("job_id")
);

-- CreateTable
CREATE TABLE "task_miner_results" (
    "id" VARCHAR(36) NOT NULL,
    "task_evaluation_id" VARCHAR(36) NOT NULL,
    "miner_evaluation_task_id" VARCHAR(36) NOT NULL,
    "epoch_id" VARCHAR(128) NOT NULL,
    "family_id" VARCHAR(64) NOT NULL,
    "task_id" VARCHAR(128) NOT NULL,
    "miner_hotkey" VARCHAR(128) NOT NULL,
    "validator_hotkey" VARCHAR(128) NOT NULL,
    "fencing" BIGINT NOT NULL,
    "job_id" VARCHAR(64),
    "miner_response_json" JSONB NOT NULL,
    "miner_citations_json" JSONB NOT NULL DEFAULT '[]',
    "judge_output_json" JSONB,
    "agreement_verdict" VARCHAR(32) NOT NULL,
    "agreement_score" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "miner_latency_seconds" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "latency_seconds" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "proxy_cost_usd" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "judge_cost_usd" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "thread_id" VARCHAR(64),
    "checkpoint_id" VARCHAR(64),
    "pairwise_preference_score" DOUBLE PRECISION,
    "grounded_correctness" DOUBLE PRECISION,
    "retrieval_quality" DOUBLE PRECISION,
    "tool_routing" DOUBLE PRECISION,
    "instruction_safety" DOUBLE PRECISION,
    "latency_cost" DOUBLE PRECISION,
    "computation_correctness" DOUBLE PRECISION,
    "final_task_score" DOUBLE PRECISION,
    "applied_weights_json" JSONB,
    "applicable_metrics_json" JSONB,
    "task_type" VARCHAR(64),
    "official_composite" DOUBLE PRECISION NOT NULL,
    "composite_input_json" JSONB NOT NULL,
    "factors_json" JSONB NOT NULL,
    "attested_tools_json" JSONB NOT NULL DEFAULT '[]',
    "attested_cost_usd" DOUBLE PRECISION,
    "disputed" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "task_miner_results_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "miner_evaluation_summaries" (
    "id" VARCHAR(36) NOT NULL,
    "epoch_id" VARCHAR(128) NOT NULL,
    "family_id" VARCHAR(64) NOT NULL,
    "miner_hotkey" VARCHAR(128) NOT NULL,
    "total_tasks" INTEGER NOT NULL,
    "completed_tasks" INTEGER NOT NULL DEFAULT 0,
    "failed_tasks" INTEGER NOT NULL DEFAULT 0,
    "family_capability_score" DOUBLE PRECISION,
    "robustness_score" DOUBLE PRECISION,
    "anti_gaming_score" DOUBLE PRECISION,
    "official_family_score" DOUBLE PRECISION,
    "protocol_gate_passed" BOOLEAN,
    "status" VARCHAR(32) NOT NULL DEFAULT 'pending',
    "rollout_metadata_json" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "miner_evaluation_summaries_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "aggregate_family_score_snapshots" (
    "id" VARCHAR(36) NOT NULL,
    "epoch_id" VARCHAR(128) NOT NULL,
    "family_id" VARCHAR(64) NOT NULL,
    "snapshot_json" JSONB NOT NULL,
    "validator_count" INTEGER NOT NULL,
    "validator_hotkeys_json" JSONB NOT NULL,
    "validator_weights_json" JSONB NOT NULL,
    "consensus_method" VARCHAR(64) NOT NULL,
    "status" VARCHAR(32) NOT NULL DEFAULT 'pending',
    "activated_at" TIMESTAMP(6),
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "aggregate_family_score_snapshots_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "deployment_score_records" (
    "id" VARCHAR(36) NOT NULL,
    "epoch_id" VARCHAR(128) NOT NULL,
    "family_id" VARCHAR(64) NOT NULL,
    "deployment_id" VARCHAR(36) NOT NULL,
    "submission_id" VARCHAR(36) NOT NULL,
    "miner_hotkey" VARCHAR(128) NOT NULL,
    "deployment_revision" VARCHAR(64) NOT NULL,
    "raw_score" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "normalized_score" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "is_eligible" BOOLEAN NOT NULL DEFAULT true,
    "run_budget_usd" DOUBLE PRECISION NOT NULL DEFAULT 30,
    "run_cost_usd_used" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "llm_cost_usd" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "tool_cost_usd" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "cost_rejection_count" INTEGER NOT NULL DEFAULT 0,
    "metadata_json" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "deployment_score_records_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "run_family_results" (
    "id" VARCHAR(36) NOT NULL,
    "run_id" VARCHAR(128) NOT NULL,
    "family_id" VARCHAR(64) NOT NULL,
    "winner_deployment_id" VARCHAR(36),
    "winner_submission_id" VARCHAR(36),
    "winner_hotkey" VARCHAR(128),
    "best_raw_score" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "min_score" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "has_winner" BOOLEAN NOT NULL DEFAULT false,
    "top_deployment_ids_json" JSONB NOT NULL DEFAULT '[]',
    "metadata_json" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "run_family_results_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "eval_feedback" (
    "id" VARCHAR(36) NOT NULL,
    "run_id" VARCHAR(128) NOT NULL,
    "miner_hotkey" VARCHAR(128) NOT NULL,
    "task_id" VARCHAR(128) NOT NULL,
    "outcome" VARCHAR(32) NOT NULL,
    "failure_mode" VARCHAR(64),
    "guidance" TEXT NOT NULL DEFAULT '',
    "prompt_excerpt" TEXT NOT NULL DEFAULT '',
    "response_excerpt" TEXT NOT NULL DEFAULT '',
    "composite_score" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "knockout_reasons_json" JSONB NOT NULL DEFAULT '[]',
    "factors_json" JSONB NOT NULL DEFAULT '{}',
    "explanation" TEXT NOT NULL DEFAULT '',
    "oracle_status" VARCHAR(32),
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "eval_feedback_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "orchestrator_tool_call_log" (
    "id" VARCHAR(36) NOT NULL,
    "job_id" VARCHAR(256) NOT NULL,
    "tool_name" VARCHAR(64) NOT NULL,
    "args_hash" VARCHAR(64) NOT NULL DEFAULT '',
    "args_json" JSONB NOT NULL DEFAULT '{}',
    "result_digest" TEXT NOT NULL DEFAULT '',
    "latency_ms" INTEGER NOT NULL DEFAULT 0,
    "cost_usd" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "status" VARCHAR(16) NOT NULL DEFAULT 'ok',
    "error" TEXT,
    "ts" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "orchestrator_tool_call_log_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "provider_calls" (
    "id" VARCHAR(36) NOT NULL,
    "job_id" VARCHAR(256) NOT NULL,
    "deployment_id" VARCHAR(36),
    "epoch_id" VARCHAR(128),
    "kind" VARCHAR(80) NOT NULL DEFAULT 'llm',
    "provider" VARCHAR(32) NOT NULL,
    "model" VARCHAR(128) NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "error_code" VARCHAR(64),
    "prompt_tokens" INTEGER NOT NULL DEFAULT 0,
    "completion_tokens" INTEGER NOT NULL DEFAULT 0,
    "cost_micro_usd" BIGINT NOT NULL DEFAULT 0,
    "latency_ms" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "provider_calls_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "run_weight_sets" (
    "run_id" VARCHAR(128) NOT NULL,
    "weights_json" JSONB NOT NULL,
    "winners_json" JSONB NOT NULL,
    "evidence_sha256" VARCHAR(64) NOT NULL,
    "digest" VARCHAR(64) NOT NULL,
    "signer_hotkey" VARCHAR(128),
    "signature" VARCHAR(132),
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "run_weight_sets_pkey" PRIMARY KEY ("run_id")
);

-- CreateTable
CREATE TABLE "weight_publications" (
    "id" VARCHAR(36) NOT NULL,
    "workflow_id" VARCHAR(255) NOT NULL,
    "attempt" INTEGER NOT NULL,
    "run_id" VARCHAR(128),
    "hotkey" VARCHAR(128) NOT NULL,
    "netuid" INTEGER NOT NULL,
    "uids_json" JSONB NOT NULL,
    "values_json" JSONB NOT NULL,
    "outcome" VARCHAR(32) NOT NULL,
    "message" TEXT,
    "block_number" BIGINT,
    "block_hash" VARCHAR(66),
    "extrinsic_hash" VARCHAR(66),
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "weight_publications_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "operator_actions" (
    "id" VARCHAR(36) NOT NULL,
    "actor" VARCHAR(128) NOT NULL,
    "via" VARCHAR(32) NOT NULL,
    "action" VARCHAR(64) NOT NULL,
    "target" VARCHAR(255) NOT NULL,
    "reason" TEXT NOT NULL DEFAULT '',
    "request_json" JSONB NOT NULL DEFAULT '{}',
    "outcome" VARCHAR(32) NOT NULL,
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "operator_actions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "managed_artifacts" (
    "id" VARCHAR(36) NOT NULL,
    "deployment_id" VARCHAR(36),
    "submission_id" VARCHAR(36),
    "family_id" VARCHAR(64) NOT NULL,
    "artifact_kind" VARCHAR(32) NOT NULL,
    "storage_key" VARCHAR(512) NOT NULL,
    "storage_uri" VARCHAR(512) NOT NULL,
    "mime_type" VARCHAR(128),
    "sha256" VARCHAR(64) NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "status" VARCHAR(32) NOT NULL DEFAULT 'stored',
    "metadata_json" JSONB NOT NULL DEFAULT '{}',
    "retained_for_epoch_id" VARCHAR(128),
    "expires_at" TIMESTAMP(6),
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "managed_artifacts_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "runtime_node_snapshots" (
    "node_name" VARCHAR(255) NOT NULL,
    "pool_name" VARCHAR(64) NOT NULL DEFAULT 'miner',
    "labels_json" JSONB NOT NULL DEFAULT '{}',
    "ready" BOOLEAN NOT NULL,
    "schedulable" BOOLEAN NOT NULL,
    "verified" BOOLEAN NOT NULL,
    "allocatable_cpu_millis" INTEGER NOT NULL,
    "allocatable_memory_bytes" BIGINT NOT NULL,
    "allocatable_pod_count" INTEGER NOT NULL,
    "derived_pod_capacity" INTEGER NOT NULL,
    "verification_error_text" TEXT,
    "metadata_json" JSONB NOT NULL DEFAULT '{}',
    "last_verified_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "runtime_node_snapshots_pkey" PRIMARY KEY ("node_name")
);

-- CreateTable
CREATE TABLE "family_rollout_states" (
    "family_id" VARCHAR(64) NOT NULL,
    "rollout_frozen" BOOLEAN NOT NULL DEFAULT false,
    "freeze_reason" TEXT,
    "updated_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "family_rollout_states_pkey" PRIMARY KEY ("family_id")
);

-- CreateTable
CREATE TABLE "conversation_threads" (
    "thread_id" VARCHAR(64) NOT NULL,
    "user_id" VARCHAR(128),
    "deployment_id" VARCHAR(36) NOT NULL,
    "family_id" VARCHAR(64) NOT NULL,
    "last_checkpoint_id" VARCHAR(64),
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "conversation_threads_pkey" PRIMARY KEY ("thread_id")
);

-- CreateTable
CREATE TABLE "graph_checkpoints" (
    "id" VARCHAR(36) NOT NULL,
    "thread_id" VARCHAR(64) NOT NULL,
    "checkpoint_id" VARCHAR(64) NOT NULL,
    "parent_checkpoint_id" VARCHAR(64),
    "deployment_id" VARCHAR(36) NOT NULL,
    "family_id" VARCHAR(64) NOT NULL,
    "checkpoint_namespace" VARCHAR(128),
    "node" VARCHAR(128),
    "state_blob" BYTEA NOT NULL,
    "pending_writes_json" JSONB NOT NULL DEFAULT '[]',
    "metadata_json" JSONB NOT NULL DEFAULT '{}',
    "blob_size_bytes" INTEGER NOT NULL,
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "graph_checkpoints_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "registered_neurons_deregistered_at_idx" ON "registered_neurons"("deregistered_at");

-- CreateIndex
CREATE INDEX "metagraph_sync_snapshots_netuid_created_at_idx" ON "metagraph_sync_snapshots"("netuid", "created_at");

-- CreateIndex
CREATE INDEX "submission_artifacts_sha256_idx" ON "submission_artifacts"("sha256");

-- CreateIndex
CREATE INDEX "managed_miner_submissions_status_idx" ON "managed_miner_submissions"("status");

-- CreateIndex
CREATE INDEX "managed_miner_submissions_introduced_run_id_idx" ON "managed_miner_submissions"("introduced_run_id");

-- CreateIndex
CREATE INDEX "managed_miner_submissions_archive_sha256_idx" ON "managed_miner_submissions"("archive_sha256");

-- CreateIndex
CREATE INDEX "managed_miner_submissions_created_at_idx" ON "managed_miner_submissions"("created_at");

-- CreateIndex
CREATE UNIQUE INDEX "managed_miner_submissions_miner_hotkey_submission_seq_key" ON "managed_miner_submissions"("miner_hotkey", "submission_seq");

-- CreateIndex
CREATE UNIQUE INDEX "submission_fees_genesis_hash_extrinsic_hash_key" ON "submission_fees"("genesis_hash", "extrinsic_hash");

-- CreateIndex
CREATE UNIQUE INDEX "submission_fees_genesis_hash_block_hash_extrinsic_index_key" ON "submission_fees"("genesis_hash", "block_hash", "extrinsic_index");

-- CreateIndex
CREATE INDEX "submission_events_submission_id_created_at_idx" ON "submission_events"("submission_id", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "submission_events_submission_id_step_outcome_key" ON "submission_events"("submission_id", "step", "outcome");

-- CreateIndex
CREATE UNIQUE INDEX "managed_deployments_deployment_revision_key" ON "managed_deployments"("deployment_revision");

-- CreateIndex
CREATE INDEX "managed_deployments_submission_id_idx" ON "managed_deployments"("submission_id");

-- CreateIndex
CREATE INDEX "managed_deployments_miner_hotkey_idx" ON "managed_deployments"("miner_hotkey");

-- CreateIndex
CREATE INDEX "managed_deployments_family_id_status_idx" ON "managed_deployments"("family_id", "status");

-- CreateIndex
CREATE INDEX "managed_deployments_health_status_idx" ON "managed_deployments"("health_status");

-- CreateIndex
CREATE INDEX "managed_deployments_placement_status_idx" ON "managed_deployments"("placement_status");

-- CreateIndex
CREATE INDEX "managed_deployments_updated_at_idx" ON "managed_deployments"("updated_at");

-- CreateIndex
CREATE INDEX "deployment_health_events_deployment_id_created_at_idx" ON "deployment_health_events"("deployment_id", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "evaluation_runs_sequence_key" ON "evaluation_runs"("sequence");

-- CreateIndex
CREATE INDEX "evaluation_runs_status_idx" ON "evaluation_runs"("status");

-- CreateIndex
CREATE UNIQUE INDEX "epoch_target_snapshots_epoch_id_family_id_key" ON "epoch_target_snapshots"("epoch_id", "family_id");

-- CreateIndex
CREATE INDEX "task_evaluations_epoch_id_family_id_task_index_idx" ON "task_evaluations"("epoch_id", "family_id", "task_index");

-- CreateIndex
CREATE UNIQUE INDEX "task_evaluations_epoch_id_family_id_task_id_key" ON "task_evaluations"("epoch_id", "family_id", "task_id");

-- CreateIndex
CREATE INDEX "miner_evaluation_tasks_epoch_id_family_id_status_task_index_idx" ON "miner_evaluation_tasks"("epoch_id", "family_id", "status", "task_index");

-- CreateIndex
CREATE INDEX "miner_evaluation_tasks_status_claim_expires_at_idx" ON "miner_evaluation_tasks"("status", "claim_expires_at");

-- CreateIndex
CREATE INDEX "miner_evaluation_tasks_epoch_id_miner_hotkey_idx" ON "miner_evaluation_tasks"("epoch_id", "miner_hotkey");

-- CreateIndex
CREATE INDEX "miner_evaluation_tasks_claim_fencing_idx" ON "miner_evaluation_tasks"("claim_fencing");

-- CreateIndex
CREATE UNIQUE INDEX "miner_evaluation_tasks_task_evaluation_id_miner_hotkey_key" ON "miner_evaluation_tasks"("task_evaluation_id", "miner_hotkey");

-- CreateIndex
CREATE INDEX "task_claims_task_evaluation_id_validator_hotkey_idx" ON "task_claims"("task_evaluation_id", "validator_hotkey");

-- CreateIndex
CREATE INDEX "task_claims_status_expires_at_idx" ON "task_claims"("status", "expires_at");

-- CreateIndex
CREATE INDEX "task_claims_epoch_id_validator_hotkey_idx" ON "task_claims"("epoch_id", "validator_hotkey");

-- CreateIndex
CREATE INDEX "attempt_jobs_miner_evaluation_task_id_idx" ON "attempt_jobs"("miner_evaluation_task_id");

-- CreateIndex
CREATE INDEX "attempt_jobs_deployment_id_epoch_id_idx" ON "attempt_jobs"("deployment_id", "epoch_id");

-- CreateIndex
CREATE INDEX "attempt_jobs_fencing_idx" ON "attempt_jobs"("fencing");

-- CreateIndex
CREATE INDEX "task_miner_results_epoch_id_family_id_miner_hotkey_idx" ON "task_miner_results"("epoch_id", "family_id", "miner_hotkey");

-- CreateIndex
CREATE INDEX "task_miner_results_task_evaluation_id_idx" ON "task_miner_results"("task_evaluation_id");

-- CreateIndex
CREATE UNIQUE INDEX "task_miner_results_miner_evaluation_task_id_validator_hotke_key" ON "task_miner_results"("miner_evaluation_task_id", "validator_hotkey");

-- CreateIndex
CREATE UNIQUE INDEX "miner_evaluation_summaries_epoch_id_family_id_miner_hotkey_key" ON "miner_evaluation_summaries"("epoch_id", "family_id", "miner_hotkey");

-- CreateIndex
CREATE UNIQUE INDEX "aggregate_family_score_snapshots_epoch_id_family_id_key" ON "aggregate_family_score_snapshots"("epoch_id", "family_id");

-- CreateIndex
CREATE INDEX "deployment_score_records_submission_id_idx" ON "deployment_score_records"("submission_id");

-- CreateIndex
CREATE INDEX "deployment_score_records_miner_hotkey_idx" ON "deployment_score_records"("miner_hotkey");

-- CreateIndex
CREATE UNIQUE INDEX "deployment_score_records_epoch_id_family_id_deployment_id_key" ON "deployment_score_records"("epoch_id", "family_id", "deployment_id");

-- CreateIndex
CREATE UNIQUE INDEX "run_family_results_run_id_family_id_key" ON "run_family_results"("run_id", "family_id");

-- CreateIndex
CREATE INDEX "eval_feedback_miner_hotkey_run_id_idx" ON "eval_feedback"("miner_hotkey", "run_id");

-- CreateIndex
CREATE INDEX "eval_feedback_run_id_task_id_idx" ON "eval_feedback"("run_id", "task_id");

-- CreateIndex
CREATE UNIQUE INDEX "eval_feedback_run_id_miner_hotkey_task_id_key" ON "eval_feedback"("run_id", "miner_hotkey", "task_id");

-- CreateIndex
CREATE INDEX "orchestrator_tool_call_log_job_id_tool_name_idx" ON "orchestrator_tool_call_log"("job_id", "tool_name");

-- CreateIndex
CREATE INDEX "provider_calls_job_id_idx" ON "provider_calls"("job_id");

-- CreateIndex
CREATE INDEX "provider_calls_epoch_id_deployment_id_idx" ON "provider_calls"("epoch_id", "deployment_id");

-- CreateIndex
CREATE INDEX "weight_publications_hotkey_created_at_idx" ON "weight_publications"("hotkey", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "weight_publications_workflow_id_attempt_key" ON "weight_publications"("workflow_id", "attempt");

-- CreateIndex
CREATE INDEX "operator_actions_target_created_at_idx" ON "operator_actions"("target", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "managed_artifacts_storage_key_key" ON "managed_artifacts"("storage_key");

-- CreateIndex
CREATE INDEX "managed_artifacts_sha256_idx" ON "managed_artifacts"("sha256");

-- CreateIndex
CREATE INDEX "graph_checkpoints_deployment_id_thread_id_idx" ON "graph_checkpoints"("deployment_id", "thread_id");

-- CreateIndex
CREATE INDEX "graph_checkpoints_thread_id_created_at_idx" ON "graph_checkpoints"("thread_id", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "graph_checkpoints_thread_id_checkpoint_id_key" ON "graph_checkpoints"("thread_id", "checkpoint_id");

-- AddForeignKey
ALTER TABLE "managed_miner_submissions" ADD CONSTRAINT "managed_miner_submissions_artifact_id_fkey" FOREIGN KEY ("artifact_id") REFERENCES "submission_artifacts"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "submission_fees" ADD CONSTRAINT "submission_fees_submission_id_fkey" FOREIGN KEY ("submission_id") REFERENCES "managed_miner_submissions"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "managed_deployments" ADD CONSTRAINT "managed_deployments_submission_id_fkey" FOREIGN KEY ("submission_id") REFERENCES "managed_miner_submissions"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "deployment_health_events" ADD CONSTRAINT "deployment_health_events_deployment_id_fkey" FOREIGN KEY ("deployment_id") REFERENCES "managed_deployments"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "miner_evaluation_tasks" ADD CONSTRAINT "miner_evaluation_tasks_task_evaluation_id_fkey" FOREIGN KEY ("task_evaluation_id") REFERENCES "task_evaluations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task_claims" ADD CONSTRAINT "task_claims_task_evaluation_id_fkey" FOREIGN KEY ("task_evaluation_id") REFERENCES "task_evaluations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task_miner_results" ADD CONSTRAINT "task_miner_results_task_evaluation_id_fkey" FOREIGN KEY ("task_evaluation_id") REFERENCES "task_evaluations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task_miner_results" ADD CONSTRAINT "task_miner_results_miner_evaluation_task_id_fkey" FOREIGN KEY ("miner_evaluation_task_id") REFERENCES "miner_evaluation_tasks"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "deployment_score_records" ADD CONSTRAINT "deployment_score_records_deployment_id_fkey" FOREIGN KEY ("deployment_id") REFERENCES "managed_deployments"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "deployment_score_records" ADD CONSTRAINT "deployment_score_records_submission_id_fkey" FOREIGN KEY ("submission_id") REFERENCES "managed_miner_submissions"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "run_family_results" ADD CONSTRAINT "run_family_results_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "evaluation_runs"("id") ON DELETE RESTRICT ON UPDATE CASCADE;


-- Fencing numbers of leases only grow, over all runs and validators.
CREATE SEQUENCE "claim_fencing_seq" AS BIGINT START 1;

-- What a claim looks for; small, because settled rows leave it.
CREATE INDEX "miner_evaluation_tasks_claimable_idx" ON "miner_evaluation_tasks" ("epoch_id", "family_id", "task_index") WHERE "status" IN ('pending', 'claimed');

-- At most one run is open.
CREATE UNIQUE INDEX "evaluation_runs_one_open_idx" ON "evaluation_runs" ("status") WHERE "status" = 'open';
