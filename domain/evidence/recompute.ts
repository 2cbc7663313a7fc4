/** Checks published evidence by computing it again, offline (decision 25). */
import { forbiddenClaims, requiredTool, taskMode } from '../contracts/dataset';
import { recheck } from '../oracle/settle';
import { drawMatrix, SAMPLER_ALGORITHM } from '../sampling/matrix';
import { poolDigest, taskDigest } from '../sampling/freeze';
import { commitment } from '../sampling/seed';
import { digestOf } from './canonical';
import { FamilyScores, runEvidence } from './compute';
import type { FamilyEvidence, ResultEvidence, RunEvidence } from './contract';
import { EvidenceError } from './contract';

export interface Difference {
  /** where in the evidence, e.g. `families[0].results[3].official_composite` */
  path: string;
  published: unknown;
  recomputed: unknown;
}

/** Version 1 is plain floating point and is compared to this; version 2 is compared exactly. */
const TOLERANCE_V1 = 1e-9;

/** Differences that are kept; of a run that has nothing to do with its evidence there may be a million. */
export const MAX_DIFFERENCES = 1000;

/** Places where what was published is not what was computed. */
export class Differences {
  readonly kept: Difference[] = [];
  total = 0;

  push(difference: Difference): void {
    this.total += 1;
    if (this.kept.length < MAX_DIFFERENCES) this.kept.push(difference);
  }
}

/**
 * Recomputes every composite, result, aggregate, winner and weight, repeats the draw from the seed, and checks that
 * each judgment was held against its own task's claims, tool and latency budget.
 * @returns the places where the published value is another; none means that the run is what it says
 * @throws EvidenceError when the evidence contradicts itself so that nothing can be computed
 */
export function recomputeRun(evidence: RunEvidence): { differences: Difference[] } {
  const check = new RunCheck({
    ...evidence,
    families: evidence.families.map((family) => ({ ...family, results: [] })),
  });
  evidence.families.forEach((family, index) =>
    family.results.forEach((result, row) => check.result(index, row, result)),
  );
  return { differences: check.finish().kept };
}

/** `recomputeRun` with one result at a time, so that evidence of any size is checked in little memory. */
export class RunCheck {
  private readonly out = new Differences();
  private readonly tolerance: number;
  private readonly scores: FamilyScores[];
  private readonly inputs: InputCheck[];

  /** @param head the evidence without its results */
  constructor(private readonly head: RunEvidence) {
    this.tolerance = head.run.scoring_version === 1 ? TOLERANCE_V1 : 0;
    this.scores = head.families.map(() => new FamilyScores(head.run));
    this.inputs = head.families.map((family) => new InputCheck(family, head.run));
  }

  /** @param row its place among the results of its family. @throws EvidenceError */
  result(family: number, row: number, published: ResultEvidence): void {
    const scores = this.scores[family];
    if (!scores) throw new EvidenceError(`the evidence contradicts itself: there is no family ${family}`);
    const path = `families[${family}].results[${row}]`;
    compare(
      path,
      published,
      contradictions(() => scores.add(published)),
      this.tolerance,
      this.out,
    );
    this.inputs[family]?.check(published, path, this.out);
  }

  /** @returns every difference, of the results that were given and of everything else. @throws EvidenceError */
  finish(): Differences {
    const { head, out } = this;
    const recomputed = contradictions(() =>
      runEvidence(
        head.run,
        head.families.map((family, index) => (this.scores[index] as FamilyScores).finish(family)),
      ),
    );
    compare('', head, recomputed, this.tolerance, out);
    head.families.forEach((family, index) => {
      checkDraw(family, `families[${index}]`, out);
      checkEnrichments(family, `families[${index}]`, out);
    });
    return out;
  }
}

function contradictions<T>(compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new EvidenceError(`the evidence contradicts itself: ${error.message}`);
  }
}

/** Digest under which evidence is signed and addressed: SHA-256 of its canonical JSON as published. */
export function evidenceDigest(evidence: unknown): string {
  return digestOf(evidence);
}

function compare(
  path: string,
  published: unknown,
  recomputed: unknown,
  tolerance: number,
  out: Differences,
): void {
  if (typeof published === 'number' && typeof recomputed === 'number') {
    if (Math.abs(published - recomputed) <= tolerance) return;
    out.push({ path, published, recomputed });
  } else if (Array.isArray(published) && Array.isArray(recomputed)) {
    for (let i = 0; i < Math.max(published.length, recomputed.length); i += 1) {
      compare(`${path}[${i}]`, published[i], recomputed[i], tolerance, out);
    }
  } else if (isRecord(published) && isRecord(recomputed)) {
    for (const key of new Set([...Object.keys(published), ...Object.keys(recomputed)])) {
      compare(path === '' ? key : `${path}.${key}`, published[key], recomputed[key], tolerance, out);
    }
  } else if (published !== recomputed) {
    out.push({ path, published, recomputed });
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** The seed is the promised one, the pool is the promised one, and drawing again gives the tasks of the run. */
function checkDraw(family: FamilyEvidence, path: string, out: Differences): void {
  const taskIds = [...family.tasks].sort((a, b) => a.task_index - b.task_index).map((task) => task.task_id);
  const { sampler } = family;
  if (sampler === null) return;
  const at = (name: string, published: unknown, recomputed: unknown): void =>
    compare(`${path}.sampler.${name}`, published, recomputed, 0, out);
  at('commitment', sampler.commitment, commitment(sampler.seed));
  at('pool_digest', sampler.pool_digest, poolDigest(sampler.pool));
  at('pool_size', sampler.pool_size, sampler.pool.length);
  at('algorithm', sampler.algorithm, SAMPLER_ALGORITHM);
  at('size', sampler.size, sampler.task_ids.length);
  if (sampler.size >= 1 && sampler.size <= sampler.pool.length) {
    at('task_ids', sampler.task_ids, drawMatrix(sampler.pool, sampler.size, sampler.seed).task_ids);
  }
  compare(`${path}.tasks`, taskIds, sampler.task_ids, 0, out);
  const digests = new Map(sampler.pool.map((item) => [item.task_id, item.sha256]));
  family.tasks.forEach((task, index) => {
    const published = digests.get(task.task_id) ?? null;
    compare(`${path}.tasks[${index}].payload`, published, taskDigest(task.payload), 0, out);
  });
}

/** What answers were held against is what the oracles' answers amount to, and a task with a fixed answer asked none. */
function checkEnrichments(family: FamilyEvidence, path: string, out: Differences): void {
  family.tasks.forEach((task, index) => {
    const at = `${path}.tasks[${index}]`;
    const record = task.enrichment ?? null;
    if (task.payload.oracle_source !== 'three_oracle') {
      compare(`${at}.enrichment`, record, null, 0, out);
      return;
    }
    if (record === null) return;
    const again = recheck(record, forbiddenClaims(task.payload));
    for (const [key, value] of Object.entries(again)) {
      compare(`${at}.enrichment.${key}`, record[key as keyof typeof again], value, 0, out);
    }
    compare(`${at}.expected_claims`, task.expected_claims, record.expected_claims, 0, out);
    compare(`${at}.must_not_claim`, task.must_not_claim, record.must_not_claim, 0, out);
    compare(`${at}.oracle_status`, task.oracle_status, record.oracle_status, 0, out);
    compare(`${at}.disagreement_note`, task.disagreement_note, record.disagreement_note, 0, out);
  });
}

/** A judgment that was computed from another claim list, tool or budget than its task's would pass the arithmetic. */
class InputCheck {
  private readonly tasks: Map<string, FamilyEvidence['tasks'][number]>;
  private readonly deployments: Map<string, string>;

  constructor(
    family: FamilyEvidence,
    private readonly run: RunEvidence['run'],
  ) {
    this.tasks = new Map(family.tasks.map((task) => [task.task_id, task]));
    this.deployments = new Map(family.members.map((member) => [member.hotkey, member.deployment_id]));
  }

  check(result: ResultEvidence, path: string, out: Differences): void {
    const task = this.tasks.get(result.task_id);
    if (task === undefined) return;
    const deployment = this.deployments.get(result.miner_hotkey);
    compare(`${path}.deployment_id`, result.deployment_id, deployment, 0, out);
    result.judgments.forEach(({ input }, index) => {
      if (input === null) return;
      const at = `${path}.judgments[${index}].input`;
      compare(`${at}.must_not_claim`, input.must_not_claim, task.must_not_claim, 0, out);
      compare(`${at}.required_tool`, input.required_tool || null, requiredTool(task.payload), 0, out);
      const budget = this.run.latency_budgets_ms[taskMode(task.payload)];
      compare(`${at}.latency_budget_ms`, input.latency_budget_ms ?? null, budget, 0, out);
    });
  }
}
