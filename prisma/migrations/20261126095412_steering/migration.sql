-- AlterTable
ALTER TABLE "operator_actions" ADD COLUMN "message" TEXT NOT NULL DEFAULT '';

-- CreateTable
CREATE TABLE "banned_hotkeys" (
    "hotkey" VARCHAR(128) NOT NULL,
    "reason" TEXT NOT NULL,
    "banned_by" VARCHAR(128) NOT NULL,
    "created_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "lifted_at" TIMESTAMP(6),

    CONSTRAINT "banned_hotkeys_pkey" PRIMARY KEY ("hotkey")
);

-- CreateIndex
CREATE INDEX "operator_actions_created_at_idx" ON "operator_actions"("created_at");
