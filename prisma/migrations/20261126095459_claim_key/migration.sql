-- AlterTable
ALTER TABLE "task_claims" ADD COLUMN "claim_key" VARCHAR(128), ADD COLUMN "claim_slot" INTEGER;

-- CreateIndex
CREATE UNIQUE INDEX "task_claims_validator_hotkey_claim_key_claim_slot_key" ON "task_claims"("validator_hotkey", "claim_key", "claim_slot");
