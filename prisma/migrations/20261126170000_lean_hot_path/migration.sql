-- What a claim and a result write, and how often an index is written with it. Each leased row is written twice; both times
-- stay on its page and touch no index, since none of its indexes knows its status any more: the task counts for them.

-- Rows of a task that are pending, and those of them that were tried before: where a claim and the reaper look.
ALTER TABLE "task_evaluations"
    ADD COLUMN "pending_rows" INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN "retry_rows" INTEGER NOT NULL DEFAULT 0;
UPDATE "task_evaluations" t SET "pending_rows" = m.pending, "retry_rows" = m.retry
FROM (SELECT task_evaluation_id, count(*)::int AS pending, count(*) FILTER (WHERE attempt_count > 0)::int AS retry
      FROM "miner_evaluation_tasks" WHERE status = 'pending' GROUP BY 1) m
WHERE t.id = m.task_evaluation_id;

DROP INDEX "task_evaluations_open_idx";
CREATE INDEX "task_evaluations_pending_idx" ON "task_evaluations" ("epoch_id", "family_id", "task_index") WHERE "pending_rows" > 0;
CREATE INDEX "task_evaluations_retry_idx" ON "task_evaluations" ("id") WHERE "retry_rows" > 0;
DROP INDEX "miner_evaluation_tasks_pending_idx";
DROP INDEX "miner_evaluation_tasks_leased_idx";
DROP INDEX "miner_evaluation_tasks_tried_idx";
-- Room on the page for both versions.
ALTER TABLE "miner_evaluation_tasks" SET (fillfactor = 50);
ALTER TABLE "task_evaluations" SET (fillfactor = 85);

-- Leases that still run are few; the others need not be found by their end.
DROP INDEX "task_claims_status_expires_at_idx";
CREATE INDEX "task_claims_live_idx" ON "task_claims" ("expires_at") WHERE "status" = 'claimed';
DROP INDEX "task_claims_validator_hotkey_claim_key_claim_slot_key";
CREATE UNIQUE INDEX "task_claims_validator_hotkey_claim_key_claim_slot_key"
    ON "task_claims" ("validator_hotkey", "claim_key", "claim_slot") WHERE "claim_key" IS NOT NULL;

-- A lease ends with its claim; nobody asked the job.
ALTER TABLE "attempt_jobs" DROP COLUMN "expires_at";
DROP INDEX "attempt_jobs_deployment_id_epoch_id_idx";
DROP INDEX "attempt_jobs_fencing_idx";

-- A judgment is found by its row, or by its miner. That it is of the task of its row goes without a key of its own.
DROP INDEX "task_miner_results_task_evaluation_id_idx";
ALTER TABLE "task_miner_results"
    DROP CONSTRAINT "task_miner_results_task_evaluation_id_fkey",
    DROP CONSTRAINT "task_miner_results_pkey";
-- What is only ever read whole is kept as it is written: taking an answer apart cost more than storing it. And beside its
-- judgment, as long as both fit on a page: pieces of 2 KB each have an index entry of their own.
ALTER TABLE "task_miner_results"
    ALTER COLUMN "miner_response_json" TYPE JSON USING "miner_response_json"::text::json,
    ALTER COLUMN "judge_output_json" TYPE JSON USING "judge_output_json"::text::json,
    ALTER COLUMN "composite_input_json" TYPE JSON USING "composite_input_json"::text::json;
ALTER TABLE "eval_feedback"
    ALTER COLUMN "factors_json" DROP DEFAULT,
    ALTER COLUMN "factors_json" TYPE JSON USING "factors_json"::text::json,
    ALTER COLUMN "factors_json" SET DEFAULT '{}';
ALTER TABLE "task_miner_results" SET (toast_tuple_target = 8160);
ALTER TABLE "task_miner_results" ADD CONSTRAINT "task_miner_results_pkey"
    PRIMARY KEY USING INDEX "task_miner_results_miner_evaluation_task_id_validator_hotke_key";

DROP INDEX "eval_feedback_run_id_task_id_idx";
ALTER TABLE "eval_feedback" DROP CONSTRAINT "eval_feedback_pkey";
ALTER TABLE "eval_feedback" ADD CONSTRAINT "eval_feedback_pkey"
    PRIMARY KEY USING INDEX "eval_feedback_run_id_miner_hotkey_task_id_key";

-- The counters, kept by whatever changes a row, in the same transaction. Claims and results move them themselves, with what
-- else they write to the task, and say so by the setting.
DROP TRIGGER "open_rows_inserted" ON "miner_evaluation_tasks";
DROP TRIGGER "open_rows_updated" ON "miner_evaluation_tasks";
DROP TRIGGER "open_rows_deleted" ON "miner_evaluation_tasks";
DROP FUNCTION "count_open_rows"();
DROP FUNCTION "move_open_rows"(TEXT[], INTEGER[]);

CREATE FUNCTION "move_row_counters"("ids" TEXT[], "open_deltas" INTEGER[], "pending_deltas" INTEGER[], "retry_deltas" INTEGER[])
RETURNS VOID LANGUAGE plpgsql
SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
    WITH moved AS (
        UPDATE task_evaluations t SET open_rows = t.open_rows + d.opened, pending_rows = t.pending_rows + d.pending,
            retry_rows = t.retry_rows + d.retry
        FROM unnest(ids, open_deltas, pending_deltas, retry_deltas) AS d(id, opened, pending, retry)
        WHERE t.id = d.id
        RETURNING t.id, t.epoch_id, t.family_id, t.open_rows AS now_open, t.open_rows - d.opened AS was_open
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
END;
$$;

CREATE FUNCTION "count_task_rows"() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    ids TEXT[];
    opened INTEGER[];
    pending INTEGER[];
    retry INTEGER[];
BEGIN
    IF current_setting('eirel.row_counters', true) = 'moved' THEN RETURN NULL; END IF;
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(id), array_agg(o), array_agg(p), array_agg(r) INTO ids, opened, pending, retry FROM (
            SELECT task_evaluation_id AS id, count(*)::int AS o, count(*) FILTER (WHERE status = 'pending')::int AS p,
                count(*) FILTER (WHERE status = 'pending' AND attempt_count > 0)::int AS r
            FROM new_rows WHERE status IN ('pending', 'claimed') GROUP BY 1 ORDER BY 1) d;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(id), array_agg(o), array_agg(p), array_agg(r) INTO ids, opened, pending, retry FROM (
            SELECT task_evaluation_id AS id, -count(*)::int AS o, -count(*) FILTER (WHERE status = 'pending')::int AS p,
                -count(*) FILTER (WHERE status = 'pending' AND attempt_count > 0)::int AS r
            FROM old_rows WHERE status IN ('pending', 'claimed') GROUP BY 1 ORDER BY 1) d;
    ELSE
        SELECT array_agg(id), array_agg(o), array_agg(p), array_agg(r) INTO ids, opened, pending, retry FROM (
            SELECT id, sum(one)::int AS o, coalesce(sum(one) FILTER (WHERE status = 'pending'), 0)::int AS p,
                coalesce(sum(one) FILTER (WHERE status = 'pending' AND attempt_count > 0), 0)::int AS r
            FROM (
                SELECT task_evaluation_id AS id, 1 AS one, status, attempt_count FROM new_rows
                WHERE status IN ('pending', 'claimed')
                UNION ALL
                SELECT task_evaluation_id, -1, status, attempt_count FROM old_rows
                WHERE status IN ('pending', 'claimed')) both_rows
            GROUP BY 1 ORDER BY 1) d
        WHERE o <> 0 OR p <> 0 OR r <> 0;
    END IF;
    IF ids IS NOT NULL THEN PERFORM move_row_counters(ids, opened, pending, retry); END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER "task_rows_inserted" AFTER INSERT ON "miner_evaluation_tasks"
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION "count_task_rows"();
CREATE TRIGGER "task_rows_updated" AFTER UPDATE ON "miner_evaluation_tasks"
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION "count_task_rows"();
CREATE TRIGGER "task_rows_deleted" AFTER DELETE ON "miner_evaluation_tasks"
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION "count_task_rows"();

-- Of the functions below: where a step is not planned with an index, for want of one or for a sort of few rows, some servers
-- count that as very dear and would compile the plan for longer than it will ever run; so no JIT.

-- A row that may be leased, but for judgments that the validator gave it before. A judgment that succeeded is no failed attempt.
CREATE FUNCTION "may_be_leased"("attempts" INTEGER, "judgments" INTEGER, "max_attempts" INTEGER, "deployment_status" TEXT,
    "served" TEXT[], "health" TEXT) RETURNS BOOLEAN LANGUAGE sql IMMUTABLE AS $$
    SELECT attempts - judgments < max_attempts AND deployment_status = ANY (served) AND health = 'healthy'
$$;

-- Leases up to p_batch tasks of the open run to one validator: for each, every miner row that may be judged now, under one
-- fencing number. Rows of a lease that has run out are taken over, and their old claim ends as expired.
-- Order of locks, here and everywhere: the task's row, then its miner rows. Claimers skip tasks that are locked, so they
-- wait for nobody.
DROP FUNCTION "claim_tasks"(TEXT, TEXT, TEXT, INTEGER, DOUBLE PRECISION, DOUBLE PRECISION, INTEGER, TEXT[], TEXT[],
    DOUBLE PRECISION, TEXT, TIMESTAMP);
CREATE FUNCTION "claim_tasks"(
    "p_run_id" TEXT, "p_family_id" TEXT, "p_validator" TEXT, "p_batch" INTEGER, "p_lease_seconds" DOUBLE PRECISION,
    "p_max_attempts" INTEGER, "p_deployment_statuses" TEXT[], "p_enrichment_statuses" TEXT[],
    "p_baseline_ttl_seconds" DOUBLE PRECISION, "p_claim_key" TEXT, "p_now" TIMESTAMP)
RETURNS TABLE (
    "task_evaluation_id" TEXT, "epoch_id" TEXT, "family_id" TEXT, "task_id" TEXT, "task_index" INTEGER, "payload_json" JSONB,
    "rubric_version" TEXT, "benchmark_version" TEXT, "scoring_version" INTEGER, "fencing" BIGINT, "claimed_at" TIMESTAMP,
    "expires_at" TIMESTAMP, "expected_claims_json" JSONB, "must_not_claim_json" JSONB, "oracle_status" TEXT,
    "cached_baseline" JSONB, "miners" JSONB, "remaining" BIGINT)
LANGUAGE plpgsql
SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_sort = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_bitmapscan = off SET eirel.row_counters = 'moved'
AS $$
#variable_conflict use_column
DECLARE
    v_now TIMESTAMP := coalesce(p_now, date_trunc('milliseconds', clock_timestamp() AT TIME ZONE 'UTC'));
    v_expires TIMESTAMP := v_now + make_interval(secs => p_lease_seconds);
    v_run evaluation_runs;
    v_expired TEXT[];
    v_picked TEXT[];
    v_task TEXT;
    v_old BIGINT[];
    v_fencing BIGINT;
    v_slot INTEGER := 0;
    v_leased INTEGER;
BEGIN
    SELECT r.* INTO v_run FROM evaluation_runs r
    -- The boundary holds also while no worker is up to close the run.
    WHERE r.status = 'open' AND r.phase = 'running' AND r.ends_at > v_now AND (p_run_id IS NULL OR r.id = p_run_id);
    IF NOT FOUND THEN RETURN; END IF;
    -- What waited longest first: tasks whose lease ran out.
    v_expired := ARRAY(SELECT c.task_evaluation_id FROM task_claims c
        WHERE c.status = 'claimed' AND c.expires_at <= v_now AND c.epoch_id = v_run.id AND c.family_id = p_family_id);
    IF cardinality(v_expired) > 0 THEN
        v_picked := ARRAY(
            SELECT t.id FROM task_evaluations t CROSS JOIN LATERAL (
                SELECT 1 FROM miner_evaluation_tasks m JOIN managed_deployments d ON d.id = m.deployment_id
                WHERE m.task_evaluation_id = t.id
                    AND (m.status = 'pending' OR (m.status = 'claimed' AND m.claim_expires_at <= v_now))
                    AND may_be_leased(m.attempt_count, m.judgment_count, p_max_attempts, d.status, p_deployment_statuses,
                        d.health_status)
                    AND (m.judgment_count = 0 OR NOT EXISTS (SELECT 1 FROM task_miner_results e
                        WHERE e.miner_evaluation_task_id = m.id AND e.validator_hotkey = p_validator))
                LIMIT 1) ready
            WHERE t.id = ANY (v_expired) AND t.enrichment_status = ANY (p_enrichment_statuses)
            LIMIT p_batch
            FOR UPDATE OF t SKIP LOCKED);
    END IF;
    IF coalesce(cardinality(v_picked), 0) < p_batch THEN
        v_picked := v_picked || ARRAY(
            -- LATERAL with a limit is carried out task by task, whatever the plan takes the tables for.
            SELECT t.id FROM task_evaluations t CROSS JOIN LATERAL (
                SELECT 1 FROM miner_evaluation_tasks m JOIN managed_deployments d ON d.id = m.deployment_id
                WHERE m.task_evaluation_id = t.id AND m.status = 'pending'
                    AND may_be_leased(m.attempt_count, m.judgment_count, p_max_attempts, d.status, p_deployment_statuses,
                        d.health_status)
                    AND (m.judgment_count = 0 OR NOT EXISTS (SELECT 1 FROM task_miner_results e
                        WHERE e.miner_evaluation_task_id = m.id AND e.validator_hotkey = p_validator))
                LIMIT 1) ready
            WHERE t.epoch_id = v_run.id AND t.family_id = p_family_id AND t.pending_rows > 0
                AND t.enrichment_status = ANY (p_enrichment_statuses)
                AND (v_picked IS NULL OR t.id <> ALL (v_picked))
            ORDER BY t.task_index
            LIMIT p_batch - coalesce(cardinality(v_picked), 0)
            FOR UPDATE OF t SKIP LOCKED);
    END IF;
    FOREACH v_task IN ARRAY v_picked LOOP
        -- Another claimer may have taken it between the look and the lock: everything is seen anew under it.
        v_old := NULL;
        IF v_task = ANY (v_expired) THEN
            v_old := ARRAY(SELECT m.claim_fencing FROM miner_evaluation_tasks m
                WHERE m.task_evaluation_id = v_task AND m.status = 'claimed' AND m.claim_expires_at <= v_now);
        END IF;
        v_fencing := nextval('claim_fencing_seq');
        RETURN QUERY
            WITH leased AS (
                UPDATE miner_evaluation_tasks m
                SET status = 'claimed', status_reason = NULL, claimed_by_validator = p_validator, claimed_at = v_now,
                    claim_expires_at = v_expires, claim_fencing = v_fencing, attempt_count = m.attempt_count + 1,
                    job_id = 'job-' || replace(gen_random_uuid()::text, '-', ''), updated_at = v_now
                FROM managed_deployments d
                WHERE m.task_evaluation_id = v_task AND d.id = m.deployment_id
                    AND (m.status = 'pending' OR (m.status = 'claimed' AND m.claim_expires_at <= v_now))
                    AND may_be_leased(m.attempt_count, m.judgment_count, p_max_attempts, d.status, p_deployment_statuses,
                        d.health_status)
                    AND (m.judgment_count = 0 OR NOT EXISTS (SELECT 1 FROM task_miner_results e
                        WHERE e.miner_evaluation_task_id = m.id AND e.validator_hotkey = p_validator))
                RETURNING m.id, m.epoch_id, m.task_id, m.miner_hotkey, m.deployment_id, m.job_id, m.attempt_count,
                    d.created_at AS deployed_at
            ),
            jobs AS (
                INSERT INTO attempt_jobs (job_id, miner_evaluation_task_id, epoch_id, task_id, deployment_id, miner_hotkey,
                    validator_hotkey, fencing, attempt, created_at)
                SELECT job_id, id, epoch_id, task_id, deployment_id, miner_hotkey, p_validator, v_fencing, attempt_count, v_now
                FROM leased
            ),
            lease AS (
                SELECT count(*)::int AS taken, count(*) FILTER (WHERE l.attempt_count > 1)::int AS again,
                    jsonb_agg(l.miner_hotkey ORDER BY l.deployed_at, l.deployment_id) AS hotkeys,
                    jsonb_agg(jsonb_build_object('rowId', l.id, 'hotkey', l.miner_hotkey, 'deploymentId', l.deployment_id,
                        'jobId', l.job_id, 'attempt', l.attempt_count) ORDER BY l.deployed_at, l.deployment_id) AS miners
                FROM leased l
            ),
            task AS (
                UPDATE task_evaluations t
                SET pending_rows = t.pending_rows - lease.taken, retry_rows = t.retry_rows - lease.again
                FROM lease WHERE t.id = v_task AND lease.taken > 0
                RETURNING t.*
            ),
            claim AS (
                INSERT INTO task_claims (fencing, task_evaluation_id, epoch_id, family_id, task_id, validator_hotkey,
                    miner_hotkeys_json, status, claimed_at, expires_at, claim_key, claim_slot)
                SELECT v_fencing, t.id, t.epoch_id, t.family_id, t.task_id, p_validator, lease.hotkeys, 'claimed', v_now,
                    v_expires, p_claim_key, CASE WHEN p_claim_key IS NOT NULL THEN v_slot + 1 END
                FROM task t, lease
            )
            SELECT t.id::text, t.epoch_id::text, t.family_id::text, t.task_id::text, t.task_index, t.payload_json,
                v_run.rubric_version::text, v_run.benchmark_version::text, v_run.scoring_version, v_fencing, v_now,
                v_expires, t.expected_claims_json, t.must_not_claim_json, t.oracle_status::text,
                CASE WHEN t.baseline_source = 'owner'
                    OR t.baseline_cached_at > v_now - make_interval(secs => p_baseline_ttl_seconds)
                    THEN t.baseline_response_json END,
                lease.miners,
                -- Leasing turns pending tasks into claimed ones, which changes no sum.
                (SELECT coalesce(sum(c.open_tasks), 0)::bigint FROM run_task_counters c
                 WHERE c.epoch_id = v_run.id AND c.family_id = p_family_id)
            FROM task t, lease;
        GET DIAGNOSTICS v_leased = ROW_COUNT;
        CONTINUE WHEN v_leased = 0;
        v_slot := v_slot + 1;
        IF cardinality(v_old) > 0 THEN
            UPDATE task_claims c SET status = 'expired', ended_at = v_now,
                release_reason = 'the lease ran out and the task was claimed again'
            WHERE c.fencing = ANY (v_old) AND c.status = 'claimed';
            -- Rows of the old lease that cannot be leased now go back to the pool, where the reaper finds those whose
            -- attempts are used up.
            UPDATE miner_evaluation_tasks m SET status = 'pending', status_reason = 'the lease ran out',
                claimed_by_validator = NULL, claimed_at = NULL, claim_expires_at = NULL, updated_at = v_now
            WHERE m.task_evaluation_id = v_task AND m.status = 'claimed' AND m.claim_expires_at <= v_now;
            -- Some of what was leased was not pending before.
            UPDATE task_evaluations t SET pending_rows = m.pending, retry_rows = m.retry
            FROM (SELECT count(*)::int AS pending, count(*) FILTER (WHERE r.attempt_count > 0)::int AS retry
                  FROM miner_evaluation_tasks r WHERE r.task_evaluation_id = v_task AND r.status = 'pending') m
            WHERE t.id = v_task;
        END IF;
    END LOOP;
END;
$$;
DROP FUNCTION "is_claimable"("miner_evaluation_tasks", "managed_deployments", TEXT, INTEGER, TEXT[]);

-- Claims of several validators at once, by their place in the arrays: what one of them costs is mostly what a call costs.
-- Tasks that nobody judged before are dealt out in one go; whoever gets less than was asked for is served by "claim_tasks".
CREATE FUNCTION "claim_batch"(
    "p_run_ids" TEXT[], "p_family_ids" TEXT[], "p_validators" TEXT[], "p_sizes" INTEGER[], "p_lease_seconds" DOUBLE PRECISION[],
    "p_max_attempts" INTEGER[], "p_claim_keys" TEXT[], "p_nows" TIMESTAMP[], "p_deployment_statuses" TEXT[],
    "p_enrichment_statuses" TEXT[], "p_baseline_ttl_seconds" DOUBLE PRECISION)
RETURNS TABLE (
    "at" INTEGER, "task_evaluation_id" TEXT, "epoch_id" TEXT, "family_id" TEXT, "task_id" TEXT, "task_index" INTEGER,
    "payload_json" JSONB, "rubric_version" TEXT, "benchmark_version" TEXT, "scoring_version" INTEGER, "fencing" BIGINT,
    "claimed_at" TIMESTAMP, "expires_at" TIMESTAMP, "expected_claims_json" JSONB, "must_not_claim_json" JSONB,
    "oracle_status" TEXT, "cached_baseline" JSONB, "miners" JSONB, "remaining" BIGINT)
LANGUAGE plpgsql
SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_sort = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_bitmapscan = off SET eirel.row_counters = 'moved'
AS $$
#variable_conflict use_column
DECLARE
    v_count INTEGER := cardinality(p_validators);
    v_clock TIMESTAMP := date_trunc('milliseconds', clock_timestamp() AT TIME ZONE 'UTC');
    v_now TIMESTAMP := coalesce(p_nows[1], v_clock);
    v_run evaluation_runs;
    v_picked TEXT[] := '{}';
    v_ats INTEGER[] := '{}';
    v_slots INTEGER[] := '{}';
    v_given INTEGER[] := array_fill(0, ARRAY[v_count]);
    v_next INTEGER := 1;
    v_task TEXT;
BEGIN
    -- Together only what is alike.
    IF v_count > 1 AND NOT EXISTS (
        SELECT 1 FROM generate_series(2, v_count) n
        WHERE p_family_ids[n] <> p_family_ids[1] OR p_run_ids[n] IS DISTINCT FROM p_run_ids[1]
            OR p_nows[n] IS DISTINCT FROM p_nows[1] OR p_max_attempts[n] <> p_max_attempts[1])
    THEN
        SELECT r.* INTO v_run FROM evaluation_runs r
        WHERE r.status = 'open' AND r.phase = 'running' AND r.ends_at > v_now AND (p_run_ids[1] IS NULL OR r.id = p_run_ids[1]);
        IF NOT FOUND THEN RETURN; END IF;
        IF NOT EXISTS (SELECT 1 FROM task_claims c WHERE c.status = 'claimed' AND c.expires_at <= v_now
            AND c.epoch_id = v_run.id AND c.family_id = p_family_ids[1])
        THEN
            v_picked := ARRAY(
                SELECT t.id FROM task_evaluations t CROSS JOIN LATERAL (
                    SELECT 1 FROM miner_evaluation_tasks m JOIN managed_deployments d ON d.id = m.deployment_id
                    WHERE m.task_evaluation_id = t.id AND m.status = 'pending' AND m.judgment_count = 0
                        AND may_be_leased(m.attempt_count, 0, p_max_attempts[1], d.status, p_deployment_statuses,
                            d.health_status)
                    LIMIT 1) ready
                WHERE t.epoch_id = v_run.id AND t.family_id = p_family_ids[1] AND t.pending_rows > 0
                    AND t.enrichment_status = ANY (p_enrichment_statuses)
                ORDER BY t.task_index
                LIMIT (SELECT sum(s) FROM unnest(p_sizes) s)
                FOR UPDATE OF t SKIP LOCKED);
        END IF;
    END IF;
    FOREACH v_task IN ARRAY v_picked LOOP
        WHILE v_given[v_next] >= p_sizes[v_next] LOOP v_next := v_next + 1; END LOOP;
        v_given[v_next] := v_given[v_next] + 1;
        v_ats := v_ats || v_next;
        v_slots := v_slots || v_given[v_next];
    END LOOP;
    IF cardinality(v_picked) > 0 THEN
        RETURN QUERY
            WITH picked AS MATERIALIZED (
                SELECT u.id, u.at, u.slot, nextval('claim_fencing_seq') AS fencing,
                    v_now + make_interval(secs => p_lease_seconds[u.at]) AS expires
                FROM unnest(v_picked, v_ats, v_slots) AS u(id, at, slot)
            ),
            leased AS (
                UPDATE miner_evaluation_tasks m
                SET status = 'claimed', status_reason = NULL, claimed_by_validator = p_validators[p.at], claimed_at = v_now,
                    claim_expires_at = p.expires, claim_fencing = p.fencing, attempt_count = m.attempt_count + 1,
                    job_id = 'job-' || replace(gen_random_uuid()::text, '-', ''), updated_at = v_now
                FROM (
                    SELECT k.*, r.id AS row_id, d.created_at AS deployed_at
                    FROM picked k
                        CROSS JOIN LATERAL (
                            SELECT * FROM miner_evaluation_tasks x
                            WHERE x.task_evaluation_id = k.id AND x.status = 'pending' OFFSET 0) r
                        CROSS JOIN LATERAL (SELECT * FROM managed_deployments y WHERE y.id = r.deployment_id OFFSET 0) d
                    WHERE may_be_leased(r.attempt_count, r.judgment_count, p_max_attempts[1], d.status,
                            p_deployment_statuses, d.health_status)
                        AND (r.judgment_count = 0 OR NOT EXISTS (SELECT 1 FROM task_miner_results e
                            WHERE e.miner_evaluation_task_id = r.id AND e.validator_hotkey = p_validators[k.at]))
                ) p
                WHERE m.id = p.row_id
                RETURNING m.id, m.task_evaluation_id, m.epoch_id, m.task_id, m.miner_hotkey, m.deployment_id, m.job_id,
                    m.attempt_count, p.deployed_at, p.at, p.fencing
            ),
            jobs AS (
                INSERT INTO attempt_jobs (job_id, miner_evaluation_task_id, epoch_id, task_id, deployment_id, miner_hotkey,
                    validator_hotkey, fencing, attempt, created_at)
                SELECT job_id, id, epoch_id, task_id, deployment_id, miner_hotkey, p_validators[at], fencing, attempt_count,
                    v_now
                FROM leased
            ),
            lease AS (
                SELECT l.task_evaluation_id AS id, count(*)::int AS taken,
                    count(*) FILTER (WHERE l.attempt_count > 1)::int AS again,
                    jsonb_agg(l.miner_hotkey ORDER BY l.deployed_at, l.deployment_id) AS hotkeys,
                    jsonb_agg(jsonb_build_object('rowId', l.id, 'hotkey', l.miner_hotkey, 'deploymentId', l.deployment_id,
                        'jobId', l.job_id, 'attempt', l.attempt_count) ORDER BY l.deployed_at, l.deployment_id) AS miners
                FROM leased l GROUP BY l.task_evaluation_id
            ),
            task AS (
                UPDATE task_evaluations t
                SET pending_rows = t.pending_rows - lease.taken, retry_rows = t.retry_rows - lease.again
                FROM lease, picked p WHERE t.id = lease.id AND p.id = lease.id
                RETURNING t.*, p.at, p.slot, p.fencing, p.expires, lease.hotkeys, lease.miners
            ),
            claim AS (
                INSERT INTO task_claims (fencing, task_evaluation_id, epoch_id, family_id, task_id, validator_hotkey,
                    miner_hotkeys_json, status, claimed_at, expires_at, claim_key, claim_slot)
                SELECT t.fencing, t.id, t.epoch_id, t.family_id, t.task_id, p_validators[t.at], t.hotkeys, 'claimed', v_now,
                    t.expires, p_claim_keys[t.at], CASE WHEN p_claim_keys[t.at] IS NOT NULL THEN t.slot END
                FROM task t
            )
            SELECT t.at, t.id::text, t.epoch_id::text, t.family_id::text, t.task_id::text, t.task_index, t.payload_json,
                v_run.rubric_version::text, v_run.benchmark_version::text, v_run.scoring_version, t.fencing, v_now,
                t.expires, t.expected_claims_json, t.must_not_claim_json, t.oracle_status::text,
                CASE WHEN t.baseline_source = 'owner'
                    OR t.baseline_cached_at > v_now - make_interval(secs => p_baseline_ttl_seconds)
                    THEN t.baseline_response_json END,
                t.miners,
                -- Leasing turns pending tasks into claimed ones, which changes no sum.
                (SELECT coalesce(sum(c.open_tasks), 0)::bigint FROM run_task_counters c
                 WHERE c.epoch_id = v_run.id AND c.family_id = p_family_ids[1])
            FROM task t;
    END IF;
    FOR v_at IN 1..v_count LOOP
        CONTINUE WHEN v_given[v_at] >= p_sizes[v_at] OR (v_given[v_at] > 0 AND p_claim_keys[v_at] IS NOT NULL);
        RETURN QUERY
            SELECT v_at, c.* FROM claim_tasks(p_run_ids[v_at], p_family_ids[v_at], p_validators[v_at],
                p_sizes[v_at] - v_given[v_at], p_lease_seconds[v_at], p_max_attempts[v_at], p_deployment_statuses,
                p_enrichment_statuses, p_baseline_ttl_seconds, p_claim_keys[v_at], p_nows[v_at]) c;
    END LOOP;
END;
$$;

-- Everything that the decisions of results need, at one moment and without a lock, by the places of the results in the arrays.
-- No row for a result: its validator never held the task. Joins are carried out as they are written (so the limit, and OFFSET
-- 0): a plan outlives the sizes that the tables had when it was made.
DROP FUNCTION "read_for_result"(TEXT, TEXT, BIGINT, TEXT[], TIMESTAMP);
CREATE FUNCTION "read_for_results"("p_tasks" TEXT[], "p_validators" TEXT[], "p_fencings" BIGINT[], "p_job_ids" JSONB[],
    "p_nows" TIMESTAMP[])
RETURNS TABLE (
    "at" INTEGER, "now" TIMESTAMP, "fencing" BIGINT, "run_id" TEXT, "family_id" TEXT, "task_id" TEXT, "offered" JSONB,
    "status" TEXT, "release_reason" TEXT, "claimed_at" TIMESTAMP, "expires_at" TIMESTAMP, "ended_at" TIMESTAMP,
    "response_json" JSONB, "run_status" TEXT, "scoring_version" INTEGER, "mode" TEXT, "payload_json" JSONB,
    "oracle_status" TEXT, "must_not_claim_json" JSONB, "baseline_reconciled" JSONB, "has_baseline" BOOLEAN,
    "baseline_cached_at" TIMESTAMP, "baseline_source" TEXT, "truth_tag" TEXT, "rows" JSONB, "calls" JSONB, "earlier" JSONB,
    "model_micro_usd" JSONB, "cost_error" TEXT)
LANGUAGE plpgsql STABLE
SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_bitmapscan = off SET join_collapse_limit = 1
AS $$
#variable_conflict use_column
DECLARE
    v_fencings BIGINT[] := p_fencings;
    v_jobs TEXT[];
    v_shared BOOLEAN;
    v_costs JSONB;
    v_cost_error TEXT;
BEGIN
    -- Job ids stand for the lease they were given out with; ids of two leases mean the older one.
    IF array_position(v_fencings, NULL) IS NOT NULL THEN
        v_fencings := ARRAY(
            SELECT coalesce(i.fencing,
                (SELECT min(j.fencing) FROM jsonb_array_elements_text(i.jobs) job JOIN attempt_jobs j ON j.job_id = job
                    JOIN task_claims c ON c.fencing = j.fencing
                 WHERE j.validator_hotkey = i.validator AND c.task_evaluation_id = i.task),
                (SELECT max(c.fencing) FROM task_claims c
                 WHERE c.task_evaluation_id = i.task AND c.validator_hotkey = i.validator))
            FROM unnest(p_tasks, p_validators, p_fencings, p_job_ids) WITH ORDINALITY
                AS i(task, validator, fencing, jobs, at)
            ORDER BY i.at);
    END IF;
    SELECT array_agg(m.job_id), bool_or(m.required_judgments > 1) INTO v_jobs, v_shared
    FROM unnest(p_tasks, v_fencings) AS i(task, fencing) JOIN miner_evaluation_tasks m ON m.task_evaluation_id = i.task
    WHERE m.claim_fencing = i.fencing AND m.status = 'claimed';
    -- Costs that cannot be read are unknown, which is never held against a miner; everything else must be read.
    BEGIN
        SELECT jsonb_object_agg(s.job_id, s.micro_usd) INTO v_costs FROM (
            SELECT p.job_id, sum(p.cost_micro_usd) AS micro_usd FROM provider_calls p
            WHERE p.job_id = ANY (v_jobs) AND p.kind = 'llm' GROUP BY p.job_id) s;
    EXCEPTION WHEN OTHERS THEN
        v_cost_error := SQLERRM;
    END;
    RETURN QUERY
        SELECT i.at::int, coalesce(i.now, date_trunc('milliseconds', clock_timestamp() AT TIME ZONE 'UTC')), c.fencing,
            c.epoch_id::text, c.family_id::text, c.task_id::text, c.miner_hotkeys_json, c.status::text, c.release_reason,
            c.claimed_at, c.expires_at, c.ended_at, c.response_json, r.status::text, r.scoring_version, t.mode::text,
            t.payload_json, t.oracle_status::text, t.must_not_claim_json, t.baseline_response_json -> '_reconciled',
            t.baseline_response_json IS NOT NULL, t.baseline_cached_at, t.baseline_source::text, task_truth_tag(t),
            leased.rows,
            (SELECT jsonb_agg(jsonb_build_object('jobId', l.job_id, 'tool_name', l.tool_name, 'status', l.status)
                ORDER BY l.ts, l.id)
             FROM unnest(leased.jobs) AS job(id)
                CROSS JOIN LATERAL (SELECT * FROM orchestrator_tool_call_log o WHERE o.job_id = job.id OFFSET 0) l),
            CASE WHEN v_shared THEN (
                SELECT jsonb_agg(jsonb_build_object('rowId', m.id, 'validatorHotkey', e.validator_hotkey,
                    'officialComposite', e.official_composite, 'agreementVerdict', e.agreement_verdict,
                    'judgeOutput', e.judge_output_json, 'factors', e.factors_json) ORDER BY e.fencing, e.validator_hotkey)
                FROM miner_evaluation_tasks m
                    CROSS JOIN LATERAL (SELECT * FROM task_miner_results s WHERE s.miner_evaluation_task_id = m.id OFFSET 0) e
                WHERE m.task_evaluation_id = c.task_evaluation_id AND m.claim_fencing = c.fencing AND m.status = 'claimed'
                    AND m.required_judgments > 1) END,
            v_costs, v_cost_error
        FROM unnest(p_tasks, p_validators, v_fencings, p_nows) WITH ORDINALITY AS i(task, validator, fencing, now, at)
            CROSS JOIN LATERAL (SELECT * FROM task_claims l WHERE l.fencing = i.fencing AND l.task_evaluation_id = i.task
                AND l.validator_hotkey = i.validator OFFSET 0) c
            JOIN task_evaluations t ON t.id = c.task_evaluation_id
            JOIN evaluation_runs r ON r.id = c.epoch_id
            CROSS JOIN LATERAL (
                SELECT array_agg(m.job_id) AS jobs, jsonb_agg(jsonb_build_object('id', m.id, 'minerHotkey', m.miner_hotkey,
                    'jobId', m.job_id, 'requiredJudgments', m.required_judgments, 'judgmentCount', m.judgment_count)
                    ORDER BY m.id) AS rows
                FROM miner_evaluation_tasks m
                WHERE m.task_evaluation_id = c.task_evaluation_id AND m.claim_fencing = c.fencing AND m.status = 'claimed'
            ) leased;
END;
$$;

-- Settles leases with what was decided from `read_for_results`: each wholly, under its task's lock, or not at all. Answers,
-- for those that were settled, their place in the arrays and the tasks of their run that are still open. The others are left
-- out: what was read for them does not hold any more (the lease over, the run closed, the truth another, a row gone), and they
-- are to be read and decided again.
-- The arrays are columns: p_row_*: how each leased row leaves; p_judged_*: what is stored of those that were judged;
-- p_told_*: feedback; each with the place of its lease. p_truths: what the validators' oracles found, p_baselines: their
-- baselines; null where there is none to keep.
DROP FUNCTION "settle_claim"(TEXT, BIGINT, TEXT, TEXT, JSONB, JSONB, JSONB, JSONB, JSONB, DOUBLE PRECISION, TIMESTAMP);
CREATE FUNCTION "settle_claims"(
    "p_tasks" TEXT[], "p_validators" TEXT[], "p_fencings" BIGINT[], "p_truth_tags" TEXT[], "p_digests" TEXT[],
    "p_truths" JSONB[], "p_baselines" JSONB[], "p_baseline_costs" DOUBLE PRECISION[], "p_nows" TIMESTAMP[],
    "p_row_ats" INTEGER[], "p_row_ids" TEXT[], "p_row_statuses" TEXT[], "p_row_reasons" TEXT[], "p_row_judgments" INTEGER[],
    "p_row_composites" DOUBLE PRECISION[], "p_row_verdicts" TEXT[],
    "p_judged_ats" INTEGER[], "p_judged_rows" TEXT[], "p_judged_hotkeys" TEXT[], "p_judged_jobs" TEXT[],
    "p_judged_responses" JSON[], "p_judged_citations" JSONB[], "p_judged_outputs" JSON[], "p_judged_verdicts" TEXT[],
    "p_judged_agreement" DOUBLE PRECISION[], "p_judged_miner_latency" DOUBLE PRECISION[],
    "p_judged_latency" DOUBLE PRECISION[], "p_judged_proxy_cost" DOUBLE PRECISION[], "p_judged_judge_cost" DOUBLE PRECISION[],
    "p_judged_pairwise" DOUBLE PRECISION[], "p_judged_grounded" DOUBLE PRECISION[], "p_judged_retrieval" DOUBLE PRECISION[],
    "p_judged_routing" DOUBLE PRECISION[], "p_judged_safety" DOUBLE PRECISION[], "p_judged_latency_cost" DOUBLE PRECISION[],
    "p_judged_computation" DOUBLE PRECISION[], "p_judged_final" DOUBLE PRECISION[], "p_judged_weights" JSONB[],
    "p_judged_metrics" JSONB[], "p_judged_types" TEXT[], "p_judged_official" DOUBLE PRECISION[], "p_judged_inputs" JSON[],
    "p_judged_factors" JSONB[], "p_judged_tools" JSONB[], "p_judged_cost" DOUBLE PRECISION[], "p_judged_disputed" BOOLEAN[],
    "p_told_ats" INTEGER[], "p_told_hotkeys" TEXT[], "p_told_outcomes" TEXT[], "p_told_modes" TEXT[], "p_told_guidance" TEXT[],
    "p_told_prompts" TEXT[], "p_told_responses" TEXT[], "p_told_composites" DOUBLE PRECISION[], "p_told_knockouts" JSONB[],
    "p_told_factors" JSON[], "p_told_explanations" TEXT[], "p_told_oracles" TEXT[])
RETURNS TABLE ("at" INTEGER, "open" BIGINT) LANGUAGE plpgsql
SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_bitmapscan = off SET join_collapse_limit = 1 SET eirel.row_counters = 'moved'
AS $$
#variable_conflict use_column
DECLARE
    v_held INTEGER[];
    v_at INTEGER;
    v_clock TIMESTAMP;
BEGIN
    -- In one order, so that two of these never wait for each other.
    v_held := ARRAY(
        SELECT i.at::int FROM unnest(p_tasks, p_truth_tags) WITH ORDINALITY AS i(task, tag, at)
            JOIN task_evaluations t ON t.id = i.task
        -- The first one of a task: another of the same lease finds it settled when it is read again.
        WHERE task_truth_tag(t) IS NOT DISTINCT FROM i.tag AND array_position(p_tasks, i.task) = i.at
        ORDER BY t.id FOR UPDATE OF t);
    -- After the locks were had, so that waiting for them cannot stretch a lease.
    v_clock := date_trunc('milliseconds', clock_timestamp() AT TIME ZONE 'UTC');
    v_held := ARRAY(
        SELECT u.at FROM unnest(v_held) AS u(at)
            CROSS JOIN LATERAL (SELECT * FROM task_claims l WHERE l.fencing = p_fencings[u.at] OFFSET 0) c
            JOIN evaluation_runs r ON r.id = c.epoch_id
        WHERE c.task_evaluation_id = p_tasks[u.at] AND c.validator_hotkey = p_validators[u.at] AND c.status = 'claimed'
            AND c.expires_at > coalesce(p_nows[u.at], v_clock) AND r.status = 'open'
            AND (SELECT count(*) FROM miner_evaluation_tasks m WHERE m.task_evaluation_id = c.task_evaluation_id
                    AND m.claim_fencing = c.fencing AND m.status = 'claimed')
                = (SELECT count(*) FROM unnest(p_row_ats) AS e(at) WHERE e.at = u.at));
    IF cardinality(v_held) = 0 THEN RETURN; END IF;

    UPDATE miner_evaluation_tasks m SET status = e.status, status_reason = e.reason, judgment_count = e.judgments,
        official_composite = coalesce(e.composite, m.official_composite), verdict = coalesce(e.verdict, m.verdict),
        evaluated_at = CASE WHEN e.status = 'evaluated' THEN coalesce(p_nows[e.at], v_clock) ELSE m.evaluated_at END,
        claimed_by_validator = CASE WHEN e.status = 'evaluated' THEN m.claimed_by_validator END,
        claimed_at = CASE WHEN e.status = 'evaluated' THEN m.claimed_at END,
        claim_expires_at = NULL, updated_at = coalesce(p_nows[e.at], v_clock)
    FROM unnest(p_row_ats, p_row_ids, p_row_statuses, p_row_reasons, p_row_judgments, p_row_composites, p_row_verdicts)
        AS e(at, id, status, reason, judgments, composite, verdict)
    WHERE e.at = ANY (v_held) AND m.id = e.id AND m.claim_fencing = p_fencings[e.at] AND m.status = 'claimed';

    FOREACH v_at IN ARRAY v_held LOOP
        IF p_truths[v_at] IS NOT NULL THEN
            UPDATE task_evaluations t SET oracle_status = p_truths[v_at] ->> 'oracle_status',
                expected_claims_json = p_truths[v_at] -> 'expected_claims',
                must_not_claim_json = p_truths[v_at] -> 'must_not_claim', updated_at = coalesce(p_nows[v_at], v_clock)
            WHERE t.id = p_tasks[v_at];
            INSERT INTO task_enrichments (task_evaluation_id, epoch_id, family_id, task_id, side, validator_hotkey, status,
                oracle_status, record_json, cost_micro_usd, started_at, settled_at, updated_at)
            SELECT t.id, t.epoch_id, t.family_id, t.task_id, 'validator', p_validators[v_at], 'settled', t.oracle_status,
                p_truths[v_at], (p_truths[v_at] ->> 'cost_micro_usd')::bigint, t.updated_at, t.updated_at, t.updated_at
            FROM task_evaluations t WHERE t.id = p_tasks[v_at];
        END IF;
        IF p_baselines[v_at] IS NOT NULL THEN
            UPDATE task_evaluations t SET baseline_response_json = p_baselines[v_at], baseline_source = 'validator',
                baseline_cached_at = coalesce(p_nows[v_at], v_clock), oracle_cost_usd = p_baseline_costs[v_at]
            WHERE t.id = p_tasks[v_at];
        END IF;
    END LOOP;

    INSERT INTO task_miner_results (id, task_evaluation_id, miner_evaluation_task_id, epoch_id, family_id, task_id,
        miner_hotkey, validator_hotkey, fencing, job_id, miner_response_json, miner_citations_json, judge_output_json,
        agreement_verdict, agreement_score, miner_latency_seconds, latency_seconds, proxy_cost_usd, judge_cost_usd,
        pairwise_preference_score, grounded_correctness, retrieval_quality, tool_routing, instruction_safety,
        latency_cost, computation_correctness, final_task_score, applied_weights_json, applicable_metrics_json,
        task_type, official_composite, composite_input_json, factors_json, attested_tools_json, attested_cost_usd,
        disputed, created_at)
    SELECT gen_random_uuid()::text, c.task_evaluation_id, j.row_id, c.epoch_id, c.family_id, c.task_id, j.hotkey,
        c.validator_hotkey, c.fencing, j.job, j.response, j.citations, j.output, j.verdict, j.agreement, j.miner_latency,
        j.latency, j.proxy_cost, j.judge_cost, j.pairwise, j.grounded, j.retrieval, j.routing, j.safety, j.latency_cost,
        j.computation, j.final, j.weights, j.metrics, j.type, j.official, j.input, j.factors, j.tools, j.cost, j.disputed,
        coalesce(p_nows[j.at], v_clock)
    FROM unnest(p_judged_ats, p_judged_rows, p_judged_hotkeys, p_judged_jobs, p_judged_responses, p_judged_citations,
        p_judged_outputs, p_judged_verdicts, p_judged_agreement, p_judged_miner_latency, p_judged_latency,
        p_judged_proxy_cost, p_judged_judge_cost, p_judged_pairwise, p_judged_grounded, p_judged_retrieval,
        p_judged_routing, p_judged_safety, p_judged_latency_cost, p_judged_computation, p_judged_final, p_judged_weights,
        p_judged_metrics, p_judged_types, p_judged_official, p_judged_inputs, p_judged_factors, p_judged_tools,
        p_judged_cost, p_judged_disputed)
        AS j(at, row_id, hotkey, job, response, citations, output, verdict, agreement, miner_latency, latency, proxy_cost,
        judge_cost, pairwise, grounded, retrieval, routing, safety, latency_cost, computation, final, weights, metrics, type,
        official, input, factors, tools, cost, disputed)
        CROSS JOIN LATERAL (SELECT * FROM task_claims l WHERE l.fencing = p_fencings[j.at] OFFSET 0) c
    WHERE j.at = ANY (v_held);
    INSERT INTO eval_feedback (id, run_id, miner_hotkey, task_id, outcome, failure_mode, guidance, prompt_excerpt,
        response_excerpt, composite_score, knockout_reasons_json, factors_json, explanation, oracle_status, created_at)
    SELECT gen_random_uuid()::text, c.epoch_id, f.hotkey, c.task_id, f.outcome, f.mode, f.guidance, f.prompt, f.response,
        f.composite, f.knockouts, f.factors, f.explanation, f.oracle, coalesce(p_nows[f.at], v_clock)
    FROM unnest(p_told_ats, p_told_hotkeys, p_told_outcomes, p_told_modes, p_told_guidance, p_told_prompts,
        p_told_responses, p_told_composites, p_told_knockouts, p_told_factors, p_told_explanations, p_told_oracles)
        AS f(at, hotkey, outcome, mode, guidance, prompt, response, composite, knockouts, factors, explanation, oracle)
        CROSS JOIN LATERAL (SELECT * FROM task_claims l WHERE l.fencing = p_fencings[f.at] OFFSET 0) c
    WHERE f.at = ANY (v_held)
    ON CONFLICT (run_id, miner_hotkey, task_id) DO UPDATE SET outcome = excluded.outcome,
        failure_mode = excluded.failure_mode, guidance = excluded.guidance, prompt_excerpt = excluded.prompt_excerpt,
        response_excerpt = excluded.response_excerpt, composite_score = excluded.composite_score,
        knockout_reasons_json = excluded.knockout_reasons_json, factors_json = excluded.factors_json,
        explanation = excluded.explanation, oracle_status = excluded.oracle_status;

    -- Last, since results of other tasks wait for a counter until this one is committed. A row that was leased was tried.
    WITH counted AS (
        UPDATE task_evaluations t SET open_rows = t.open_rows - e.done, pending_rows = t.pending_rows + e.back,
            retry_rows = t.retry_rows + e.back
        FROM (SELECT u.at, count(*) FILTER (WHERE u.status = 'evaluated')::int AS done,
                count(*) FILTER (WHERE u.status = 'pending')::int AS back
              FROM unnest(p_row_ats, p_row_statuses) AS u(at, status) WHERE u.at = ANY (v_held) GROUP BY u.at) e
        WHERE t.id = p_tasks[e.at]
        RETURNING t.id, t.epoch_id, t.family_id, t.open_rows, e.done
    )
    INSERT INTO run_task_counters AS c (epoch_id, family_id, slot, open_tasks)
    SELECT epoch_id, family_id, (hashtext(id) & 15)::smallint, -count(*)::int
    FROM counted WHERE open_rows = 0 AND done > 0
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (epoch_id, family_id, slot) DO UPDATE SET open_tasks = c.open_tasks + excluded.open_tasks;
    RETURN QUERY
        UPDATE task_claims c SET status = 'settled', ended_at = coalesce(p_nows[u.at], v_clock), result_digest = p_digests[u.at],
            response_json = jsonb_build_object('task_evaluation_id', c.task_evaluation_id, 'status', 'accepted',
                'family_evaluation_complete', o.open = 0, 'remaining_task_count', o.open)
        FROM unnest(v_held) AS u(at), LATERAL (
            SELECT coalesce(sum(n.open_tasks), 0)::bigint AS open
            FROM (SELECT * FROM task_claims l WHERE l.fencing = p_fencings[u.at] OFFSET 0) own
                CROSS JOIN LATERAL (SELECT * FROM run_task_counters r
                    WHERE r.epoch_id = own.epoch_id AND r.family_id = own.family_id OFFSET 0) n) o
        WHERE c.fencing = p_fencings[u.at]
        RETURNING u.at, o.open;
END;
$$;
