-- Worst-case prices of calls under way, so that budget counters can be rebuilt exactly when Redis is lost.
-- CreateTable
CREATE TABLE "budget_holds" (
    "id" VARCHAR(36) NOT NULL,
    "job_id" VARCHAR(256) NOT NULL,
    "deployment_id" VARCHAR(36),
    "epoch_id" VARCHAR(128),
    "amount_micro_usd" BIGINT NOT NULL,
    "expires_at" TIMESTAMP(6) NOT NULL,

    CONSTRAINT "budget_holds_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "budget_holds_job_id_idx" ON "budget_holds"("job_id");

-- CreateIndex
CREATE INDEX "budget_holds_epoch_id_deployment_id_idx" ON "budget_holds"("epoch_id", "deployment_id");
