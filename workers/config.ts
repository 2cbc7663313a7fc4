import { z } from 'zod';
import { isSs58Address } from '../adapters/keys/address';
import type { CommitPreference } from '../domain/weights/rules';
import { parseTaoToRao } from '../domain/weights/tao';

export const WORKER_ROLES = ['control', 'runtime', 'llm', 'chain', 'publication'] as const;
export type WorkerRole = (typeof WORKER_ROLES)[number];

/** Settings of a worker process that are not an adapter's own. */
export interface WorkerConfig {
  roles: WorkerRole[];
  shutdownGraceSeconds: number;
  /** Agents that this worker watches and starts at the same time; one slot each. */
  runtimeSlots: number;
  leaseReaperSeconds: number;
  metagraphSyncSeconds: number;
  /** Permit and stake that put a hotkey on the validators' list; null leaves the list to the operator. */
  validatorRule: { minimumStakeRao: bigint } | null;
  metagraphSnapshotPath: string | null;
  fee: { treasury: string; minimumRao: bigint; maxAgeBlocks: number };
  agents: {
    providerProxyUrl: string;
    toolUrls: { webSearch: string; sandbox: string; urlFetch: string; rag: string };
    runBudgetUsd: number;
    startTimeoutSeconds: number;
    stopGraceSeconds: number;
    drainGraceSeconds: number;
    /** Restarts after which an agent that is not healthy lets others go first. */
    restartBudget: number;
    headroom: { cpuMillis: number; memoryBytes: number; pods: number };
  };
  publication: {
    ownerApiUrl: string;
    /** Whose signature weights must carry; null takes whoever they name. */
    ownerHotkey: string | null;
    /** null measures the chain. */
    blockSeconds: number | null;
    eraPeriod: number;
    tipRao: bigint;
    commits: CommitPreference;
    ledgerPath: string;
  };
}

const seconds = (fallback: number) => z.coerce.number().positive().default(fallback);
const address = z.string().default('');

const contract = z.object({
  EIREL_WORKER_QUEUES: z.string().default('control,runtime,llm,chain'),
  EIREL_WORKER_SHUTDOWN_GRACE_SECONDS: seconds(15),
  EIREL_RUNTIME_SLOTS: z.coerce.number().int().min(1).default(300),
  EIREL_TASK_CLAIM_TIMEOUT_SECONDS: seconds(900),
  EIREL_LEASE_REAPER_SECONDS: z.coerce.number().positive().optional(),
  METAGRAPH_SYNC_INTERVAL_SECONDS: seconds(60),
  METAGRAPH_SNAPSHOT_PATH: z.string().trim().optional(),
  EIREL_VALIDATORS_AUTOMATIC: z.string().default(''),
  MINIMUM_VALIDATOR_STAKE: z.string().default('0'),
  EIREL_SUBMISSION_TREASURY_ADDRESS: z.string().default(''),
  EIREL_SUBMISSION_FEE_TAO: z.string().default('0.1'),
  EIREL_SUBMISSION_FEE_MAX_AGE_BLOCKS: z.coerce.number().int().positive().default(7200),
  EIREL_PROVIDER_PROXY_URL: address,
  EIREL_WEB_SEARCH_TOOL_URL: address,
  EIREL_SANDBOX_TOOL_URL: address,
  EIREL_URL_FETCH_TOOL_URL: address,
  EIREL_RAG_TOOL_URL: address,
  EIREL_RUN_BUDGET_USD: z.coerce.number().nonnegative().default(30),
  OWNER_RUNTIME_HEALTH_TIMEOUT_SECONDS: seconds(60),
  OWNER_RUNTIME_STOP_GRACE_SECONDS: seconds(10),
  EIREL_SOFT_TERMINATION_GRACE_SECONDS: seconds(600),
  OWNER_RUNTIME_RESTART_BUDGET: z.coerce.number().int().nonnegative().default(2),
  OWNER_RUNTIME_CAPACITY_CPU_HEADROOM_MILLIS: z.coerce.number().nonnegative().default(500),
  OWNER_RUNTIME_CAPACITY_MEMORY_HEADROOM_MB: z.coerce.number().nonnegative().default(512),
  OWNER_RUNTIME_CAPACITY_POD_HEADROOM: z.coerce.number().nonnegative().default(1),
  OWNER_API_URL: z.string().default('http://127.0.0.1:8000'),
  EIREL_BLOCK_SECONDS: z.coerce.number().positive().optional(),
  EIREL_WEIGHTS_ERA_BLOCKS: z.coerce
    .number()
    .int()
    .refine(
      (n) => n >= 4 && n <= 4096 && Number.isInteger(Math.log2(n)),
      'must be a power of two from 4 to 4096',
    )
    .default(8),
  EIREL_WEIGHTS_TIP_TAO: z.string().default('0'),
  EIREL_WEIGHTS_COMMIT: z.enum(['auto', 'timelock', 'hash']).default('auto'),
  EIREL_OWNER_HOTKEY_SS58: z
    .string()
    .trim()
    .refine((text) => text === '' || isSs58Address(text), 'is not an SS58 address with prefix 42')
    .default(''),
  EIREL_PUBLICATION_LEDGER_PATH: z.string().default('publications.jsonl'),
});

/** @throws ZodError naming each bad variable; Error on a role that does not exist */
export function workerConfigFromEnv(env: NodeJS.ProcessEnv): WorkerConfig {
  const e = contract.parse(env);
  const roles = e.EIREL_WORKER_QUEUES.split(',').map((role) => role.trim());
  for (const role of roles) {
    if (!WORKER_ROLES.includes(role as WorkerRole)) {
      throw new Error(`EIREL_WORKER_QUEUES: "${role}" is none of ${WORKER_ROLES.join(', ')}`);
    }
  }
  return {
    roles: roles as WorkerRole[],
    shutdownGraceSeconds: e.EIREL_WORKER_SHUTDOWN_GRACE_SECONDS,
    runtimeSlots: e.EIREL_RUNTIME_SLOTS,
    leaseReaperSeconds: e.EIREL_LEASE_REAPER_SECONDS ?? Math.max(30, e.EIREL_TASK_CLAIM_TIMEOUT_SECONDS / 4),
    metagraphSyncSeconds: Math.max(1, e.METAGRAPH_SYNC_INTERVAL_SECONDS),
    validatorRule: ['1', 'true', 'yes', 'on'].includes(e.EIREL_VALIDATORS_AUTOMATIC.toLowerCase())
      ? { minimumStakeRao: parseTaoToRao(e.MINIMUM_VALIDATOR_STAKE || '0') }
      : null,
    metagraphSnapshotPath: e.METAGRAPH_SNAPSHOT_PATH || null,
    fee: {
      treasury: e.EIREL_SUBMISSION_TREASURY_ADDRESS,
      minimumRao: parseTaoToRao(e.EIREL_SUBMISSION_FEE_TAO),
      maxAgeBlocks: e.EIREL_SUBMISSION_FEE_MAX_AGE_BLOCKS,
    },
    agents: {
      providerProxyUrl: e.EIREL_PROVIDER_PROXY_URL,
      toolUrls: {
        webSearch: e.EIREL_WEB_SEARCH_TOOL_URL,
        sandbox: e.EIREL_SANDBOX_TOOL_URL,
        urlFetch: e.EIREL_URL_FETCH_TOOL_URL,
        rag: e.EIREL_RAG_TOOL_URL,
      },
      runBudgetUsd: e.EIREL_RUN_BUDGET_USD,
      startTimeoutSeconds: e.OWNER_RUNTIME_HEALTH_TIMEOUT_SECONDS,
      stopGraceSeconds: e.OWNER_RUNTIME_STOP_GRACE_SECONDS,
      drainGraceSeconds: e.EIREL_SOFT_TERMINATION_GRACE_SECONDS,
      restartBudget: e.OWNER_RUNTIME_RESTART_BUDGET,
      headroom: {
        cpuMillis: e.OWNER_RUNTIME_CAPACITY_CPU_HEADROOM_MILLIS,
        memoryBytes: e.OWNER_RUNTIME_CAPACITY_MEMORY_HEADROOM_MB * 1024 * 1024,
        pods: e.OWNER_RUNTIME_CAPACITY_POD_HEADROOM,
      },
    },
    publication: {
      ownerApiUrl: e.OWNER_API_URL,
      ownerHotkey: e.EIREL_OWNER_HOTKEY_SS58 || null,
      blockSeconds: e.EIREL_BLOCK_SECONDS ?? null,
      tipRao: parseTaoToRao(e.EIREL_WEIGHTS_TIP_TAO),
      commits: e.EIREL_WEIGHTS_COMMIT,
      eraPeriod: e.EIREL_WEIGHTS_ERA_BLOCKS,
      ledgerPath: e.EIREL_PUBLICATION_LEDGER_PATH,
    },
  };
}
