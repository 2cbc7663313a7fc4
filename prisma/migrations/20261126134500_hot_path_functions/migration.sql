-- A claim and a result as one call each. What they do is small; planning it anew for each claim, and a round trip for each
-- step of a result, cost several times as much. Inside a function every step is planned once for a connection, and the
-- settings beside it keep each of them a walk along an index however small the tables were when it was planned.

-- What a result's decisions rest on besides its lease: the decisions are made outside of the task's lock and hold as long as
-- this is the same.
CREATE FUNCTION "task_truth_tag"("t" "task_evaluations") RETURNS TEXT LANGUAGE sql STABLE AS $$
    SELECT md5(concat_ws('/', t.oracle_status, t.must_not_claim_json::text, t.baseline_source, t.baseline_cached_at::text))
$$;

-- Tasks of a run and family that are pending or claimed.
CREATE FUNCTION "open_task_count"("p_epoch_id" TEXT, "p_family_id" TEXT) RETURNS BIGINT LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(c.open_tasks), 0)::bigint FROM run_task_counters c
    WHERE c.epoch_id = p_epoch_id AND c.family_id = p_family_id
$$;

-- A row that may be judged now by this validator, seen with its deployment. A judgment that succeeded is no failed attempt.
CREATE FUNCTION "is_claimable"("m" "miner_evaluation_tasks", "d" "managed_deployments", "p_validator" TEXT,
    "p_max_attempts" INTEGER, "p_deployment_statuses" TEXT[]) RETURNS BOOLEAN LANGUAGE sql STABLE AS $$
    SELECT m.attempt_count - m.judgment_count < p_max_attempts
        AND d.status = ANY (p_deployment_statuses) AND d.health_status = 'healthy'
        AND (m.judgment_count = 0 OR NOT EXISTS (
            SELECT 1 FROM task_miner_results e
            WHERE e.miner_evaluation_task_id = m.id AND e.validator_hotkey = p_validator))
$$;

-- Leases up to p_batch tasks of the open run to one validator: for each, every miner row that may be judged now, under one
-- fencing number. Rows of a lease that has run out are taken over, and their old claim ends as expired.
-- Order of locks, here and everywhere: the task's row, then its miner rows. Claimers skip tasks that are locked, so they
-- wait for nobody.
CREATE FUNCTION "claim_tasks"(
    "p_run_id" TEXT, "p_family_id" TEXT, "p_validator" TEXT, "p_batch" INTEGER, "p_lease_seconds" DOUBLE PRECISION,
    "p_job_grace_seconds" DOUBLE PRECISION, "p_max_attempts" INTEGER, "p_deployment_statuses" TEXT[],
    "p_enrichment_statuses" TEXT[], "p_baseline_ttl_seconds" DOUBLE PRECISION, "p_claim_key" TEXT, "p_now" TIMESTAMP)
RETURNS TABLE (
    "task_evaluation_id" TEXT, "epoch_id" TEXT, "family_id" TEXT, "task_id" TEXT, "task_index" INTEGER, "payload_json" JSONB,
    "rubric_version" TEXT, "benchmark_version" TEXT, "scoring_version" INTEGER, "fencing" BIGINT, "claimed_at" TIMESTAMP,
    "expires_at" TIMESTAMP, "expected_claims_json" JSONB, "must_not_claim_json" JSONB, "oracle_status" TEXT,
    "cached_baseline" JSONB, "miners" JSONB, "remaining" BIGINT)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_sort = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_bitmapscan = off
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
    v_hotkeys JSONB;
    v_miners JSONB;
    v_slot INTEGER := 0;
    v_remaining BIGINT;
BEGIN
    SELECT r.* INTO v_run FROM evaluation_runs r
    -- The boundary holds also while no worker is up to close the run.
    WHERE r.status = 'open' AND r.phase = 'running' AND r.ends_at > v_now AND (p_run_id IS NULL OR r.id = p_run_id);
    IF NOT FOUND THEN RETURN; END IF;
    -- Another claimer can take what was picked before its lock is had, or hold what is free again a moment later.
    FOR v_try IN 1..4 LOOP
        v_expired := ARRAY(
            SELECT DISTINCT m.task_evaluation_id
            FROM miner_evaluation_tasks m JOIN managed_deployments d ON d.id = m.deployment_id
            WHERE m.status = 'claimed' AND m.claim_expires_at <= v_now
                AND is_claimable(m, d, p_validator, p_max_attempts, p_deployment_statuses));
        v_picked := ARRAY(
            SELECT t.id
            FROM task_evaluations t CROSS JOIN LATERAL (
                (SELECT 1 FROM miner_evaluation_tasks m JOIN managed_deployments d ON d.id = m.deployment_id
                 WHERE m.task_evaluation_id = t.id AND m.status = 'pending'
                     AND is_claimable(m, d, p_validator, p_max_attempts, p_deployment_statuses) LIMIT 1)
                UNION ALL
                (SELECT 1 WHERE t.id = ANY (v_expired))
                LIMIT 1) ready
            WHERE t.epoch_id = v_run.id AND t.family_id = p_family_id AND t.open_rows > 0
                AND t.enrichment_status = ANY (p_enrichment_statuses)
            ORDER BY t.task_index
            LIMIT p_batch
            FOR UPDATE OF t SKIP LOCKED);
        FOREACH v_task IN ARRAY v_picked LOOP
            -- Seen anew under the lock.
            v_old := ARRAY(SELECT m.claim_fencing FROM miner_evaluation_tasks m
                WHERE m.task_evaluation_id = v_task AND m.claim_fencing IS NOT NULL);
            v_fencing := nextval('claim_fencing_seq');
            WITH leased AS (
                UPDATE miner_evaluation_tasks m
                SET status = 'claimed', status_reason = NULL, claimed_by_validator = p_validator, claimed_at = v_now,
                    claim_expires_at = v_expires, claim_fencing = v_fencing, attempt_count = m.attempt_count + 1,
                    job_id = 'job-' || replace(gen_random_uuid()::text, '-', ''), updated_at = v_now
                FROM managed_deployments d
                WHERE m.task_evaluation_id = v_task AND d.id = m.deployment_id
                    AND (m.status = 'pending' OR (m.status = 'claimed' AND m.claim_expires_at <= v_now))
                    AND is_claimable(m, d, p_validator, p_max_attempts, p_deployment_statuses)
                RETURNING m.id, m.epoch_id, m.task_id, m.miner_hotkey, m.deployment_id, m.job_id, m.attempt_count,
                    d.created_at AS deployed_at
            ),
            jobs AS (
                INSERT INTO attempt_jobs (job_id, miner_evaluation_task_id, epoch_id, task_id, deployment_id, miner_hotkey,
                    validator_hotkey, fencing, attempt, expires_at, created_at)
                SELECT job_id, id, epoch_id, task_id, deployment_id, miner_hotkey, p_validator, v_fencing, attempt_count,
                    v_expires + make_interval(secs => p_job_grace_seconds), v_now
                FROM leased
            )
            SELECT jsonb_agg(l.miner_hotkey ORDER BY l.deployed_at, l.deployment_id),
                jsonb_agg(jsonb_build_object('rowId', l.id, 'hotkey', l.miner_hotkey, 'deploymentId', l.deployment_id,
                    'jobId', l.job_id, 'attempt', l.attempt_count) ORDER BY l.deployed_at, l.deployment_id)
            INTO v_hotkeys, v_miners FROM leased l;
            CONTINUE WHEN v_hotkeys IS NULL;
            IF cardinality(v_old) > 0 THEN
                UPDATE task_claims c SET status = 'expired', ended_at = v_now,
                    release_reason = 'the lease ran out and the task was claimed again'
                WHERE c.fencing = ANY (v_old) AND c.status = 'claimed' AND c.expires_at <= v_now;
            END IF;
            v_slot := v_slot + 1;
            INSERT INTO task_claims (fencing, task_evaluation_id, epoch_id, family_id, task_id, validator_hotkey,
                miner_hotkeys_json, status, claimed_at, expires_at, claim_key, claim_slot)
            SELECT v_fencing, t.id, t.epoch_id, t.family_id, t.task_id, p_validator, v_hotkeys, 'claimed', v_now, v_expires,
                p_claim_key, CASE WHEN p_claim_key IS NOT NULL THEN v_slot END
            FROM task_evaluations t WHERE t.id = v_task;
            -- Leasing turns pending tasks into claimed ones, which changes no sum.
            v_remaining := coalesce(v_remaining, open_task_count(v_run.id, p_family_id));
            RETURN QUERY
                SELECT t.id::text, t.epoch_id::text, t.family_id::text, t.task_id::text, t.task_index, t.payload_json,
                    v_run.rubric_version::text, v_run.benchmark_version::text, v_run.scoring_version, v_fencing, v_now,
                    v_expires, t.expected_claims_json, t.must_not_claim_json, t.oracle_status::text,
                    CASE WHEN t.baseline_source = 'owner'
                        OR t.baseline_cached_at > v_now - make_interval(secs => p_baseline_ttl_seconds)
                        THEN t.baseline_response_json END,
                    v_miners, v_remaining
                FROM task_evaluations t WHERE t.id = v_task;
        END LOOP;
        EXIT WHEN v_slot > 0;
        PERFORM 1
        FROM task_evaluations t CROSS JOIN LATERAL (
            (SELECT 1 FROM miner_evaluation_tasks m JOIN managed_deployments d ON d.id = m.deployment_id
             WHERE m.task_evaluation_id = t.id AND m.status = 'pending'
                 AND is_claimable(m, d, p_validator, p_max_attempts, p_deployment_statuses) LIMIT 1)
            UNION ALL
            (SELECT 1 WHERE t.id = ANY (v_expired))
            LIMIT 1) ready
        WHERE t.epoch_id = v_run.id AND t.family_id = p_family_id AND t.open_rows > 0
            AND t.enrichment_status = ANY (p_enrichment_statuses)
        LIMIT 1;
        EXIT WHEN NOT FOUND;
    END LOOP;
END;
$$;

-- Everything that a result's decisions need, at one moment and without a lock. No row: the validator never held the task.
CREATE FUNCTION "read_for_result"("p_task" TEXT, "p_validator" TEXT, "p_fencing" BIGINT, "p_job_ids" TEXT[], "p_now" TIMESTAMP)
RETURNS TABLE (
    "now" TIMESTAMP, "fencing" BIGINT, "run_id" TEXT, "family_id" TEXT, "task_id" TEXT, "offered" JSONB, "status" TEXT,
    "release_reason" TEXT, "claimed_at" TIMESTAMP, "expires_at" TIMESTAMP, "ended_at" TIMESTAMP, "response_json" JSONB,
    "run_status" TEXT, "scoring_version" INTEGER, "mode" TEXT, "payload_json" JSONB, "oracle_status" TEXT,
    "must_not_claim_json" JSONB, "baseline_reconciled" JSONB, "has_baseline" BOOLEAN, "baseline_cached_at" TIMESTAMP,
    "baseline_source" TEXT, "truth_tag" TEXT, "rows" JSONB, "earlier" JSONB, "model_micro_usd" JSONB, "cost_error" TEXT)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_bitmapscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_claim task_claims;
    v_rows JSONB;
    v_jobs TEXT[];
    v_shared BOOLEAN;
    v_earlier JSONB;
    v_costs JSONB;
    v_cost_error TEXT;
BEGIN
    -- Job ids stand for the lease they were given out with; ids of two leases mean the older one.
    SELECT c.* INTO v_claim FROM task_claims c
    WHERE c.task_evaluation_id = p_task AND c.validator_hotkey = p_validator AND c.fencing = coalesce(
        p_fencing,
        (SELECT min(j.fencing) FROM attempt_jobs j JOIN task_claims own ON own.fencing = j.fencing
         WHERE j.job_id = ANY (p_job_ids) AND j.validator_hotkey = p_validator AND own.task_evaluation_id = p_task),
        (SELECT max(own.fencing) FROM task_claims own
         WHERE own.task_evaluation_id = p_task AND own.validator_hotkey = p_validator));
    IF NOT FOUND THEN RETURN; END IF;
    SELECT array_agg(m.job_id), bool_or(m.required_judgments > 1), jsonb_agg(jsonb_build_object('id', m.id, 'minerHotkey', m.miner_hotkey,
            'jobId', m.job_id, 'requiredJudgments', m.required_judgments, 'judgmentCount', m.judgment_count,
            'calls', (SELECT jsonb_agg(jsonb_build_object('tool_name', l.tool_name, 'status', l.status) ORDER BY l.ts, l.id)
                FROM orchestrator_tool_call_log l WHERE l.job_id = m.job_id)) ORDER BY m.id)
    INTO v_jobs, v_shared, v_rows
    FROM miner_evaluation_tasks m
    WHERE m.task_evaluation_id = p_task AND m.claim_fencing = v_claim.fencing AND m.status = 'claimed';
    IF v_shared THEN
        SELECT jsonb_agg(jsonb_build_object('rowId', m.id, 'validatorHotkey', e.validator_hotkey,
            'officialComposite', e.official_composite, 'agreementVerdict', e.agreement_verdict,
            'judgeOutput', e.judge_output_json, 'factors', e.factors_json) ORDER BY e.fencing, e.validator_hotkey)
        INTO v_earlier
        FROM miner_evaluation_tasks m JOIN task_miner_results e ON e.miner_evaluation_task_id = m.id
        WHERE m.task_evaluation_id = p_task AND m.claim_fencing = v_claim.fencing AND m.status = 'claimed'
            AND m.required_judgments > 1;
    END IF;
    -- Costs that cannot be read are unknown, which is never held against a miner; everything else must be read.
    BEGIN
        SELECT jsonb_object_agg(s.job_id, s.micro_usd) INTO v_costs FROM (
            SELECT p.job_id, sum(p.cost_micro_usd) AS micro_usd FROM provider_calls p
            WHERE p.job_id = ANY (v_jobs) AND p.kind = 'llm' GROUP BY p.job_id) s;
    EXCEPTION WHEN OTHERS THEN
        v_cost_error := SQLERRM;
    END;
    RETURN QUERY
        SELECT coalesce(p_now, date_trunc('milliseconds', clock_timestamp() AT TIME ZONE 'UTC')), v_claim.fencing,
            v_claim.epoch_id::text, v_claim.family_id::text, v_claim.task_id::text, v_claim.miner_hotkeys_json,
            v_claim.status::text, v_claim.release_reason, v_claim.claimed_at, v_claim.expires_at, v_claim.ended_at,
            v_claim.response_json, r.status::text, r.scoring_version, t.mode::text, t.payload_json, t.oracle_status::text,
            t.must_not_claim_json, t.baseline_response_json -> '_reconciled', t.baseline_response_json IS NOT NULL,
            t.baseline_cached_at, t.baseline_source::text, task_truth_tag(t), v_rows, v_earlier,
            v_costs, v_cost_error
        FROM task_evaluations t, evaluation_runs r WHERE t.id = p_task AND r.id = v_claim.epoch_id;
END;
$$;

-- Settles a lease with what was decided from `read_for_result`: all of it, under the task's lock, or nothing. Null when what
-- was read does not hold any more (the lease is over, the run closed, the truth another, a row gone): read and decide again.
-- Otherwise the tasks of the run that are still open, this result counted.
-- p_ends: how each leased row leaves; p_judgments and p_feedback: what is stored of those that were judged.
-- p_truth: what the validator's oracles found, p_baseline: its baseline; each null where there is none to keep.
CREATE FUNCTION "settle_claim"(
    "p_task" TEXT, "p_fencing" BIGINT, "p_truth_tag" TEXT, "p_digest" TEXT, "p_ends" JSONB, "p_judgments" JSONB,
    "p_feedback" JSONB, "p_truth" JSONB, "p_baseline" JSONB, "p_baseline_cost_usd" DOUBLE PRECISION, "p_now" TIMESTAMP)
RETURNS BIGINT LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_bitmapscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_tag TEXT;
    v_claim task_claims;
    -- After the lock was had, so that waiting for it cannot stretch the lease.
    v_now TIMESTAMP;
    v_rows INTEGER;
    v_open BIGINT;
BEGIN
    SELECT task_truth_tag(t) INTO v_tag FROM task_evaluations t WHERE t.id = p_task FOR UPDATE;
    v_now := coalesce(p_now, date_trunc('milliseconds', clock_timestamp() AT TIME ZONE 'UTC'));
    SELECT c.* INTO v_claim FROM task_claims c JOIN evaluation_runs r ON r.id = c.epoch_id
    WHERE c.fencing = p_fencing AND c.status = 'claimed' AND c.expires_at > v_now AND r.status = 'open';
    IF NOT FOUND OR v_tag IS DISTINCT FROM p_truth_tag THEN RETURN NULL; END IF;
    SELECT count(*) INTO v_rows FROM miner_evaluation_tasks m
    WHERE m.task_evaluation_id = p_task AND m.claim_fencing = p_fencing AND m.status = 'claimed';
    IF v_rows <> jsonb_array_length(p_ends) THEN RETURN NULL; END IF;

    IF p_truth IS NOT NULL THEN
        UPDATE task_evaluations t SET oracle_status = p_truth ->> 'oracle_status',
            expected_claims_json = p_truth -> 'expected_claims', must_not_claim_json = p_truth -> 'must_not_claim',
            updated_at = v_now
        WHERE t.id = p_task;
        INSERT INTO task_enrichments (task_evaluation_id, epoch_id, family_id, task_id, side, validator_hotkey, status,
            oracle_status, record_json, cost_micro_usd, started_at, settled_at, updated_at)
        VALUES (p_task, v_claim.epoch_id, v_claim.family_id, v_claim.task_id, 'validator', v_claim.validator_hotkey,
            'settled', p_truth ->> 'oracle_status', p_truth, (p_truth ->> 'cost_micro_usd')::bigint, v_now, v_now, v_now);
    END IF;
    IF p_baseline IS NOT NULL THEN
        UPDATE task_evaluations t SET baseline_response_json = p_baseline, baseline_cached_at = v_now,
            baseline_source = 'validator', oracle_cost_usd = p_baseline_cost_usd
        WHERE t.id = p_task;
    END IF;

    IF jsonb_array_length(p_judgments) > 0 THEN
        INSERT INTO task_miner_results (id, task_evaluation_id, miner_evaluation_task_id, epoch_id, family_id, task_id,
            miner_hotkey, validator_hotkey, fencing, job_id, miner_response_json, miner_citations_json, judge_output_json,
            agreement_verdict, agreement_score, miner_latency_seconds, latency_seconds, proxy_cost_usd, judge_cost_usd,
            pairwise_preference_score, grounded_correctness, retrieval_quality, tool_routing, instruction_safety,
            latency_cost, computation_correctness, final_task_score, applied_weights_json, applicable_metrics_json,
            task_type, official_composite, composite_input_json, factors_json, attested_tools_json, attested_cost_usd,
            disputed, created_at)
        SELECT gen_random_uuid()::text, p_task, j."rowId", v_claim.epoch_id, v_claim.family_id, v_claim.task_id,
            j."minerHotkey", v_claim.validator_hotkey, p_fencing, j."jobId", j."minerResponse", j."minerCitations",
            j."judgeOutput", j.verdict, j."agreementScore", j."minerLatencySeconds", j."latencySeconds", j."proxyCostUsd",
            j."judgeCostUsd", j."pairwisePreferenceScore", j."groundedCorrectness", j."retrievalQuality", j."toolRouting",
            j."instructionSafety", j."latencyCost", j."computationCorrectness", j."finalTaskScore", j."appliedWeights",
            j."applicableMetrics", j."taskType", j."officialComposite", j."compositeInput", j.factors, j."attestedTools",
            j."attestedCostUsd", j.disputed, v_now
        FROM jsonb_to_recordset(p_judgments) AS j("rowId" text, "minerHotkey" text, "jobId" text, "minerResponse" jsonb,
            "minerCitations" jsonb, "judgeOutput" jsonb, verdict text, "agreementScore" float8,
            "minerLatencySeconds" float8, "latencySeconds" float8, "proxyCostUsd" float8, "judgeCostUsd" float8,
            "pairwisePreferenceScore" float8, "groundedCorrectness" float8, "retrievalQuality" float8, "toolRouting" float8,
            "instructionSafety" float8, "latencyCost" float8, "computationCorrectness" float8, "finalTaskScore" float8,
            "appliedWeights" jsonb, "applicableMetrics" jsonb, "taskType" text, "officialComposite" float8,
            "compositeInput" jsonb, factors jsonb, "attestedTools" jsonb, "attestedCostUsd" float8, disputed boolean);
    END IF;
    IF jsonb_array_length(p_feedback) > 0 THEN
        INSERT INTO eval_feedback (id, run_id, miner_hotkey, task_id, outcome, failure_mode, guidance, prompt_excerpt,
            response_excerpt, composite_score, knockout_reasons_json, factors_json, explanation, oracle_status, created_at)
        SELECT gen_random_uuid()::text, v_claim.epoch_id, f."minerHotkey", v_claim.task_id, f.outcome, f."failureMode",
            f.guidance, f."promptExcerpt", f."responseExcerpt", f."compositeScore", f."knockoutReasons", f.factors,
            f.explanation, f."oracleStatus", v_now
        FROM jsonb_to_recordset(p_feedback) AS f("minerHotkey" text, outcome text, "failureMode" text, guidance text,
            "promptExcerpt" text, "responseExcerpt" text, "compositeScore" float8, "knockoutReasons" jsonb, factors jsonb,
            explanation text, "oracleStatus" text)
        ON CONFLICT (run_id, miner_hotkey, task_id) DO UPDATE SET outcome = excluded.outcome,
            failure_mode = excluded.failure_mode, guidance = excluded.guidance, prompt_excerpt = excluded.prompt_excerpt,
            response_excerpt = excluded.response_excerpt, composite_score = excluded.composite_score,
            knockout_reasons_json = excluded.knockout_reasons_json, factors_json = excluded.factors_json,
            explanation = excluded.explanation, oracle_status = excluded.oracle_status;
    END IF;
    UPDATE miner_evaluation_tasks m SET status = e.status, status_reason = e.reason, judgment_count = e."judgmentCount",
        official_composite = coalesce(e."officialComposite", m.official_composite), verdict = coalesce(e.verdict, m.verdict),
        evaluated_at = CASE WHEN e.status = 'evaluated' THEN v_now ELSE m.evaluated_at END,
        claimed_by_validator = CASE WHEN e.status = 'evaluated' THEN m.claimed_by_validator END,
        claimed_at = CASE WHEN e.status = 'evaluated' THEN m.claimed_at END,
        claim_expires_at = NULL, updated_at = v_now
    FROM jsonb_to_recordset(p_ends) AS e("rowId" text, status text, reason text, "judgmentCount" integer,
        "officialComposite" float8, verdict text)
    WHERE m.id = e."rowId" AND m.task_evaluation_id = p_task AND m.claim_fencing = p_fencing AND m.status = 'claimed';
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    IF v_rows <> jsonb_array_length(p_ends) THEN
        RAISE EXCEPTION 'rows of the lease with fencing % changed while it was settled', p_fencing USING ERRCODE = '40001';
    END IF;

    v_open := open_task_count(v_claim.epoch_id, v_claim.family_id);
    UPDATE task_claims c SET status = 'settled', ended_at = v_now, result_digest = p_digest,
        response_json = jsonb_build_object('task_evaluation_id', p_task, 'status', 'accepted',
            'family_evaluation_complete', v_open = 0, 'remaining_task_count', v_open)
    WHERE c.fencing = p_fencing;
    RETURN v_open;
END;
$$;

-- As before, planned once for a connection; and most updates, as a claim's, leave every row open and move nothing.
CREATE OR REPLACE FUNCTION "move_open_rows"("ids" TEXT[], "deltas" INTEGER[]) RETURNS VOID LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
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
END;
$$;

CREATE OR REPLACE FUNCTION "count_open_rows"() RETURNS TRIGGER LANGUAGE plpgsql AS $$
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
    ELSIF EXISTS (SELECT 1 FROM new_rows WHERE status NOT IN ('pending', 'claimed'))
        OR EXISTS (SELECT 1 FROM old_rows WHERE status NOT IN ('pending', 'claimed')) THEN
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

-- Without lz4, compressing the answers costs a result more than everything else it writes: they are stored as they are.
DO $$
BEGIN
    IF NOT 'lz4' = ANY ((SELECT enumvals FROM pg_settings WHERE name = 'default_toast_compression')::text[]) THEN
        ALTER TABLE "task_miner_results" ALTER COLUMN "miner_response_json" SET STORAGE EXTERNAL;
    END IF;
END;
$$;
