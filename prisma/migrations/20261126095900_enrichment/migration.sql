ALTER TABLE "task_evaluations" ADD COLUMN "baseline_source" VARCHAR(16);

CREATE TABLE "task_enrichments" (
    "task_evaluation_id" VARCHAR(36) NOT NULL,
    "epoch_id" VARCHAR(128) NOT NULL,
    "family_id" VARCHAR(64) NOT NULL,
    "task_id" VARCHAR(128) NOT NULL,
    "side" VARCHAR(16) NOT NULL,
    "validator_hotkey" VARCHAR(128),
    "status" VARCHAR(16) NOT NULL DEFAULT 'running',
    "reason" TEXT,
    "oracle_status" VARCHAR(32),
    "reconciliation_json" JSONB,
    "record_json" JSONB,
    "payload_key" VARCHAR(512),
    "payload_sha256" VARCHAR(64),
    "cost_micro_usd" BIGINT NOT NULL DEFAULT 0,
    "started_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "settled_at" TIMESTAMP(6),
    "updated_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "task_enrichments_pkey" PRIMARY KEY ("task_evaluation_id")
);

CREATE UNIQUE INDEX "task_enrichments_epoch_id_family_id_task_id_key" ON "task_enrichments"("epoch_id", "family_id", "task_id");
CREATE INDEX "task_enrichments_epoch_id_status_idx" ON "task_enrichments"("epoch_id", "status");
ALTER TABLE "task_enrichments" ADD CONSTRAINT "task_enrichments_task_evaluation_id_fkey" FOREIGN KEY ("task_evaluation_id") REFERENCES "task_evaluations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "oracle_answers" (
    "task_evaluation_id" VARCHAR(36) NOT NULL,
    "vendor" VARCHAR(32) NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "grounding_json" JSONB NOT NULL,
    "cost_micro_usd" BIGINT,
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "oracle_answers_pkey" PRIMARY KEY ("task_evaluation_id", "vendor")
);

ALTER TABLE "oracle_answers" ADD CONSTRAINT "oracle_answers_task_evaluation_id_fkey" FOREIGN KEY ("task_evaluation_id") REFERENCES "task_enrichments"("task_evaluation_id") ON DELETE CASCADE ON UPDATE CASCADE;
