-- What a miner is told of a judgment is told from the judgment: it was written a second time for every answer, with the
-- factors that stand beside it anyway. What was written so far, or is put there by other means, stays as it is.
ALTER TABLE "eval_feedback" RENAME TO "kept_feedback";
ALTER INDEX "eval_feedback_pkey" RENAME TO "kept_feedback_pkey";
ALTER TABLE "kept_feedback"
    ALTER COLUMN "factors_json" DROP DEFAULT,
    ALTER COLUMN "factors_json" TYPE JSONB USING "factors_json"::text::jsonb,
    ALTER COLUMN "factors_json" SET DEFAULT '{}';
CREATE INDEX "kept_feedback_run_id_miner_hotkey_created_at_task_id_idx"
    ON "kept_feedback" ("run_id", "miner_hotkey", "created_at", "task_id");

-- A miner's judgments of a run in the order in which it reads them.
CREATE INDEX "task_miner_results_epoch_id_miner_hotkey_created_at_task_id_idx"
    ON "task_miner_results" ("epoch_id", "miner_hotkey", "created_at", "task_id");
DROP INDEX "task_miner_results_epoch_id_family_id_miner_hotkey_idx";

-- The first so many characters of a text that a judge said; '' where there is none.
CREATE FUNCTION "said_text"("said" JSONB, "key" TEXT, "most" INTEGER) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(said -> key) = 'string' THEN left(said ->> key, most) ELSE '' END
$$;

-- One row for each answer that was judged (evaluation.md 5.1), at the time of its first judgment and in the words of the
-- judgment that speaks for it: the one at the lower middle by composite, of equal ones the first validator's (decision 14).
-- Failures have none. The explanation is made of the factors when it is read, so it is NULL.
CREATE VIEW "eval_feedback" AS
SELECT k.id, k.run_id, k.miner_hotkey, k.task_id, k.outcome, k.failure_mode, k.guidance, k.prompt_excerpt, k.response_excerpt,
    k.composite_score, k.knockout_reasons_json, k.factors_json, k.explanation, k.oracle_status, k.created_at
FROM kept_feedback k
UNION ALL
SELECT f.id, f.epoch_id, f.miner_hotkey, f.task_id, said_text(s.said, 'eval_outcome', 32)::varchar(32),
    nullif(said_text(s.said, 'eval_failure_mode', 64), '')::varchar(64), said_text(s.said, 'eval_guidance', 400),
    said_text(s.said, 'eval_prompt_excerpt', 200), said_text(s.said, 'eval_response_excerpt', 500), s.official_composite,
    s.factors_json -> 'knockout_reasons',
    s.factors_json || jsonb_build_object('missing_claims', s.said -> 'eval_missing_claims'), NULL::text,
    coalesce(t.oracle_status, nullif(said_text(s.said, 'oracle_status', 32), ''))::varchar(32), f.created_at
FROM task_miner_results f
    JOIN task_evaluations t ON t.id = f.task_evaluation_id
    CROSS JOIN LATERAL (
        SELECT j.official_composite, j.factors_json, j.judge_output_json::jsonb -> 'metadata' AS said
        FROM task_miner_results j WHERE j.miner_evaluation_task_id = f.miner_evaluation_task_id
        ORDER BY j.official_composite, j.validator_hotkey COLLATE "C"
        OFFSET (SELECT (count(*) - 1) / 2 FROM task_miner_results n
                WHERE n.miner_evaluation_task_id = f.miner_evaluation_task_id)
        LIMIT 1) s
WHERE NOT s.factors_json ? 'unjudged'
    AND NOT EXISTS (SELECT 1 FROM task_miner_results e WHERE e.miner_evaluation_task_id = f.miner_evaluation_task_id
        AND (e.created_at, e.fencing) < (f.created_at, f.fencing))
    AND NOT EXISTS (SELECT 1 FROM kept_feedback k
        WHERE k.run_id = f.epoch_id AND k.miner_hotkey = f.miner_hotkey AND k.task_id = f.task_id);

-- What is put there by other means is kept.
ALTER VIEW "eval_feedback" ALTER COLUMN "id" SET DEFAULT gen_random_uuid()::text;
ALTER VIEW "eval_feedback" ALTER COLUMN "guidance" SET DEFAULT '';
ALTER VIEW "eval_feedback" ALTER COLUMN "prompt_excerpt" SET DEFAULT '';
ALTER VIEW "eval_feedback" ALTER COLUMN "response_excerpt" SET DEFAULT '';
ALTER VIEW "eval_feedback" ALTER COLUMN "composite_score" SET DEFAULT 0;
ALTER VIEW "eval_feedback" ALTER COLUMN "knockout_reasons_json" SET DEFAULT '[]';
ALTER VIEW "eval_feedback" ALTER COLUMN "factors_json" SET DEFAULT '{}';
ALTER VIEW "eval_feedback" ALTER COLUMN "explanation" SET DEFAULT '';
ALTER VIEW "eval_feedback" ALTER COLUMN "created_at" SET DEFAULT CURRENT_TIMESTAMP;
CREATE FUNCTION "keep_feedback"() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO kept_feedback (id, run_id, miner_hotkey, task_id, outcome, failure_mode, guidance, prompt_excerpt,
        response_excerpt, composite_score, knockout_reasons_json, factors_json, explanation, oracle_status, created_at)
    VALUES (NEW.id, NEW.run_id, NEW.miner_hotkey, NEW.task_id, NEW.outcome, NEW.failure_mode, NEW.guidance,
        NEW.prompt_excerpt, NEW.response_excerpt, NEW.composite_score, NEW.knockout_reasons_json, NEW.factors_json,
        coalesce(NEW.explanation, ''), NEW.oracle_status, NEW.created_at);
    RETURN NEW;
END;
$$;
CREATE TRIGGER "feedback_inserted" INSTEAD OF INSERT ON "eval_feedback" FOR EACH ROW EXECUTE FUNCTION "keep_feedback"();

-- Settles leases, as before but for feedback. The arrays are columns: p_row_*: how each leased row leaves; p_judged_*: what
-- is stored of those that were judged; each with the place of its lease.
DROP FUNCTION "settle_claims"(TEXT[], TEXT[], BIGINT[], TEXT[], TEXT[], JSONB[], JSONB[], DOUBLE PRECISION[], TIMESTAMP[],
    INTEGER[], TEXT[], TEXT[], TEXT[], INTEGER[], DOUBLE PRECISION[], TEXT[], INTEGER[], TEXT[], TEXT[], TEXT[], JSON[],
    JSONB[], JSON[], TEXT[], DOUBLE PRECISION[], DOUBLE PRECISION[], DOUBLE PRECISION[], DOUBLE PRECISION[],
    DOUBLE PRECISION[], DOUBLE PRECISION[], DOUBLE PRECISION[], DOUBLE PRECISION[], DOUBLE PRECISION[], DOUBLE PRECISION[],
    DOUBLE PRECISION[], DOUBLE PRECISION[], DOUBLE PRECISION[], JSONB[], JSONB[], TEXT[], DOUBLE PRECISION[], JSON[],
    JSONB[], JSONB[], DOUBLE PRECISION[], BOOLEAN[], INTEGER[], TEXT[], TEXT[], TEXT[], TEXT[], TEXT[], TEXT[],
    DOUBLE PRECISION[], JSONB[], JSON[], TEXT[], TEXT[]);
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
    "p_judged_factors" JSONB[], "p_judged_tools" JSONB[], "p_judged_cost" DOUBLE PRECISION[], "p_judged_disputed" BOOLEAN[])
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

-- As before, without what was read of other judgments for the feedback.
CREATE OR REPLACE FUNCTION "read_for_results"("p_tasks" TEXT[], "p_validators" TEXT[], "p_fencings" BIGINT[], "p_job_ids" JSONB[],
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
                    'officialComposite', e.official_composite, 'agreementVerdict', e.agreement_verdict) ORDER BY e.fencing, e.validator_hotkey)
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
