import { z } from 'zod';

const seconds = (fallback: number) => z.coerce.number().positive().default(fallback);
const bytes = (fallback: number) => z.coerce.number().int().min(1024).default(fallback);
const MIB = 1024 * 1024;

const contract = z.object({
  EIREL_TASK_WORK_CAP_SECONDS: seconds(1500),
  EIREL_MINER_INSTANT_LATENCY_BUDGET_SECONDS: seconds(120),
  EIREL_MINER_THINKING_LATENCY_BUDGET_SECONDS: seconds(600),
  EIREL_EVAL_MIN_TURN_COST_USD: z.string().optional(),
  EIREL_PROXY_AGENT_TIMEOUT_SECONDS: seconds(660),
  EIREL_PROXY_GRAPH_TIMEOUT_SECONDS: seconds(1800),
  EIREL_PROXY_RECOVERY_SECONDS: z.coerce.number().min(0).default(20),
  EIREL_PROXY_MAX_LINE_BYTES: bytes(4 * MIB),
  EIREL_PROXY_MAX_RESPONSE_BYTES: bytes(14 * MIB),
});

/** Settings of claims, of scores and of the runtime proxy. Seconds, USD, bytes. */
export interface TaskSettings {
  /** Longest life of a lease that is kept alive by heartbeats. */
  workCapSeconds: number;
  latencyBudgets: { instant: number; thinking: number };
  /** Null leaves the formula's own floor. */
  costFloorUsd: number | null;
  proxy: {
    /** Whole time that an agent has for one call, by the kind of its runtime. */
    agentTimeoutSeconds: number;
    graphTimeoutSeconds: number;
    /** How long a call waits for an agent that died to be started again. */
    recoverySeconds: number;
    maxLineBytes: number;
    /** Below what validators read, framing included. */
    maxResponseBytes: number;
  };
}

/**
 * Reads the settings.
 * @throws Error naming every bad variable
 */
export function taskSettingsFromEnv(env: NodeJS.ProcessEnv): TaskSettings {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));
  const parsed = contract.safeParse(given);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`the owner API cannot start with these settings: ${lines.join('; ')}`);
  }
  const e = parsed.data;
  return {
    workCapSeconds: e.EIREL_TASK_WORK_CAP_SECONDS,
    latencyBudgets: {
      instant: e.EIREL_MINER_INSTANT_LATENCY_BUDGET_SECONDS,
      thinking: e.EIREL_MINER_THINKING_LATENCY_BUDGET_SECONDS,
    },
    costFloorUsd: costFloor(e.EIREL_EVAL_MIN_TURN_COST_USD),
    proxy: {
      agentTimeoutSeconds: e.EIREL_PROXY_AGENT_TIMEOUT_SECONDS,
      graphTimeoutSeconds: e.EIREL_PROXY_GRAPH_TIMEOUT_SECONDS,
      recoverySeconds: e.EIREL_PROXY_RECOVERY_SECONDS,
      maxLineBytes: e.EIREL_PROXY_MAX_LINE_BYTES,
      maxResponseBytes: e.EIREL_PROXY_MAX_RESPONSE_BYTES,
    },
  };
}

/** The original takes a value that is not a number for its default, and a negative one for no floor (evaluation.md 4.5). */
function costFloor(text: string | undefined): number | null {
  const value = Number(text ?? NaN);
  return Number.isFinite(value) ? Math.max(0, value) : null;
}

let fromEnvironment: TaskSettings | undefined;

/** The process's own settings, read once. */
export function taskSettings(): TaskSettings {
  fromEnvironment ??= taskSettingsFromEnv(process.env);
  return fromEnvironment;
}
