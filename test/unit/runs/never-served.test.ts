import { neverServed } from '../../../domain/evidence/compute';
import { aggregateFamily, type FamilyRow } from '../../../domain/scoring/aggregate';

const row = (
  miner: string,
  task: string,
  score: number | null,
): FamilyRow & { status: 'scored' | 'unscored' } => ({
  miner_hotkey: miner,
  task_id: task,
  status: score === null ? 'unscored' : 'scored',
  verdict: score === null ? null : 'matches',
  agreement_score: score,
  final_task_score: score,
});
const TASKS = ['t1', 't2'];

describe('a member that never had its turn', () => {
  const rows = [row('a', 't1', 0.8), row('a', 't2', 0.6), row('late', 't1', null), row('late', 't2', null)];

  test('is told apart from one that missed some tasks, and from a run in which nobody was judged', () => {
    expect([...neverServed(rows)]).toEqual(['late']);
    expect([...neverServed([...rows, row('late', 't3', 0.1)])]).toEqual([]);
    expect([...neverServed(rows.filter((one) => one.miner_hotkey === 'late'))]).toEqual([]);
  });

  test('takes no task from the others, and is scored on nothing', () => {
    const aside = aggregateFamily(TASKS, ['a', 'late'], rows, 2, neverServed(rows));
    expect(aside.unscored_task_ids).toEqual([]);
    expect(aside.miners.a).toMatchObject({ official_family_score: 0.7, total_tasks: 2, reliable: true });
    expect(aside.miners.late).toMatchObject({
      official_family_score: 0,
      total_tasks: 0,
      unscored_tasks: 2,
      reliable: false,
    });
    // Without the rule one agent without a turn would leave nobody with a score.
    expect(aggregateFamily(TASKS, ['a', 'late'], rows, 2).miners.a).toMatchObject({ total_tasks: 0 });
  });

  test('a task that is unscored for somebody who was judged still leaves every denominator', () => {
    const mixed = [...rows, row('b', 't1', 0.5), row('b', 't2', null)];
    const family = aggregateFamily(TASKS, ['a', 'b', 'late'], mixed, 2, neverServed(mixed));
    expect(family.unscored_task_ids).toEqual(['t2']);
    expect(family.miners.a).toMatchObject({ official_family_score: 0.8, total_tasks: 1 });
  });
});
