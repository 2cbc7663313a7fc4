/** A run's progress as text: one screen for a terminal, one line for a log. */
import type { Schema } from '../adapters/owner-api';
import { cell, printable, table } from './output';
import { agoText, clockText, secondsUntil } from './time';

export type Progress = Schema<'RunProgress'>;

export interface Screen {
  columns: number;
  rows: number;
}

const BAR = 30;

const short = (hotkey: string): string =>
  hotkey.length > 14 ? `${hotkey.slice(0, 6)}...${hotkey.slice(-4)}` : hotkey;

/** Tasks that nobody has to work on any more. */
function settled(progress: Progress): number {
  const { evaluated, expired, unscored } = progress.tasks;
  return evaluated + expired + unscored;
}

function remainingText(progress: Progress): string {
  if (progress.status === 'completed') return `closed ${progress.closed_at ?? ''}`.trim();
  const left = `${clockText(progress.remaining_seconds)} left`;
  return progress.paused_at ? `${left}, the clock stands still` : left;
}

/** One line, without the time of day. */
export function progressLine(progress: Progress): string {
  const { pending, claimed, expired, unscored } = progress.tasks;
  const leases = progress.leases.length;
  const parts = [
    `${progress.run_id} ${progress.phase}`,
    `${settled(progress)}/${progress.total} settled`,
    `${pending} pending`,
    `${claimed} claimed`,
    ...(expired > 0 ? [`${expired} expired`] : []),
    ...(unscored > 0 ? [`${unscored} unscored`] : []),
    `${leases} ${leases === 1 ? 'lease' : 'leases'}`,
  ];
  return printable(parts.join(', ')).replace(/[\n\t]/g, ' ');
}

/**
 * One screen.
 * @param screen size of the terminal; longer lines are cut, and what does not fit below is counted
 */
export function progressScreen(progress: Progress, screen: Screen, now: Date): string {
  const { tasks, total } = progress;
  const done = settled(progress);
  const filled = total === 0 ? 0 : Math.round((done / total) * BAR);
  const blocks = [
    [
      `${cell(progress.run_id)}  #${progress.sequence}  ${cell(progress.phase)}  ${remainingText(progress)}`,
      `why    ${cell(progress.reason ?? 'the workflow of this run cannot be asked at the moment')}`,
      ...(progress.stuck ? [stuckText(progress.stuck, now)] : []),
      `tasks  [${'#'.repeat(filled)}${'.'.repeat(BAR - filled)}] ${done}/${total}` +
        `  pending ${tasks.pending}  claimed ${tasks.claimed}  evaluated ${tasks.evaluated}` +
        `  expired ${tasks.expired}  unscored ${tasks.unscored}`,
      ...oraclesText(progress),
      spendText(progress),
    ].join('\n'),
    validatorsText(progress, now),
    minersText(progress),
  ];
  return fit(blocks.join('\n\n').split('\n'), screen).join('\n');
}

function stuckText(stuck: NonNullable<Progress['stuck']>, now: Date): string {
  const next = secondsUntil(stuck.next_attempt, now);
  const when = next === null || next <= 0 ? 'now' : `in ${clockText(next)}`;
  return (
    `stuck  ${cell(stuck.step)} has failed ${stuck.failures} times and is tried again ${when}; ` +
    '`eirel-ai admin stuck` says why, `run retry` tries now'
  );
}

/** No line where every task has a fixed answer. */
function oraclesText({ oracles }: Progress): string[] {
  const { pending, ready, failed } = oracles;
  const all = pending + ready + failed;
  if (all === 0) return [];
  const hint = failed > 0 ? '  (`eirel-ai enrichments list` says why)' : '';
  return [`oracles  ${ready}/${all} settled  pending ${pending}  failed ${failed}${hint}`];
}

function spendText({ spend }: Progress): string {
  const usd = (value: number): string => `$${value.toFixed(2)}`;
  const { models_usd, tools_usd, oracles_usd, judges_usd, refused_calls } = spend;
  const total = models_usd + tools_usd + oracles_usd + judges_usd;
  const refused = refused_calls > 0 ? `  ${refused_calls} calls refused: budget used up` : '';
  return (
    `spend  ${usd(total)}  models ${usd(models_usd)}  tools ${usd(tools_usd)}` +
    `  oracles ${usd(oracles_usd)}  judges ${usd(judges_usd)}${refused}`
  );
}

function validatorsText(progress: Progress, now: Date): string {
  if (progress.validators.length === 0) return 'no validator has claimed a task yet';
  const nextExpiry = (hotkey: string): string => {
    const times = progress.leases
      .filter((lease) => lease.validator_hotkey === hotkey)
      .map((lease) => secondsUntil(lease.expires_at, now))
      .filter((seconds) => seconds !== null);
    return times.length === 0 ? '-' : clockText(Math.min(...times));
  };
  return table(progress.validators, [
    { head: 'VALIDATOR', value: (row) => short(row.validator_hotkey) },
    { head: 'LEASES', value: (row) => row.active_leases, right: true },
    { head: 'EXPIRES IN', value: (row) => nextExpiry(row.validator_hotkey), right: true },
    { head: 'JUDGMENTS', value: (row) => row.judgments, right: true },
    { head: 'LAST SEEN', value: (row) => agoText(row.last_seen_at, now) },
  ]);
}

function minersText(progress: Progress): string {
  if (progress.miners.length === 0) return 'no miner is in this run yet';
  return table(progress.miners, [
    { head: 'MINER', value: (row) => short(row.miner_hotkey) },
    { head: 'EVALUATED', value: (row) => row.tasks.evaluated, right: true },
    { head: 'CLAIMED', value: (row) => row.tasks.claimed, right: true },
    { head: 'PENDING', value: (row) => row.tasks.pending, right: true },
    { head: 'EXPIRED', value: (row) => row.tasks.expired, right: true },
    { head: 'UNSCORED', value: (row) => row.tasks.unscored, right: true },
    { head: 'MEAN SCORE', value: (row) => row.mean_score?.toFixed(4), right: true },
  ]);
}

function fit(lines: string[], { columns, rows }: Screen): string[] {
  const cut = lines.map((line) =>
    line.length > columns ? `${line.slice(0, Math.max(0, columns - 1))}>` : line,
  );
  if (cut.length <= rows) return cut;
  const kept = cut.slice(0, Math.max(1, rows - 1));
  return [...kept, `... ${cut.length - kept.length} more lines`];
}
