/** Every number of a run from its facts. The owner publishes what this returns; a verifier compares with it. */
import {
  aggregateFamily,
  compositeScore,
  runWeights,
  selectWinner,
  settleJudgments,
  verdictOf,
} from '../scoring';
import type { FamilyRow, ScoringVersion } from '../scoring';
import type {
  FamilyEvidence,
  FamilyFacts,
  FamilyHead,
  JudgmentEvidence,
  JudgmentFacts,
  ResultEvidence,
  ResultFacts,
  RunEvidence,
  RunFacts,
} from './contract';
import { EVIDENCE_SCHEMA } from './contract';

/** A validator's number that differs by more than this from the official one is marked (decision 10). */
export const DISPUTE_TOLERANCE = 1e-6;

type RunSettings = RunFacts['run'];

/**
 * Computes a run: every composite, the official result of every (miner, task), the aggregates, the winner of each
 * family and the weights.
 * @param facts as recorded; the computed fields of an evidence document passed here are ignored and computed anew
 * @throws RangeError on facts that contradict themselves (a result of a stranger, two results for one (miner, task),
 *   family weights above 1)
 */
export function computeRun(facts: RunFacts): RunEvidence {
  return runEvidence(
    facts.run,
    facts.families.map((family) => computeFamily(family, facts.run)),
  );
}

/** What `computeRun` returns, of families that are computed. @throws RangeError on family weights above 1 */
export function runEvidence(run: RunSettings, families: FamilyEvidence[]): RunEvidence {
  return {
    schema: EVIDENCE_SCHEMA,
    run,
    families,
    weights: runWeights(
      families.map((family) => ({
        family_id: family.family_id,
        winner_hotkey: family.winner.winner?.hotkey ?? null,
        family_weight: family.family_weight,
        official_family_score: family.winner.winner?.raw_score ?? 0,
      })),
    ),
  };
}

/** One family of `computeRun`. */
export function computeFamily(family: FamilyFacts, run: RunSettings): FamilyEvidence {
  const scores = new FamilyScores(run);
  const results = family.results.map((result) => scores.add(result));
  return { ...scores.finish(family), results };
}

/**
 * Computes a family result by result, keeping of each only what the aggregates need: a run's answers are far more than
 * has to be in memory at once.
 */
export class FamilyScores {
  private readonly rows: FamilyRow[] = [];
  private readonly standing: Pick<ResultEvidence, 'miner_hotkey' | 'status'>[] = [];

  constructor(private readonly run: RunSettings) {}

  /** The official result of one (miner, task). */
  add(facts: ResultFacts): ResultEvidence {
    const version = this.run.scoring_version;
    const result = computeResult(facts, this.run.quorum, version);
    this.rows.push(...aggregateRow(result, version));
    this.standing.push({ miner_hotkey: result.miner_hotkey, status: result.status });
    return result;
  }

  /**
   * Aggregates and winner from what was added.
   * @returns the family without its results. @throws RangeError on facts that contradict themselves
   */
  finish(family: FamilyHead): FamilyEvidence {
    const version = this.run.scoring_version;
    const setAside = this.neverServed();
    const { unscored_task_ids, miners } = aggregateFamily(
      family.tasks.map((task) => task.task_id),
      family.members.map((member) => member.hotkey),
      this.rows,
      version,
      setAside,
    );
    const winner = selectWinner(
      {
        candidates: family.members.map((member) => ({
          deployment_id: member.deployment_id,
          hotkey: member.hotkey,
          raw_score: miners[member.hotkey]?.official_family_score ?? 0,
          error_fraction: miners[member.hotkey]?.row_error_fraction ?? 1,
          submitted_at: member.submitted_at,
          deployed_at: member.deployed_at,
          ...exclusionOf(member, setAside),
        })),
        previous: family.previous_winner,
        min_score: family.min_score,
      },
      version,
    );
    return { ...family, results: [], unscored_task_ids, aggregates: miners, winner };
  }

  /** See `neverServed`. */
  neverServed(): Set<string> {
    return neverServed(this.standing);
  }
}

/**
 * Members that never had their turn: the owner's side left every one of their tasks unscored, while others were scored. They
 * are set aside instead of taking all tasks out of everybody's denominator (decision 7 is about tasks, not about whole
 * members), and take part in the next run.
 */
export function neverServed(
  results: readonly Pick<ResultEvidence, 'miner_hotkey' | 'status'>[],
): Set<string> {
  const served = new Set(
    results.filter((result) => result.status !== 'unscored').map((result) => result.miner_hotkey),
  );
  if (served.size === 0) return new Set();
  return new Set(results.map((result) => result.miner_hotkey).filter((hotkey) => !served.has(hotkey)));
}

function exclusionOf(
  member: FamilyFacts['members'][number],
  setAside: ReadonlySet<string>,
): { excluded?: string } {
  if (member.excluded !== undefined) return { excluded: member.excluded };
  return setAside.has(member.hotkey)
    ? { excluded: 'not evaluated in this run: its agent never had its turn' }
    : {};
}

/**
 * One (miner, task). Of the recorded status only `unscored` is a fact; the others follow from the judgments:
 * none, or the miner failing for most validators, is `missing`; fewer than the quorum is `unscored`.
 */
export function computeResult(facts: ResultFacts, quorum: number, version: ScoringVersion): ResultEvidence {
  const judgments = facts.judgments.map((judgment) => computeJudgment(judgment, version));
  const nothing = { official_composite: null, verdict: null, agreement_score: null };
  if (facts.status === 'unscored') return { ...facts, judgments, ...nothing };
  if (judgments.length === 0) {
    return {
      ...facts,
      judgments,
      status: 'missing',
      official_composite: 0,
      verdict: 'error',
      agreement_score: 0,
    };
  }
  const settled = settleJudgments(judgments, quorum, version);
  if (settled === null) return { ...facts, judgments, status: 'unscored', ...nothing };
  return { ...facts, judgments, status: settled.verdict === 'error' ? 'missing' : 'scored', ...settled };
}

/** One judgment; without an answer it is a zero with the verdict `error`. */
export function computeJudgment(facts: JudgmentFacts, version: ScoringVersion): JudgmentEvidence {
  const breakdown = facts.input === null ? null : compositeScore(facts.input, version);
  const composite = breakdown?.composite ?? 0;
  const shown =
    facts.input === null
      ? { verdict: 'error' as const, agreement_score: 0 }
      : verdictOf({
          ...facts.input,
          pairwise_preference_score: facts.input.pairwise_preference_score ?? 0.5,
        });
  return {
    ...facts,
    breakdown,
    composite,
    ...shown,
    disputed:
      facts.validator_composite !== null &&
      Math.abs(facts.validator_composite - composite) > DISPUTE_TOLERANCE,
  };
}

/** Version 1 averages attempted tasks only, so a (miner, task) that nobody judged gives no row there. */
function aggregateRow(result: ResultEvidence, version: ScoringVersion): FamilyRow[] {
  if (version === 1 && result.status === 'missing' && result.judgments.length === 0) return [];
  return [
    {
      miner_hotkey: result.miner_hotkey,
      task_id: result.task_id,
      status: result.status,
      verdict: result.verdict,
      agreement_score: result.agreement_score,
      final_task_score: result.official_composite,
    },
  ];
}
