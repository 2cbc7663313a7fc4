import { setTimeout as delay } from 'node:timers/promises';
import type { JobIdentity } from '../../adapters/budget/ledger';
import { BUDGET_EXHAUSTED } from '../../adapters/budget/ledger';
import type { CallRecords } from '../../adapters/budget/records';
import { messageOf, type Logger } from '../../adapters/logging';
import type { PrismaClient } from '../../adapters/postgres';
import { canonicalJson, sha256Hex } from '../../domain/evidence/canonical';
import { HttpError } from '../../domain/http-errors';
import { microToUsd } from '../../domain/pricing/cost';
import type { ToolName } from '../../domain/status';
import { cleanJson, cleanText, firstCharacters } from '../../domain/tasks/clean-json';

/** One call as it is kept for good. Money in micro-USD, time in milliseconds. */
export interface ToolCallEntry {
  id: string;
  job: JobIdentity;
  tool: ToolName;
  args: Record<string, unknown>;
  /** What is kept of the answer. */
  digest: unknown;
  /** Null for a call that succeeded; only those attest. */
  failure: string | null;
  costMicroUsd: number;
  /** Whether the call has a price, so that it also stands in the ledger that budgets are counted from. */
  priced: boolean;
  latencyMs: number;
}

/** Calls of one job by tool, successes and failures apart. */
export interface ToolCounts {
  tool: string;
  status: string;
  calls: number;
}

const ATTEMPTS = 4;
const RESULT_CHARACTERS = 512;
const FAILURE_CHARACTERS = 500;
const ARGS_CHARACTERS = 16_384;

/** The record of tool calls: `orchestrator_tool_call_log`, and `provider_calls` for what they cost. */
export class ToolLedger {
  constructor(
    private readonly prisma: PrismaClient,
    private readonly records: CallRecords,
    private readonly logger: Logger,
  ) {}

  /**
   * Writes a call once, in one statement, trying again for about a second; the same id twice is one entry.
   * @throws HttpError 503 when it cannot be written; the answer must then be withheld
   */
  async record(entry: ToolCallEntry): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.write(entry);
      } catch (error) {
        if (attempt < ATTEMPTS) {
          await delay(100 * 2 ** attempt);
          continue;
        }
        this.logger.error('a tool call could not be recorded', {
          error: messageOf(error),
          call_id: entry.id,
          job_id: entry.job.jobId,
          tool: entry.tool,
          cost_micro_usd: entry.costMicroUsd,
        });
        throw ledgerAway('the answer is withheld, try again');
      }
    }
  }

  /** Counts a job's recorded calls of some tools. */
  async counts(jobId: string, tools: readonly ToolName[]): Promise<ToolCounts[]> {
    const rows = await this.prisma.orchestratorToolCallLog.groupBy({
      by: ['toolName', 'status'],
      where: { jobId, toolName: { in: [...tools] } },
      _count: { _all: true },
    });
    return rows.map((row) => ({ tool: row.toolName, status: row.status, calls: row._count._all }));
  }

  private write(entry: ToolCallEntry): Promise<void> {
    const { id, job, tool, failure, costMicroUsd, latencyMs } = entry;
    const args = canonicalJson(cleanJson(entry.args));
    const status = failure === null ? 'ok' : 'error';
    return this.records.write({
      attestation: {
        id,
        jobId: job.jobId,
        toolName: tool,
        argsHash: sha256Hex(args),
        argsJson:
          args.length <= ARGS_CHARACTERS
            ? (JSON.parse(args) as object)
            : { truncated: true, characters: args.length },
        resultDigest:
          entry.digest === undefined
            ? ''
            : firstCharacters(canonicalJson(cleanJson(entry.digest)), RESULT_CHARACTERS),
        latencyMs,
        costUsd: microToUsd(costMicroUsd),
        status,
        error: failure === null ? null : firstCharacters(cleanText(failure), FAILURE_CHARACTERS),
      },
      charge: entry.priced
        ? {
            id,
            ...job,
            kind: `tool:${tool}`,
            provider: 'tool',
            model: tool,
            status,
            errorCode:
              failure === null ? null : failure === BUDGET_EXHAUSTED ? BUDGET_EXHAUSTED : 'tool_failed',
            promptTokens: 0,
            completionTokens: 0,
            costMicroUsd,
            latencyMs,
          }
        : null,
    });
  }
}

/** The 503 for a ledger or counter out of reach. */
export function ledgerAway(consequence: string): HttpError {
  return new HttpError(
    503,
    `the tool call ledger cannot be reached; ${consequence}`,
    {},
    { 'Retry-After': '2' },
  );
}
