/** Checks published evidence by computing it again, offline (decision 25). */
import { forbiddenClaims, requiredTool, taskMode } from '../contracts/dataset';
import { recheck } from '../oracle/settle';
import { drawMatrix, SAMPLER_ALGORITHM } from '../sampling/matrix';
import { poolDigest, taskDigest } from '../sampling/freeze';
import { commitment } from '../sampling/seed';
import { digestOf } from './canonical';
import { computeRun } from './compute';
import type { FamilyEvidence, RunEvidence } from './contract';
import { EvidenceError } from './contract';

export interface Difference {
  /** where in the evidence, e.g. `families[0].results[3].official_composite` */
  path: string;
  published: unknown;
  recomputed: unknown;
}

/** Version 1 is plain floating point and is compared to this; version 2 is compared exactly. */
const TOLERANCE_V1 = 1e-9;

/**
 * Recomputes every composite, result, aggregate, winner and weight, repeats the draw from the seed, and checks that
 * each judgment was held against its own task's claims, tool and latency budget.
 * @returns every place where the published value is another; none means that the run is what it says
 * @throws EvidenceError when the evidence contradicts itself so that nothing can be computed
 */
export function recomputeRun(evidence: RunEvidence): { differences: Difference[] } {
  let recomputed: RunEvidence;
  try {
    recomputed = computeRun(evidence);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new EvidenceError(`the evidence contradicts itself: ${error.message}`);
  }
  const differences: Difference[] = [];
  compare('', evidence, recomputed, evidence.run.scoring_version === 1 ? TOLERANCE_V1 : 0, differences);
  evidence.families.forEach((family, index) => {
    checkDraw(family, `families[${index}]`, differences);
    checkEnrichments(family, `families[${index}]`, differences);
    checkJudgmentInputs(family, evidence.run, `families[${index}]`, differences);
  });
  return { differences };
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
  out: Difference[],
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
function checkDraw(family: FamilyEvidence, path: string, out: Difference[]): void {
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
function checkEnrichments(family: FamilyEvidence, path: string, out: Difference[]): void {
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
function checkJudgmentInputs(
  family: FamilyEvidence,
  run: RunEvidence['run'],
  path: string,
  out: Difference[],
): void {
  const tasks = new Map(family.tasks.map((task) => [task.task_id, task]));
  const deployments = new Map(family.members.map((member) => [member.hotkey, member.deployment_id]));
  family.results.forEach((result, row) => {
    const task = tasks.get(result.task_id);
    if (task === undefined) return;
    const at = `${path}.results[${row}]`;
    compare(`${at}.deployment_id`, result.deployment_id, deployments.get(result.miner_hotkey), 0, out);
    result.judgments.forEach(({ input }, index) => {
      if (input === null) return;
      const inputPath = `${at}.judgments[${index}].input`;
      compare(`${inputPath}.must_not_claim`, input.must_not_claim, task.must_not_claim, 0, out);
      compare(`${inputPath}.required_tool`, input.required_tool || null, requiredTool(task.payload), 0, out);
      const budget = run.latency_budgets_ms[taskMode(task.payload)];
      compare(`${inputPath}.latency_budget_ms`, input.latency_budget_ms ?? null, budget, 0, out);
    });
  });
}
