import { messageOf } from '../../adapters/logging';
import type { TaskJournal } from '../../adapters/task-journal';
import { answerText } from '../../domain/contracts/invocation';
import { DEFAULT_SCORING_VERSION } from '../../domain/scoring';
import { citationsOf } from '../../domain/validator/answer';
import { attestingTools, type Measurement } from '../../domain/validator/judging';
import {
  failedResult,
  judgedResult,
  resultBody,
  type MinerResult,
  type ReleasedMiner,
  type ResultBody,
} from '../../domain/validator/result';
import {
  latencyBudgetSeconds,
  modeOf,
  type ClaimedTask,
  type OfferedMiner,
} from '../../domain/validator/task';
import { askMiner, type AskOutcome } from './asking';
import type { ValidatorActivityDeps } from './deps';
import { judgeAnswer } from './judging';
import type { Lease } from './lease';
import type { TaskProgress } from './running';
import { settleTruth, type SettledTruth } from './truth';

/** The ledger that a required tool is attested by could not be read: nobody's zero (decision 7). */
class LedgerUnreadable extends Error {}

type Settled = { result: MinerResult } | { released: ReleasedMiner };

/** Asks all miners of one leased task and judges what they say; everything obtained is in the journal at once. */
export class TaskEvaluation {
  private settled: Promise<SettledTruth> | undefined;

  constructor(
    private readonly task: ClaimedTask,
    private readonly lease: Lease,
    private readonly journal: TaskJournal,
    private readonly progress: TaskProgress,
    private readonly deps: ValidatorActivityDeps,
  ) {}

  /**
   * Evaluates all miners at the same time.
   * @returns the result to submit
   * @throws JudgeExhausted, OraclesAway, LeaseLost, Interrupted
   */
  async run(): Promise<ResultBody> {
    const { lease, deps } = this;
    const settling = this.truth();
    // Without a truth nothing is judged, so that no miner has to be waited for.
    settling.catch((error: unknown) =>
      lease.abort(error instanceof Error ? error : new Error(String(error))),
    );
    const works = this.task.miners.map((miner) => this.evaluate(miner));
    const settled = await allOrNone(works, (error) => lease.abort(error));
    lease.signal.throwIfAborted();
    const { task, truth, oracleCostUsd } = await settling;
    return resultBody({
      task,
      truth,
      oracleCostUsd,
      results: settled.flatMap((entry) => ('result' in entry ? [entry.result] : [])),
      released: settled.flatMap((entry) => ('released' in entry ? [entry.released] : [])),
      validatorHotkey: deps.validatorHotkey,
      judgeModel: deps.judgeModel(),
    });
  }

  /** What answers are judged by: the owner's truth, else what this validator's oracles find while the miners work. */
  private truth(): Promise<SettledTruth> {
    const { task, lease, journal, deps } = this;
    const { enrich, validatorHotkey } = deps;
    return (this.settled ??= settleTruth({ task, lease, journal, enrich, validatorHotkey }));
  }

  private async evaluate(miner: OfferedMiner): Promise<Settled> {
    const { task, lease, deps, journal } = this;
    const payload = task.task_payload;
    const budget = latencyBudgetSeconds(modeOf(payload), deps.settings.latencyBudgets);
    const asked = await askMiner({
      client: deps.invocations,
      target: { endpoint: miner.endpoint, authHeaders: miner.auth_headers },
      context: { taskId: task.task_id, familyId: task.family_id, payload, slim: deps.settings.slimOnly },
      latencyBudgetSeconds: budget,
      capSeconds: deps.settings.fanOutTimeoutSeconds,
      deadline: () => lease.workDeadline(),
      signal: lease.signal,
      // What failed on the owner's side may succeed for the attempt that follows.
      remember: (turnId, ask) =>
        journal.once(`${miner.hotkey} turn ${turnId}`, ask, (turn) => turn.failure?.of !== 'owner'),
    });
    this.progress.answered();
    if (asked.kind === 'answered') return this.judge(miner, asked, budget);
    const { failure, timing, response } = asked;
    if (failure.of === 'owner') return this.leaveOut(miner, failure.reason);
    const { truth } = await this.truth();
    const context = {
      taskId: task.task_id,
      familyId: task.family_id,
      category: payload.category ?? '',
      oracleStatus: truth.oracleStatus,
    };
    return { result: failedResult(miner.hotkey, failure.reason, timing, response, context) };
  }

  private async judge(
    miner: OfferedMiner,
    asked: Extract<AskOutcome, { kind: 'answered' }>,
    budget: number | null,
  ): Promise<Settled> {
    const { lease, deps } = this;
    const { task, truth } = await this.truth();
    const { response, timing } = asked;
    const version = task.scoring_version ?? DEFAULT_SCORING_VERSION;
    const remember = <T>(name: string, act: () => Promise<T>): Promise<T> =>
      this.journal.once(`${miner.hotkey} judge ${name}`, act);
    let calls: { tool_name: string; status?: string | null | undefined }[];
    try {
      calls = await this.attestedCalls(asked, truth.requiredTool);
    } catch (error) {
      if (error instanceof LedgerUnreadable) return this.leaveOut(miner, error.message);
      throw error;
    }
    const measured: Measurement = {
      maxTurnSeconds: timing.maxTurnSeconds,
      costUsd: timing.costUsd,
      latencyBudgetSeconds: budget,
      ledgerTools: attestingTools(calls, version),
    };
    const answer = answerText({ output: response.output });
    const citations = citationsOf(response);
    const judgement = await judgeAnswer(
      { payload: task.task_payload, truth, answer, citationUrls: citations.map((source) => source.url) },
      measured,
      {
        client: deps.judge,
        metrics: deps.metrics,
        logger: deps.logger,
        judgeModel: deps.judgeModel(),
        familyId: task.family_id,
        version,
        deadline: () => lease.workDeadline(),
        signal: lease.signal,
        remember,
      },
    );
    this.progress.judged();
    const judged = { hotkey: miner.hotkey, response, citations, answer, timing, measured, judgement };
    return { result: judgedResult(task, truth, judged) };
  }

  /** What the owner attests: from the answer, else from its ledger where the task requires a tool. */
  private async attestedCalls(
    asked: Extract<AskOutcome, { kind: 'answered' }>,
    requiredTool: string | null,
  ): Promise<{ tool_name: string; status?: string | null | undefined }[]> {
    if (asked.attested) return asked.attested;
    if (!asked.jobId || !requiredTool) return [];
    try {
      const ledger = await this.deps.owner.jobLedger(asked.jobId, { signal: this.lease.signal });
      return ledger.tool_calls;
    } catch (error) {
      this.lease.signal.throwIfAborted();
      throw new LedgerUnreadable(
        `the ledger that attests ${requiredTool} could not be read: ${messageOf(error)}`,
      );
    }
  }

  private leaveOut(miner: OfferedMiner, reason: string): { released: ReleasedMiner } {
    const { task, deps } = this;
    deps.metrics.minersReleased.inc({ family: task.family_id });
    deps.logger.warn('a miner is left out of the result', {
      task_evaluation_id: task.task_evaluation_id,
      task_id: task.task_id,
      run_id: task.run_id,
      fencing: task.fencing,
      miner: miner.hotkey,
      reason,
    });
    return { released: { miner_hotkey: miner.hotkey, reason } };
  }
}

/**
 * Waits for all. When one fails the others are told, and waited for too, so that nothing is still writing when the attempt
 * ends. @throws the first error
 */
async function allOrNone<T>(works: Promise<T>[], onFailure: (error: Error) => void): Promise<T[]> {
  let first: unknown;
  const settled = await Promise.allSettled(
    works.map((work) =>
      work.catch((error: unknown) => {
        first ??= error;
        onFailure(error instanceof Error ? error : new Error(String(error)));
        throw error;
      }),
    ),
  );
  if (first !== undefined) throw first;
  return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}
