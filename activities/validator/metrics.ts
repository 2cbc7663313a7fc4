import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** The engine's metrics, under the names that the dashboards and alerts know (platform.md 3.1). */
export type ValidatorMetrics = ReturnType<typeof createValidatorMetrics>;

/** Registers the metrics; call once per registry. */
export function createValidatorMetrics(registry: Registry) {
  const registers = [registry];
  new Gauge({ name: 'eirel_validator_engine_up', help: '1 while the engine runs', registers }).set(1);
  return {
    lastLoop: new Gauge({
      name: 'eirel_validator_last_successful_loop_timestamp_seconds',
      help: 'When a loop last went round without an error, seconds since the epoch',
      labelNames: ['loop_name'],
      registers,
    }),
    leases: new Gauge({ name: 'eirel_validator_leased_tasks', help: 'Tasks under lease now', registers }),
    leasesLost: new Counter({
      name: 'eirel_validator_leases_lost_total',
      help: 'Tasks abandoned because their lease was lost',
      registers,
    }),
    tasksReleased: new Counter({
      name: 'eirel_validator_tasks_released_total',
      help: 'Tasks given back to the pool, by cause: judge, shutdown, no_miners, unreadable, error',
      labelNames: ['cause'],
      registers,
    }),
    minersReleased: new Counter({
      name: 'eirel_validator_miners_released_total',
      help: 'Miners left out of a result because the failure was not theirs',
      labelNames: ['family'],
      registers,
    }),
    runsStarted: new Counter({
      name: 'eirel_validator_benchmark_runs_started_total',
      help: 'Tasks begun',
      labelNames: ['family'],
      registers,
    }),
    runsCompleted: new Counter({
      name: 'eirel_validator_benchmark_runs_completed_total',
      help: 'Tasks ended, by outcome: submitted, released, lost, rejected',
      labelNames: ['family', 'outcome'],
      registers,
    }),
    runDuration: new Histogram({
      name: 'eirel_validator_benchmark_run_duration_seconds',
      help: 'Time from claim to the end of a task',
      labelNames: ['family'],
      buckets: [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800],
      registers,
    }),
    judgeInvocations: new Counter({
      name: 'eirel_validator_judge_invocations_total',
      help: 'Calls to the judge service, by outcome',
      labelNames: ['judge_model', 'outcome'],
      registers,
    }),
    judgeDuration: new Histogram({
      name: 'eirel_validator_judge_duration_seconds',
      help: 'Time to judge one answer, all calls together',
      labelNames: ['family'],
      buckets: [0.25, 0.5, 1, 2, 5, 10, 30, 60, 120],
      registers,
    }),
    judgeDisagreements: new Counter({
      name: 'eirel_validator_judge_disagreements_total',
      help: 'Answers for which the judge chose differently when the order was swapped',
      labelNames: ['family'],
      registers,
    }),
    judgeMalformed: new Counter({
      name: 'eirel_validator_judge_json_malformations_total',
      help: 'Judge answers out of contract',
      labelNames: ['judge_role'],
      registers,
    }),
    oracleStatus: new Counter({
      name: 'eirel_validator_oracle_status_per_run_total',
      help: 'Tasks by the oracle status that the owner sent with them',
      labelNames: ['family', 'oracle_status'],
      registers,
    }),
    disputedRate: new Gauge({
      name: 'eirel_validator_reconciler_disputed_rate',
      help: 'Share of the reconciled tasks since the start that came with disputed claims',
      labelNames: ['family'],
      registers,
    }),
    evalOutcome: new Counter({
      name: 'eirel_validator_eval_outcome_total',
      help: 'Judged answers by outcome',
      labelNames: ['family', 'outcome'],
      registers,
    }),
    composite: new Histogram({
      name: 'eirel_validator_composite_score',
      help: 'Composite of judged answers',
      labelNames: ['family'],
      buckets: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1],
      registers,
    }),
    knockouts: new Counter({
      name: 'eirel_validator_composite_knockouts_total',
      help: 'Judged answers whose composite a factor closed',
      labelNames: ['family', 'knockout_factor'],
      registers,
    }),
    weightSubmissions: new Counter({
      name: 'eirel_weight_setter_submissions_total',
      help: 'Weight publications begun and ended',
      labelNames: ['family', 'mode', 'status'],
      registers,
    }),
    weightDuration: new Histogram({
      name: 'eirel_weight_setter_submission_duration_seconds',
      help: 'Time from the start of a publication to its end',
      labelNames: ['family', 'mode'],
      buckets: [0.5, 1, 2, 5, 10, 30, 60, 120],
      registers,
    }),
    weightSuccess: new Gauge({
      name: 'eirel_weight_setter_last_success_timestamp_seconds',
      help: 'When weights were last seen on chain, seconds since the epoch',
      labelNames: ['family'],
      registers,
    }),
    weightErrors: new Counter({
      name: 'eirel_weight_setter_chain_errors_total',
      help: 'Failed publications by kind of error',
      labelNames: ['error_type'],
      registers,
    }),
  };
}
