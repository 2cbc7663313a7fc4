import { setTimeout as delay } from 'node:timers/promises';
import {
  BudgetExhausted,
  type Balance,
  type BudgetKeeper,
  type Reservation,
} from '../../adapters/budget/keeper';
import {
  BUDGET_EXHAUSTED,
  type JobIdentity,
  type LedgerEntry,
  type ProviderLedger,
} from '../../adapters/budget/ledger';
import type { EmbeddingClient, LlmClient } from '../../adapters/llm';
import { messageOf, type Logger } from '../../adapters/logging';
import { HttpError } from '../../domain/http-errors';
import { microToUsd } from '../../domain/pricing/cost';
import type { GateDeps } from '../tools/identify';
import type { ProviderProxyConfig } from './config';
import type { ProxyMetrics } from './metrics';

/** What the handlers work with. */
export interface ProxyDeps extends GateDeps {
  config: ProviderProxyConfig;
  llm: LlmClient & EmbeddingClient;
  ledger: ProviderLedger;
  budget: BudgetKeeper;
  metrics: ProxyMetrics;
  logger: Logger;
}

/** The part of an entry that a call which never succeeded has. */
export const FAILED = { status: 'error', promptTokens: 0, completionTokens: 0, costMicroUsd: 0 } as const;

/** What is known of a call before it is made. */
export type CallHead = Pick<LedgerEntry, 'id' | 'kind' | 'provider' | 'model' | keyof JobIdentity>;

/**
 * Holds the price of a call, or says no and keeps that in the ledger.
 * @throws HttpError 429 with the budget and what is used of it, in USD; 503 when the counters cannot be reached
 */
export async function reserve(
  job: JobIdentity,
  call: CallHead,
  amountMicroUsd: number,
  holdMs: number,
  deps: ProxyDeps,
): Promise<Reservation> {
  try {
    return await deps.budget.reserve(job, call.id, amountMicroUsd, holdMs);
  } catch (error) {
    if (error instanceof BudgetExhausted) {
      deps.metrics.rejections.inc();
      await record({ ...call, ...FAILED, errorCode: BUDGET_EXHAUSTED, latencyMs: 0 }, deps);
      throw new HttpError(429, 'run budget exhausted', {
        budget_usd: microToUsd(error.budgetMicroUsd),
        cost_usd_used: microToUsd(error.usedMicroUsd),
        budget_scope: error.scope,
      });
    }
    deps.logger.error('the budget counters cannot be reached', { error: messageOf(error) });
    throw new HttpError(
      503,
      'the budget ledger cannot be reached; the call was not sent, try again',
      {},
      RETRY_SOON,
    );
  }
}

const RETRY_SOON = { 'Retry-After': '2' };
const RECORD_ATTEMPTS = 4;

/**
 * Writes a call into the durable ledger, trying again for about a second.
 * @throws HttpError 503 when it cannot be written; the answer is then withheld, and the hold stays until it lapses
 */
export async function record(entry: LedgerEntry, deps: Pick<ProxyDeps, 'ledger' | 'logger'>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await deps.ledger.record(entry);
      return;
    } catch (error) {
      if (attempt < RECORD_ATTEMPTS) {
        await delay(100 * 2 ** attempt);
        continue;
      }
      deps.logger.error('a call could not be recorded', { error: messageOf(error), entry });
      throw new HttpError(
        503,
        'the cost ledger cannot be written; the answer is withheld, try again',
        {},
        RETRY_SOON,
      );
    }
  }
}

/**
 * Settles a hold. A call that is in the ledger is not lost with Redis: the balance then comes from the ledger, and
 * the counter is set anew from it once the hold has lapsed.
 */
export async function settle(
  reservation: Reservation,
  actualMicroUsd: number,
  job: JobIdentity,
  deps: ProxyDeps,
): Promise<Balance> {
  try {
    return await deps.budget.settle(reservation, actualMicroUsd);
  } catch (error) {
    deps.logger.warn('a hold could not be settled and will lapse', {
      job_id: job.jobId,
      error: messageOf(error),
    });
    const { costMicroUsd: used } = await deps.ledger.spentByJob(job.jobId);
    return {
      jobUsedMicroUsd: used,
      remainingMicroUsd: Math.max(0, deps.config.budgets.jobMicroUsd - used),
    };
  }
}

/**
 * Makes sure that the ledger can be reached, for an answer whose first words leave before it is recorded.
 * @throws HttpError 503 when it cannot
 */
export async function requireLedger(job: JobIdentity, deps: ProxyDeps): Promise<void> {
  try {
    await deps.ledger.spentByJob(job.jobId);
  } catch (error) {
    deps.logger.error('the cost ledger cannot be read', { error: messageOf(error) });
    throw new HttpError(
      503,
      'the cost ledger cannot be reached; the call was not sent, try again',
      {},
      RETRY_SOON,
    );
  }
}
