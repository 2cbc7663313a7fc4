/**
 * What everybody may read about a run: where each point of a score came from, what it cost, and how a submission got
 * where it is. Texts of answers, prompts and claims are null until the run is completed (evaluation.md section 1.8).
 */
import { z } from 'zod';
import { wireTime } from './common';

/** Mean of every factor of the composite over the judged answers of a miner (docs/scoring.md section 1). */
export const factorMeans = z
  .object({
    outcome_score: z.number(),
    grounded_correctness_gate: z.number(),
    instruction_safety_gate: z.number(),
    safety_attestation_knockout: z.number(),
    tool_attestation_factor: z.number(),
    hallucination_knockout: z.number(),
    cost_attestation_knockout: z.number(),
    efficiency_factor: z.number(),
    pairwise_bonus: z.number(),
  })
  .meta({ id: 'FactorMeans' });
export type FactorMeans = z.output<typeof factorMeans>;

/** Spend in USD of a deployment in a run, from the owner's ledgers. */
export const runCosts = z
  .object({
    llm_usd: z.number(),
    tool_usd: z.number(),
    /** USD per answered task; null before the first. */
    usd_per_answer: z.number().nullable(),
    /** USD per whole point of score, summed over tasks; null where nothing was scored above 0. */
    usd_per_point: z.number().nullable(),
    /** Calls that were refused because the budget was used up. */
    refused_calls: z.int(),
  })
  .meta({ id: 'RunCosts' });
export type RunCosts = z.output<typeof runCosts>;

export const minerRunParams = z.object({ run: z.string(), hotkey: z.string() });

/** One task of a miner in a run. */
export const minerTaskRecord = z.object({
  task_index: z.int(),
  mode: z.string(),
  capability: z.string().nullable(),
  domain: z.string().nullable(),
  status: z.string(),
  /** Why it is not scored, or why it is a zero. */
  status_reason: z.string().nullable(),
  composite: z.number().nullable(),
  verdict: z.string().nullable(),
  disputed: z.boolean(),
  judged_by: z.array(z.string()),
  latency_seconds: z.number().nullable(),
  cost_usd: z.number().nullable(),
  attested_tools: z.array(z.string()),
  /** The nine factors of the official composite; null without a judged answer. */
  factors: factorMeans.nullable(),
  /** From here on null until the run is completed. */
  task_id: z.string().nullable(),
  prompt: z.string().nullable(),
  response: z.string().nullable(),
  explanation: z.string().nullable(),
  guidance: z.string().nullable(),
  knockout_reasons: z.array(z.string()).nullable(),
  oracle_status: z.string().nullable(),
});
export type MinerTaskRecord = z.output<typeof minerTaskRecord>;

export const minerRunRecord = z
  .object({
    run_id: z.string(),
    run_status: z.string(),
    family_id: z.string(),
    hotkey: z.string(),
    submission_id: z.string(),
    deployment_id: z.string(),
    /** False while the run is open: texts are withheld until it is completed. */
    texts_public: z.boolean(),
    score: z.number().nullable(),
    factors: factorMeans.nullable(),
    costs: runCosts,
    tasks: z.array(minerTaskRecord),
  })
  .meta({ id: 'MinerRunRecord' });
export type MinerRunRecord = z.output<typeof minerRunRecord>;

const journeyStep = z.object({
  at: wireTime,
  /** `submission`, `deployment` or `run` */
  about: z.string(),
  step: z.string(),
  outcome: z.string(),
  /** First line only: logs of a build are for its miner. */
  reason: z.string().nullable(),
});
export type JourneyStep = z.output<typeof journeyStep>;

export const publicJourneyPayload = z
  .object({
    submission_id: z.string(),
    hotkey: z.string(),
    family_id: z.string(),
    agent_name: z.string().nullable(),
    agent_version: z.string().nullable(),
    archive_sha256: z.string(),
    submitted_at: wireTime,
    submission_block: z.int(),
    introduced_run_id: z.string().nullable(),
    status: z.string(),
    reason: z.string().nullable(),
    /** What its workflow does now and what it waits for; null when it has ended or cannot be asked. */
    now: z.object({ step: z.string(), reason: z.string(), since: z.string() }).nullable(),
    deployment: z
      .object({
        id: z.string(),
        status: z.string(),
        health_status: z.string(),
        placement_status: z.string(),
        reason: z.string().nullable(),
      })
      .nullable(),
    /** Oldest first. */
    steps: z.array(journeyStep),
    scores: z.array(
      z.object({
        run_id: z.string(),
        score: z.number(),
        is_winner: z.boolean(),
        /** Why it cannot win, when it cannot. */
        ineligible_because: z.array(z.string()),
        archive_public: z.boolean(),
      }),
    ),
  })
  .meta({ id: 'PublicJourney' });
export type PublicJourney = z.output<typeof publicJourneyPayload>;

export const minerSubmissionsPayload = z
  .object({
    hotkey: z.string(),
    uid: z.int().nullable(),
    /** Newest first. */
    submissions: z.array(
      z.object({
        submission_id: z.string(),
        submission_seq: z.int(),
        agent_name: z.string().nullable(),
        agent_version: z.string().nullable(),
        status: z.string(),
        reason: z.string().nullable(),
        submitted_at: wireTime,
        introduced_run_id: z.string().nullable(),
      }),
    ),
    /** Runs in which the hotkey was scored, latest first. */
    runs: z.array(z.object({ run_id: z.string(), score: z.number(), is_winner: z.boolean() })),
  })
  .meta({ id: 'MinerSubmissions' });
