import { activityInfo, ApplicationFailure, Context } from '@temporalio/activity';
import type { EnrichmentKey, EnrichmentStore } from '../adapters/enrichment-store/types';
import { messageOf } from '../adapters/logging';
import {
  layerConfigured,
  OracleFailure,
  vendorsOf,
  type OracleClient,
  type OracleConfig,
  type OracleRole,
} from '../adapters/oracle';
import { FAULTS } from '../domain/faults';
import { oracleQuestion } from '../domain/oracle/question';
import {
  NOTE_MAX_CHARS,
  type Grounding,
  type OracleVendor,
  type Reconciliation,
} from '../domain/oracle/record';
import { settleFindings, usableAnswers, USABLE_ORACLES_MIN } from '../domain/oracle/settle';
import { cleanText } from '../domain/tasks/clean-json';
import { badState } from './failures';

/** One model of the layer, as much as the workflow has to know. */
export interface OraclePlan {
  model: string;
  timeoutMs: number;
  attempts: number;
}

/** What is to be done about a task now. */
export interface EnrichmentPlan {
  state: 'wanted' | 'deterministic' | 'settled' | 'closed';
  reason: string;
  oracleStatus: string | null;
  expectedClaims: number;
  /** Oracles that are configured. */
  vendors: Partial<Record<OracleVendor, OraclePlan>>;
  /** Null when none is configured. */
  reconciler: OraclePlan | null;
  /** Outcomes that are stored already; those oracles are not asked again. */
  stored: OracleOutcome[];
  giveUpSeconds: number;
  roundSeconds: number;
}

/** How asking one oracle ended for good; the answer itself stays in the store. */
export interface OracleOutcome {
  vendor: OracleVendor;
  status: Grounding['status'];
  reason: string | null;
}

/** Why an oracle gave nothing by the time a task is settled. */
export interface OracleAbsence {
  vendor: OracleVendor;
  reason: string;
}

export interface EnrichmentActivities {
  planEnrichment(key: EnrichmentKey): Promise<EnrichmentPlan>;
  askOracle(input: EnrichmentKey & { vendor: OracleVendor }): Promise<OracleOutcome>;
  reconcileAnswers(key: EnrichmentKey): Promise<{ oracleStatus: string; claims: number }>;
  noteWaiting(input: EnrichmentKey & { reason: string }): Promise<void>;
  settleEnrichment(
    input: EnrichmentKey & { absent: OracleAbsence[]; startedAt: string },
  ): Promise<{ oracleStatus: string; note: string | null; expectedClaims: number }>;
  failEnrichment(input: EnrichmentKey & { reason: string }): Promise<void>;
}

export interface EnrichmentDeps {
  store: EnrichmentStore;
  oracles: OracleClient;
  config: OracleConfig;
}

const HEARTBEAT_MS = 4_000;
/** A vendor that says to come back later is believed up to this long; longer waits are the workflow's. */
const RETRY_AFTER_MAX_SECONDS = 30;

/**
 * The oracle layer's effects, on either side (decision 4): they know a store and the models, and no database. A call that
 * was paid for is stored before it is answered, so that a worker that dies pays at most once more.
 */
export function createEnrichmentActivities(deps: EnrichmentDeps): EnrichmentActivities {
  const { store, oracles, config } = deps;

  const planOf = (role: OracleRole): OraclePlan | null => {
    const endpoint = config.endpoints[role];
    if (!endpoint) return null;
    const { model, timeoutMs, attempts } = endpoint;
    return { model, timeoutMs, attempts };
  };

  /** The answers of oracles that are still configured. */
  const answersOf = async (key: EnrichmentKey): Promise<Grounding[]> =>
    (await store.answers(key)).filter((answer) => config.endpoints[answer.vendor] !== undefined);

  return {
    async planEnrichment(input) {
      const key = keyOf(input);
      const job = await store.begin(key);
      if (job.state === 'missing') throw badState(job.reason);
      const wanted = job.state === 'wanted';
      const vendors = wanted ? vendorsOf(config).map((vendor) => [vendor, planOf(vendor)] as const) : [];
      return {
        state: job.state,
        reason: job.reason,
        oracleStatus: job.oracleStatus,
        expectedClaims: job.expectedClaims,
        vendors: Object.fromEntries(vendors),
        reconciler: planOf('reconciler'),
        stored: wanted ? (await answersOf(key)).map(outcomeOf) : [],
        giveUpSeconds: config.giveUpSeconds,
        roundSeconds: config.roundSeconds,
      };
    },

    /** An answer, a block and a reply that stays malformed are stored; an outage is thrown, for the policy to retry. */
    async askOracle({ vendor, ...input }) {
      const key = keyOf(input);
      const present = (await store.answers(key)).find((answer) => answer.vendor === vendor);
      if (present) return outcomeOf(present);
      const job = await store.begin(key);
      if (job.state !== 'wanted') throw badState(job.reason);
      const startedAt = Date.now();
      try {
        const { value, raw } = await alive((signal) =>
          oracles.ask(vendor, oracleQuestion(job.payload), signal),
        );
        await store.saveAnswer(key, value, raw);
        return outcomeOf(value);
      } catch (error) {
        if (!(error instanceof OracleFailure) || error.again !== 'never') throw away(error);
        const grounding = noAnswer(
          vendor,
          config.endpoints[vendor]?.model ?? null,
          error,
          Date.now() - startedAt,
        );
        await store.saveAnswer(key, grounding, null);
        return outcomeOf(grounding);
      }
    },

    async reconcileAnswers(input) {
      const key = keyOf(input);
      const done = await store.reconciliation(key);
      if (done) return { oracleStatus: done.oracle_status, claims: done.consensus_claims.length };
      const job = await store.begin(key);
      if (job.state !== 'wanted') throw badState(job.reason);
      const answers = usableAnswers(await answersOf(key));
      let found: Reconciliation;
      let words: string | null = null;
      const startedAt = Date.now();
      try {
        const { value, raw } = await alive((signal) =>
          oracles.reconcile(oracleQuestion(job.payload).prompt, answers, signal),
        );
        found = value;
        words = raw;
      } catch (error) {
        if (!(error instanceof OracleFailure) || error.again !== 'never') throw away(error);
        found = noReconciliation(config.endpoints.reconciler?.model ?? null, error, Date.now() - startedAt);
      }
      await store.saveReconciliation(key, found, words);
      return { oracleStatus: found.oracle_status, claims: found.consensus_claims.length };
    },

    noteWaiting: ({ reason, ...input }) => store.waiting(keyOf(input), reason),

    /** Puts the record together from what is stored; done twice, the first record stays. */
    async settleEnrichment({ absent, startedAt, ...input }) {
      const key = keyOf(input);
      const [job, answers, reconciliation] = await Promise.all([
        store.begin(key),
        answersOf(key),
        store.reconciliation(key),
      ]);
      const missing = absent
        .filter(({ vendor }) => !answers.some((answer) => answer.vendor === vendor))
        .map(({ vendor, reason }) => silent(vendor, config.endpoints[vendor]?.model ?? null, reason));
      const record = settleFindings({
        side: store.side,
        validatorHotkey: store.validatorHotkey,
        floor: oracleQuestion(job.payload).floor,
        vendors: [...answers, ...missing],
        reconciliation: usableAnswers(answers).length >= USABLE_ORACLES_MIN ? reconciliation : null,
        layerConfigured: layerConfigured(config),
        referenceVendor: config.referenceVendor,
        latencyMs: Math.max(0, Date.now() - Date.parse(startedAt)),
      });
      const stored = await store.settle(key, record);
      return {
        oracleStatus: stored.oracle_status,
        note: stored.disagreement_note,
        expectedClaims: stored.expected_claims.length,
      };
    },

    failEnrichment: ({ reason, ...input }) => store.fail(keyOf(input), reason),
  };
}

/** The bare key, whatever else came along. */
function keyOf({ runId, familyId, taskId }: EnrichmentKey): EnrichmentKey {
  return { runId, familyId, taskId };
}

/** Runs a call to a model, heartbeating; ends it when the workflow does not want it any more. */
async function alive<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(), HEARTBEAT_MS);
  try {
    return await call(context.cancellationSignal);
  } finally {
    clearInterval(timer);
  }
}

/** A failure for the retry policy: repeated soon, or left to the workflow's next round. */
function away(error: unknown): unknown {
  if (!(error instanceof OracleFailure)) return error;
  const { attempt } = activityInfo();
  const wait = Math.min(RETRY_AFTER_MAX_SECONDS, error.details.retryAfterSeconds ?? 0);
  return ApplicationFailure.create({
    type: FAULTS.oracleAway,
    message: error.message.slice(0, NOTE_MAX_CHARS),
    nonRetryable: error.again === 'later',
    details: [{ again: error.again, attempt }],
    ...(wait > 0 ? { nextRetryDelay: wait * 1000 } : {}),
  });
}

function outcomeOf({ vendor, status, error_msg }: Grounding): OracleOutcome {
  return { vendor, status, reason: error_msg };
}

function noAnswer(
  vendor: OracleVendor,
  model: string | null,
  error: OracleFailure,
  latencyMs: number,
): Grounding {
  return {
    ...silent(vendor, model, messageOf(error)),
    status: error.tag === 'blocked' ? 'blocked' : 'error',
    finish_reason: error.details.finishReason ?? null,
    latency_ms: latencyMs,
    cost_micro_usd: error.details.costMicroUsd ?? null,
  };
}

function silent(vendor: OracleVendor, model: string | null, reason: string): Grounding {
  return {
    vendor,
    model,
    status: 'error',
    answer: '',
    citations: [],
    finish_reason: null,
    error_msg: cleanText(reason).slice(0, NOTE_MAX_CHARS),
    latency_ms: 0,
    cost_micro_usd: null,
    prompt_version: null,
  };
}

/** evaluation.md 3.4: a reconciler that makes no sense leaves the task disputed, without claims. */
function noReconciliation(model: string | null, error: OracleFailure, latencyMs: number): Reconciliation {
  const what = error.tag === 'malformed_response' ? 'reconciler_malformed_json' : 'reconciler_error';
  return {
    model,
    consensus_claims: [],
    majority_claims: [],
    minority_claims: [],
    must_not_claim_extras: [],
    oracle_status: 'disputed',
    disagreement_note: null,
    error: cleanText(`${what}: ${error.message}`).slice(0, NOTE_MAX_CHARS),
    latency_ms: latencyMs,
    cost_micro_usd: error.details.costMicroUsd ?? null,
    prompt_version: null,
  };
}
