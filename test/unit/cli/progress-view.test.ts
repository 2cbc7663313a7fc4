import { progressLine, progressScreen, type Progress } from '../../../cli/progress-view';
import { agoText, clockText, secondsUntil } from '../../../cli/time';

const now = new Date('2025-01-31T12:00:00Z');
const progress: Progress = {
  run_id: 'run-4',
  sequence: 4,
  status: 'open',
  phase: 'running',
  reason: 'validators are judging',
  stuck: null,
  started_at: '2025-01-31T11:00:00',
  ends_at: '2025-01-31T13:01:01',
  paused_at: null,
  closed_at: null,
  remaining_seconds: 3661,
  total: 36,
  tasks: { pending: 20, claimed: 4, evaluated: 10, expired: 1, unscored: 1 },
  oracles: { pending: 2, ready: 5, failed: 1 },
  spend: { models_usd: 1.5, tools_usd: 0.25, oracles_usd: 0.1, judges_usd: 2, refused_calls: 3 },
  miners: [
    {
      miner_hotkey: '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY',
      deployment_id: 'd-1',
      tasks: { pending: 7, claimed: 1, evaluated: 4, expired: 0, unscored: 0 },
      mean_score: 0.51234,
    },
  ],
  leases: [
    {
      task_id: 't-1',
      validator_hotkey: 'validator-one-with-a-long-name',
      miner_count: 3,
      claimed_at: '2025-01-31T11:59:00',
      expires_at: '2025-01-31T12:14:00.500000',
    },
  ],
  validators: [
    {
      validator_hotkey: 'validator-one-with-a-long-name',
      active_leases: 1,
      judgments: 9,
      last_seen_at: '2025-01-31T11:59:57',
    },
    { validator_hotkey: 'idle', active_leases: 0, judgments: 0, last_seen_at: null },
  ],
};

test('one line holds phase, counts and leases', () => {
  expect(progressLine(progress)).toBe(
    'run-4 running, 12/36 settled, 20 pending, 4 claimed, 1 expired, 1 unscored, 1 lease',
  );
});

test('one screen: phase, why, time left, tasks by state, leases per validator, progress per miner', () => {
  const lines = progressScreen(progress, { columns: 120, rows: 40 }, now).split('\n');
  expect(lines).toEqual([
    'run-4  #4  running  1:01:01 left',
    'why    validators are judging',
    'tasks  [##########....................] 12/36  pending 20  claimed 4  evaluated 10  expired 1  unscored 1',
    'oracles  5/8 settled  pending 2  failed 1  (`eirel-ai enrichments list` says why)',
    'spend  $3.85  models $1.50  tools $0.25  oracles $0.10  judges $2.00  3 calls refused: budget used up',
    '',
    'VALIDATOR      LEASES  EXPIRES IN  JUDGMENTS  LAST SEEN',
    'valida...name       1     0:14:00          9  3 s ago',
    'idle                0           -          0  -',
    '',
    'MINER          EVALUATED  CLAIMED  PENDING  EXPIRED  UNSCORED  MEAN SCORE',
    '5Grwva...utQY          4        1        7        0         0      0.5123',
  ]);
});

test('what does not fit is cut and counted', () => {
  const lines = progressScreen(progress, { columns: 20, rows: 6 }, now).split('\n');
  expect(lines).toHaveLength(6);
  expect(lines.every((line) => line.length <= 20)).toBe(true);
  expect(lines[0]).toBe('run-4  #4  running >');
  expect(lines[5]).toBe('... 7 more lines');
});

test('a pause, a completed run, a silent workflow, and a reason that would paint the screen', () => {
  const screen = (change: Partial<Progress>): string =>
    progressScreen({ ...progress, ...change }, { columns: 120, rows: 40 }, now);
  expect(screen({ phase: 'paused', paused_at: '2025-01-31T11:30:00' })).toContain('the clock stands still');
  const closed = screen({ status: 'completed', phase: 'completed', closed_at: '2025-01-31T13:01:01' });
  expect(closed).toContain('completed  closed 2025-01-31T13:01:01');
  expect(screen({ reason: null })).toContain('cannot be asked');
  expect(screen({ reason: '\x1b[2Jhi' })).toContain('why    \\u001b[2Jhi');
  expect(screen({ total: 0, miners: [], validators: [] })).toContain('no miner is in this run yet');
});

test('times', () => {
  expect([clockText(0), clockText(-5), clockText(59.9), clockText(360_000)]).toEqual([
    '0:00:00',
    '0:00:00',
    '0:00:59',
    '100:00:00',
  ]);
  expect(secondsUntil('2025-01-31T12:00:01.500000', now)).toBe(1.5);
  expect(secondsUntil('soon', now)).toBeNull();
  expect(agoText('2025-01-31T11:57:00', now)).toBe('3 min ago');
  expect(agoText('2025-01-31T02:00:00', now)).toBe('10 h ago');
  expect(agoText('2025-01-31T12:00:30', now)).toBe('0 s ago');
});
