-- What a claim and a result cost must not depend on how many tasks and miners a run has.

-- Rows of a task that are pending or claimed; a claim walks the tasks that have any, in order, and no others.
ALTER TABLE "task_evaluations" ADD COLUMN "open_rows" INTEGER NOT NULL DEFAULT 0;

-- Tasks that have open rows, by run and family, spread over slots so that results do not wait for one another.
CREATE TABLE "run_task_counters" (
    "epoch_id" VARCHAR(128) NOT NULL,
    "family_id" VARCHAR(64) NOT NULL,
    "slot" SMALLINT NOT NULL,
    "open_tasks" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "run_task_counters_pkey" PRIMARY KEY ("epoch_id", "family_id", "slot")
);
ALTER TABLE "run_task_counters" ADD CONSTRAINT "run_task_counters_epoch_id_fkey" FOREIGN KEY ("epoch_id") REFERENCES "evaluation_runs"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Both are kept by whatever changes a row's status, in the same transaction.
CREATE FUNCTION "move_open_rows"("ids" TEXT[], "deltas" INTEGER[]) RETURNS VOID LANGUAGE sql AS $$
    WITH moved AS (
        UPDATE task_evaluations t SET open_rows = t.open_rows + d.delta
        FROM unnest(ids, deltas) AS d(id, delta)
        WHERE t.id = d.id
        RETURNING t.id, t.epoch_id, t.family_id, t.open_rows AS now_open, t.open_rows - d.delta AS was_open
    )
    INSERT INTO run_task_counters AS c (epoch_id, family_id, slot, open_tasks)
    SELECT epoch_id, family_id, (hashtext(id) & 15)::smallint,
        sum((now_open > 0)::int - (was_open > 0)::int)
    FROM moved
    WHERE (now_open > 0) <> (was_open > 0)
    GROUP BY 1, 2, 3
    -- In one order, so that two of these never wait for each other.
    ORDER BY 1, 2, 3
    ON CONFLICT (epoch_id, family_id, slot) DO UPDATE SET open_tasks = c.open_tasks + excluded.open_tasks;
$$;

CREATE FUNCTION "count_open_rows"() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    ids TEXT[];
    deltas INTEGER[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(id), array_agg(delta) INTO ids, deltas FROM (
            SELECT task_evaluation_id AS id, count(*)::int AS delta
            FROM new_rows WHERE status IN ('pending', 'claimed') GROUP BY 1 ORDER BY 1) d;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(id), array_agg(delta) INTO ids, deltas FROM (
            SELECT task_evaluation_id AS id, -count(*)::int AS delta
            FROM old_rows WHERE status IN ('pending', 'claimed') GROUP BY 1 ORDER BY 1) d;
    ELSE
        SELECT array_agg(id), array_agg(delta) INTO ids, deltas FROM (
            SELECT id, sum(one)::int AS delta FROM (
                SELECT task_evaluation_id AS id, 1 AS one FROM new_rows WHERE status IN ('pending', 'claimed')
                UNION ALL
                SELECT task_evaluation_id, -1 FROM old_rows WHERE status IN ('pending', 'claimed')) both_rows
            GROUP BY 1 HAVING sum(one) <> 0 ORDER BY 1) d;
    END IF;
    IF ids IS NOT NULL THEN PERFORM move_open_rows(ids, deltas); END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER "open_rows_inserted" AFTER INSERT ON "miner_evaluation_tasks"
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION "count_open_rows"();
CREATE TRIGGER "open_rows_updated" AFTER UPDATE ON "miner_evaluation_tasks"
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION "count_open_rows"();
CREATE TRIGGER "open_rows_deleted" AFTER DELETE ON "miner_evaluation_tasks"
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION "count_open_rows"();

-- Rows that are there already.
UPDATE "task_evaluations" t SET "open_rows" = m.n
FROM (SELECT task_evaluation_id, count(*)::int AS n FROM "miner_evaluation_tasks"
      WHERE status IN ('pending', 'claimed') GROUP BY 1) m
WHERE t.id = m.task_evaluation_id;
INSERT INTO "run_task_counters" ("epoch_id", "family_id", "slot", "open_tasks")
SELECT epoch_id, family_id, (hashtext(id) & 15)::smallint, count(*)::int
FROM "task_evaluations" WHERE open_rows > 0 GROUP BY 1, 2, 3;

-- The walk of a claim, in place of an index over all open rows.
CREATE INDEX "task_evaluations_open_idx" ON "task_evaluations" ("epoch_id", "family_id", "task_index") WHERE "open_rows" > 0;
DROP INDEX "miner_evaluation_tasks_claimable_idx";
CREATE INDEX "miner_evaluation_tasks_pending_idx" ON "miner_evaluation_tasks" ("task_evaluation_id") WHERE "status" = 'pending';
-- Leases that may have run out, and rows that may have no attempt left.
DROP INDEX "miner_evaluation_tasks_status_claim_expires_at_idx";
CREATE INDEX "miner_evaluation_tasks_leased_idx" ON "miner_evaluation_tasks" ("claim_expires_at") WHERE "status" = 'claimed';
CREATE INDEX "miner_evaluation_tasks_tried_idx" ON "miner_evaluation_tasks" ("epoch_id") WHERE "status" = 'pending' AND "attempt_count" > 0;
-- Each row is written three times in its life, and every index with it: these had no reader that others do not serve.
DROP INDEX "miner_evaluation_tasks_epoch_id_family_id_status_task_index_idx";
DROP INDEX "miner_evaluation_tasks_claim_fencing_idx";
DROP INDEX "attempt_jobs_miner_evaluation_task_id_idx";
DROP INDEX "eval_feedback_miner_hotkey_run_id_idx";

-- Answers and judgements compress well and are written often: the fast way, where the server has it.
DO $$
BEGIN
    IF 'lz4' = ANY ((SELECT enumvals FROM pg_settings WHERE name = 'default_toast_compression')::text[]) THEN
        ALTER TABLE "task_miner_results"
            ALTER COLUMN "miner_response_json" SET COMPRESSION lz4,
            ALTER COLUMN "miner_citations_json" SET COMPRESSION lz4,
            ALTER COLUMN "judge_output_json" SET COMPRESSION lz4,
            ALTER COLUMN "composite_input_json" SET COMPRESSION lz4,
            ALTER COLUMN "factors_json" SET COMPRESSION lz4;
    END IF;
END;
$$;
