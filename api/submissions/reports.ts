/** How far a submission has come, in the shapes that the original's clients read. */
import { loadScorecards } from '../../adapters/postgres/runs-read';
import type { SubmissionRow } from '../../adapters/postgres/submissions';
import type { ApiDeps } from '../deps';
import { deploymentView } from '../views/submissions';

/** Per task of the submission's runs; live, unlike the original's, which stayed empty until scoring. */
export async function progressReport(deps: ApiDeps, row: SubmissionRow) {
  const rows = await deps.db.minerEvaluationTask.findMany({
    where: { submissionId: row.id },
    orderBy: [{ runId: 'asc' }, { taskIndex: 'asc' }],
    include: { results: { select: { judgeOutputJson: true } } },
  });
  const settled = rows.filter((task) => task.status === 'evaluated');
  const failed = settled.filter((task) => task.verdict === 'error' || task.verdict === 'latency_violation');
  const unscored = rows.filter((task) => task.status === 'unscored');
  const tasks = settled.map((task) => ({
    task_id: task.taskId,
    status: failed.includes(task) ? 'failed' : 'completed',
    error: failed.includes(task) ? task.statusReason : null,
    score_bearing: true,
    judge_backed_result_count: task.results.filter((result) => result.judgeOutputJson !== null).length,
  }));
  const deployment = row.deployments[0];
  return {
    submission_id: row.id,
    submission_status: row.status,
    family_id: row.familyId,
    deployment: deployment ? deploymentView(deployment) : null,
    task_events: tasks,
    tasks,
    validator_reports: [],
    failure_classification_counts: {
      infra_failed_results: unscored.length,
      task_failed_results: failed.length,
    },
    capability_counts: {
      [row.familyId]: {
        planned: rows.length,
        running: rows.filter((task) => task.status === 'claimed').length,
        completed: settled.length - failed.length,
        failed: failed.length,
      },
    },
  };
}

/** The submission's result as one verdict: pending until it has a score record, then finalized or failed. */
export async function canonicalReport(deps: ApiDeps, row: SubmissionRow) {
  const deployment = row.deployments[0];
  const summary = {
    family_id: row.familyId,
    deployment_id: deployment?.id ?? null,
    deployment_health_status: deployment?.healthStatus ?? null,
  };
  const [card] = await loadScorecards(deps.db, { submissionIds: [row.id], limit: 1 });
  if (!card) {
    const dead = deployment !== undefined && ['unhealthy', 'retired'].includes(deployment.healthStatus);
    return {
      submission_id: row.id,
      status: dead ? ('failed' as const) : ('pending' as const),
      validator_count: 0,
      overall_score: null,
      aggregation_method: null,
      summary,
    };
  }
  const results = await deps.db.taskMinerResult.findMany({
    where: { runId: card.run_id, familyId: card.family_id, minerHotkey: row.minerHotkey },
    select: { agreementVerdict: true, validatorHotkey: true },
  });
  const errors = results.filter((result) => result.agreementVerdict === 'error').length;
  return {
    submission_id: row.id,
    status: errors > 0 ? ('failed' as const) : ('finalized' as const),
    validator_count: new Set(results.map((result) => result.validatorHotkey)).size,
    overall_score: card.official_family_score,
    aggregation_method: 'agreement_against_openai_baseline',
    summary: {
      ...summary,
      run_id: card.run_id,
      deployment_revision: deployment?.deploymentRevision ?? null,
      official_family_score: card.official_family_score,
      qualifies_for_incentives: card.qualifies_for_incentives,
      infra_failed_results: 0,
      task_failed_results: errors,
    },
  };
}
