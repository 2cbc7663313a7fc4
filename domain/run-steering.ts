/**
 * Steering a run: what an order says, and what it does to the run. The workflow carries orders out with these rules, the
 * API tells with the same rules what an order would do.
 */
import { cleanText, readSender, type Sender } from './orders';
import type { RunPhase } from './status';

export const STEER_ACTIONS = ['pause', 'resume', 'open', 'close', 'extend', 'retry'] as const;
export type SteerAction = (typeof STEER_ACTIONS)[number];

/** Longest that a run can be extended at once, in seconds. */
export const MAX_EXTENSION_SECONDS = 366 * 86_400;
/** An order as it was understood. */
export interface SteerOrder extends Sender {
  action: SteerAction;
  /** For `close`. */
  mode: 'now' | 'drain';
  /** For `extend`: by how much, in seconds, or until when, in epoch milliseconds. */
  seconds: number | null;
  until: number | null;
  /** Why it cannot be carried out as it was sent; null when it can. */
  problem: string | null;
}

/** What an order is decided on. Times are epoch milliseconds. */
export interface SteerableRun {
  phase: RunPhase;
  startsAt: number;
  endsAt: number;
  /** When the clock was stopped, null while it runs. */
  pausedAt: number | null;
  /** True once a scheduled run was told to open. */
  opened: boolean;
  closing: 'now' | 'drain' | null;
  /** The step that keeps failing, null when none does. */
  stuckStep: string | null;
}

export type SteerOutcome = 'applied' | 'unchanged' | 'refused';

export interface SteerVerdict {
  outcome: SteerOutcome;
  message: string;
  /** What becomes of the run; empty unless applied. */
  change: Partial<Pick<SteerableRun, 'phase' | 'startsAt' | 'endsAt' | 'pausedAt' | 'opened' | 'closing'>>;
}

/**
 * Reads an order as anybody may send it: nothing, a bare reason, a bare number of seconds, or an object with any of
 * `id`, `actor`, `via`, `reason`, `mode`, `seconds`, `until`. What is missing has a default; what makes no sense is named
 * in `problem`. Never throws, whatever is sent.
 */
export function readOrder(action: SteerAction, sent: unknown): SteerOrder {
  const order: SteerOrder = {
    ...readSender(sent),
    action,
    mode: 'drain',
    seconds: null,
    until: null,
    problem: null,
  };
  if (typeof sent === 'string') {
    const number = action === 'extend' && sent.trim() !== '' ? Number(sent) : NaN;
    if (Number.isFinite(number)) Object.assign(order, { seconds: number, reason: '' });
  } else if (typeof sent === 'number') {
    if (action === 'extend') order.seconds = sent;
    else order.problem = `a bare number means nothing to ${action}`;
  } else if (typeof sent === 'object' && sent !== null && !Array.isArray(sent)) {
    readFields(order, sent as Record<string, unknown>);
  } else if (sent !== undefined && sent !== null) {
    order.problem = `${Array.isArray(sent) ? 'a list' : `a ${typeof sent}`} is not an order; send an object or nothing`;
  }
  if (order.problem === null && action === 'extend') order.problem = extensionProblem(order);
  return order;
}

function readFields(order: SteerOrder, sent: Record<string, unknown>): void {
  if (order.action === 'close' && sent.mode !== undefined && sent.mode !== null) {
    if (sent.mode === 'now' || sent.mode === 'drain') order.mode = sent.mode;
    else order.problem = `mode is "now" or "drain", not ${shown(sent.mode)}`;
  }
  if (order.action !== 'extend') return;
  if (sent.seconds !== undefined && sent.seconds !== null) {
    const seconds = typeof sent.seconds === 'string' ? Number(sent.seconds) : sent.seconds;
    if (typeof seconds === 'number' && Number.isFinite(seconds)) order.seconds = seconds;
    else order.problem = `seconds is a number, not ${shown(sent.seconds)}`;
  }
  if (sent.until !== undefined && sent.until !== null) {
    const until = typeof sent.until === 'number' ? sent.until : Date.parse(String(sent.until));
    if (Number.isFinite(until)) order.until = until;
    else order.problem = `until is an ISO time, not ${shown(sent.until)}`;
  }
}

function shown(value: unknown): string {
  return cleanText(JSON.stringify(value) ?? typeof value, 80);
}

function extensionProblem({ seconds, until }: SteerOrder): string | null {
  if ((seconds === null) === (until === null)) {
    return 'extend needs either seconds (by how much) or until (an ISO time)';
  }
  if (seconds !== null && (seconds <= 0 || seconds > MAX_EXTENSION_SECONDS)) {
    return `seconds must be above 0 and at most ${MAX_EXTENSION_SECONDS}`;
  }
  return null;
}

const OPEN_PHASES: readonly RunPhase[] = ['opening', 'deploying', 'running', 'paused'];
const CLOSING_PHASES: readonly RunPhase[] = ['draining', 'aggregating', 'publishing'];

/**
 * Decides an order on a run as it stands: applied, already so, or refused, with the reason. Nothing is changed here.
 * @param now epoch milliseconds
 */
export function decideOrder(run: SteerableRun, order: SteerOrder, now: number): SteerVerdict {
  if (order.problem !== null) return refused(order.problem);
  switch (order.action) {
    case 'pause':
      return decidePause(run, now);
    case 'resume':
      return decideResume(run, now);
    case 'open':
      return decideOpen(run, now);
    case 'close':
      return decideClose(run, order.mode);
    case 'extend':
      return decideExtend(run, order, now);
    case 'retry':
      return run.stuckStep === null
        ? refused('no step is stuck; there is nothing to try again')
        : applied(`${run.stuckStep} is tried again now`, {});
  }
}

function decidePause(run: SteerableRun, now: number): SteerVerdict {
  if (run.pausedAt !== null) return unchanged('the run is paused already');
  if (run.closing !== null || !OPEN_PHASES.includes(run.phase)) {
    return refused(`the run is ${phaseOf(run)}; only a run that is open and not closing can be paused`);
  }
  return applied('paused: no new claims, running leases finish, the clock stands still', {
    pausedAt: now,
    ...(run.phase === 'running' ? { phase: 'paused' as const } : {}),
  });
}

function decideResume(run: SteerableRun, now: number): SteerVerdict {
  if (run.closing !== null || !OPEN_PHASES.includes(run.phase)) {
    return refused(`the run is ${phaseOf(run)}; only a paused run can be resumed`);
  }
  if (run.pausedAt === null) return unchanged('the run is not paused');
  const endsAt = run.endsAt + Math.max(0, now - run.pausedAt);
  return applied(`resumed; it closes at ${iso(endsAt)}`, {
    pausedAt: null,
    endsAt,
    ...(run.phase === 'paused' ? { phase: 'running' as const } : {}),
  });
}

function decideOpen(run: SteerableRun, now: number): SteerVerdict {
  if (run.phase !== 'scheduled' || run.opened) {
    return run.phase === 'completed' || CLOSING_PHASES.includes(run.phase)
      ? refused(`the run is ${run.phase} already`)
      : unchanged('the run is open already');
  }
  // Opened by hand, the whole length counts from now.
  return applied('opening now', { opened: true, startsAt: now, endsAt: now + (run.endsAt - run.startsAt) });
}

function decideClose(run: SteerableRun, mode: 'now' | 'drain'): SteerVerdict {
  if (run.phase === 'completed') return unchanged('the run is completed already');
  if (run.phase === 'scheduled') return refused('the run is not open yet');
  const draining = run.closing === 'drain' || (run.closing === null && run.phase === 'draining');
  if (mode === 'now' && draining && run.phase !== 'aggregating' && run.phase !== 'publishing') {
    return applied('closing now instead of waiting for running leases', { closing: 'now' });
  }
  if (run.closing !== null || CLOSING_PHASES.includes(run.phase)) {
    return unchanged(`the run is closing already (${run.phase})`);
  }
  return applied(
    mode === 'now' ? 'closing; what is claimed expires' : 'closing once running leases have finished',
    { closing: mode },
  );
}

function decideExtend(run: SteerableRun, order: SteerOrder, now: number): SteerVerdict {
  if (run.closing !== null || (run.phase !== 'scheduled' && !OPEN_PHASES.includes(run.phase))) {
    return refused(`the run is ${phaseOf(run)}; only a run that is not closing yet can be extended`);
  }
  const endsAt = order.until ?? run.endsAt + (order.seconds ?? 0) * 1000;
  if (endsAt === run.endsAt) return unchanged(`the run closes at ${iso(endsAt)} already`);
  if (endsAt < run.endsAt) return refused(`${iso(endsAt)} is before its end, ${iso(run.endsAt)}`);
  if (endsAt - Math.max(now, run.endsAt) > MAX_EXTENSION_SECONDS * 1000) {
    return refused(`a run can be extended by at most ${MAX_EXTENSION_SECONDS} s at once`);
  }
  return applied(`it closes at ${iso(endsAt)}`, { endsAt });
}

function phaseOf(run: SteerableRun): string {
  return run.closing !== null && OPEN_PHASES.includes(run.phase) ? 'closing' : run.phase;
}

const iso = (ms: number): string => new Date(ms).toISOString();
const applied = (message: string, change: SteerVerdict['change']): SteerVerdict => ({
  outcome: 'applied',
  message,
  change,
});
const unchanged = (message: string): SteerVerdict => ({ outcome: 'unchanged', message, change: {} });
const refused = (message: string): SteerVerdict => ({ outcome: 'refused', message, change: {} });
