import type { JudgeClient } from '../../adapters/judge-client';
import { messageOf, type Logger } from '../../adapters/logging';
import {
  isTransient,
  OwnerAnswerInvalid,
  OwnerRefused,
  pause,
  retryDelayMs,
  type InvocationClient,
  type OwnerClient,
} from '../../adapters/owner-client';
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
  judgingTruth,
  latencyBudgetSeconds,
  modeOf,
  type ClaimedTask,
  type JudgingTruth,
  type OfferedMiner,
} from '../../domain/validator/task';
import { askMiner, type AskOutcome } from './asking';
import type { ValidatorConfig } from './config';
import { judgeAnswer, JudgeExhausted } from './judging';
import { EngineStopping, LeaseLost, type Lease } from './lease';
import type { ValidatorMetrics } from './metrics';

export interface TaskDeps {
  config: ValidatorConfig;
  owner: OwnerClient;
  invocations: InvocationClient;
  judge: JudgeClient;
  metrics: ValidatorMetrics;
  logger: Logger;
  validatorHotkey: string;
  /** Model that the judge service announced last. */
  judgeModel: () => string;
}

/** How a task ended: `rejected` when the owner refused the result, `lost` when the lease was not ours any more. */
export type TaskEnding = 'submitted' | 'released' | 'lost' | 'rejected';
export type TaskPhase = 'evaluating' | 'submitting' | 'releasing';

/** The ledger that a required tool is attested by could not be read: nobody's zero (decision 7). */
class LedgerUnreadable extends Error {}

const SUBMIT_FIRST_MS = 500;
const SUBMIT_MAX_MS = 15_000;
const RELEASE_TIMEOUT_MS = 5_000;

/** Carries one claimed task from its lease to its end. */
export class TaskRun {
  phase: TaskPhase = 'evaluating';
  /** True once it is known that nothing could be judged, through no miner's fault. */
  fruitless = false;

  constructor(
    readonly task: ClaimedTask,
    readonly lease: Lease,
    private readonly deps: TaskDeps,
  ) {}

  /** Runs to the end; never throws. */
  async run(): Promise<TaskEnding> {
    const { metrics } = this.deps;
    const family = this.task.family_id;
    const stop = metrics.runDuration.startTimer({ family });
    metrics.runsStarted.inc({ family });
    let ending: TaskEnding;
    try {
      ending = await this.carryOut();
    } catch (error) {
      ending = await this.giveUp(error);
    } finally {
      // Calls that are still under way for this task have no reader any more.
      this.lease.abort(new Error('the task has ended'));
      this.lease.close();
    }
    stop();
    metrics.runsCompleted.inc({ family, outcome: ending });
    return ending;
  }

  private async carryOut(): Promise<TaskEnding> {
    const { task, lease } = this;
    if (task.miners.length === 0) return this.release('no_miners', 'the claim came without a miner to ask');
    const truth = judgingTruth(task);
    const settled = await Promise.all(task.miners.map((miner) => this.evaluate(miner, truth)));
    lease.signal.throwIfAborted();
    this.fruitless = settled.every((entry) => 'released' in entry);
    const body = resultBody({
      task,
      truth,
      results: settled.flatMap((entry) => ('result' in entry ? [entry.result] : [])),
      released: settled.flatMap((entry) => ('released' in entry ? [entry.released] : [])),
      validatorHotkey: this.deps.validatorHotkey,
      judgeModel: this.deps.judgeModel(),
    });
    return this.submit(body);
  }

  private async evaluate(
    miner: OfferedMiner,
    truth: JudgingTruth,
  ): Promise<{ result: MinerResult } | { released: ReleasedMiner }> {
    const { task, lease, deps } = this;
    const payload = task.task_payload;
    const budget = latencyBudgetSeconds(modeOf(payload), deps.config.latencyBudgets);
    const asked = await askMiner({
      client: deps.invocations,
      target: { endpoint: miner.endpoint, authHeaders: miner.auth_headers },
      context: { taskId: task.task_id, familyId: task.family_id, payload, slim: deps.config.slimOnly },
      latencyBudgetSeconds: budget,
      capSeconds: deps.config.fanOutTimeoutSeconds,
      deadline: () => lease.workDeadline(),
      signal: lease.signal,
    });
    if (asked.kind === 'failed') {
      const { failure, timing, response } = asked;
      if (failure.of === 'owner') return this.leaveOut(miner, failure.reason);
      const context = {
        taskId: task.task_id,
        familyId: task.family_id,
        category: payload.category ?? '',
        oracleStatus: truth.oracleStatus,
      };
      return { result: failedResult(miner.hotkey, failure.reason, timing, response, context) };
    }
    return this.judge(miner, truth, asked, budget);
  }

  private async judge(
    miner: OfferedMiner,
    truth: JudgingTruth,
    asked: Extract<AskOutcome, { kind: 'answered' }>,
    budget: number | null,
  ): Promise<{ result: MinerResult } | { released: ReleasedMiner }> {
    const { task, lease, deps } = this;
    const { response, timing } = asked;
    const version = task.scoring_version ?? DEFAULT_SCORING_VERSION;
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
      },
    );
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
    this.deps.metrics.minersReleased.inc({ family: this.task.family_id });
    this.deps.logger.warn('a miner is left out of the result', {
      ...this.ids(),
      miner: miner.hotkey,
      reason,
    });
    return { released: { miner_hotkey: miner.hotkey, reason } };
  }

  /** Sends the result until the owner takes or refuses it; the result is idempotent. */
  private async submit(body: ResultBody): Promise<TaskEnding> {
    const { owner, logger } = this.deps;
    this.phase = 'submitting';
    this.lease.beginSubmission();
    for (let attempt = 1; ; attempt += 1) {
      try {
        await owner.submitResult(this.ref(), body, { signal: this.lease.signal });
        return 'submitted';
      } catch (error) {
        this.lease.signal.throwIfAborted();
        if (error instanceof OwnerAnswerInvalid) {
          logger.warn('the result was taken, with an answer out of contract', {
            ...this.ids(),
            error: messageOf(error),
          });
          return 'submitted';
        }
        if (error instanceof OwnerRefused && error.status < 500 && !isTransient(error)) {
          if (error.status === 409) throw new LeaseLost(messageOf(error));
          logger.error('the owner refused a result', { ...this.ids(), error: messageOf(error) });
          return 'rejected';
        }
        logger.warn('a result could not be delivered; it is tried again', {
          ...this.ids(),
          attempt,
          error: messageOf(error),
        });
        await pause(retryDelayMs(error, attempt, SUBMIT_FIRST_MS, SUBMIT_MAX_MS), this.lease.signal);
      }
    }
  }

  /** Decides what an error that ended the work means for the task. */
  private async giveUp(error: unknown): Promise<TaskEnding> {
    const { logger, metrics } = this.deps;
    const cause: unknown = this.lease.signal.aborted ? this.lease.signal.reason : error;
    if (cause instanceof LeaseLost || error instanceof LeaseLost) {
      metrics.leasesLost.inc();
      logger.warn('a task is abandoned, nothing is submitted', { ...this.ids(), reason: messageOf(cause) });
      return 'lost';
    }
    if (cause instanceof EngineStopping) return this.release('shutdown', messageOf(cause));
    if (error instanceof JudgeExhausted) return this.release('judge', messageOf(error));
    logger.error('a task failed in this engine', { ...this.ids(), error });
    return this.release('error', `the validator failed: ${messageOf(error)}`);
  }

  /** Gives the task back at once; should that not reach the owner either, the lease simply expires. */
  private async release(cause: string, reason: string): Promise<TaskEnding> {
    const { owner, logger, metrics } = this.deps;
    this.phase = 'releasing';
    this.fruitless = cause === 'judge' || cause === 'error';
    metrics.tasksReleased.inc({ cause });
    const release = { fencing: this.task.fencing ?? null, reason };
    try {
      await owner.releaseTask(this.ref(), release, { signal: AbortSignal.timeout(RELEASE_TIMEOUT_MS) });
      logger.info('a task was given back', { ...this.ids(), cause, reason });
      return 'released';
    } catch (error) {
      if (error instanceof OwnerRefused && error.status === 409) {
        metrics.leasesLost.inc();
        return 'lost';
      }
      logger.warn('a task could not be given back; its lease will expire by itself', {
        ...this.ids(),
        cause,
        reason,
        error: messageOf(error),
      });
      return 'released';
    }
  }

  private ref() {
    return { familyId: this.task.family_id, taskEvaluationId: this.task.task_evaluation_id };
  }

  private ids() {
    const { task_evaluation_id, task_id, run_id, fencing } = this.task;
    return { task_evaluation_id, task_id, run_id, fencing };
  }
}
