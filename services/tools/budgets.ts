import type { Budgets } from '../../adapters/budget/keeper';
import { usdToMicro } from '../../domain/pricing/cost';
import { numberEnv } from '../http';

/** The variables of the spending ceilings, for `parseEnv`: the same for every service that spends. */
export const budgetEnv = {
  EIREL_JOB_BUDGET_USD: numberEnv(2, 0, 1_000_000),
  EIREL_RUN_BUDGET_USD: numberEnv(30, 0, 1_000_000),
};

/** Parsed ceilings in USD as micro-USD. */
export function budgetsOf(values: { EIREL_JOB_BUDGET_USD: number; EIREL_RUN_BUDGET_USD: number }): Budgets {
  return {
    jobMicroUsd: usdToMicro(values.EIREL_JOB_BUDGET_USD),
    runMicroUsd: usdToMicro(values.EIREL_RUN_BUDGET_USD),
  };
}
