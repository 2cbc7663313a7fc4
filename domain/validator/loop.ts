/** What the validator's loop keeps and decides, apart from doing it: pure, so that it replays. */
import type { FamilyId } from '../status';

/** How a task ended for this validator: `rejected` when the owner refused the result, `lost` when the lease was over. */
export const TASK_ENDINGS = ['submitted', 'released', 'lost', 'rejected'] as const;
export type TaskEnding = (typeof TASK_ENDINGS)[number];

/** Why a task is given back unjudged. */
export type ReleaseCause = 'no_miners' | 'judge' | 'oracles' | 'unreadable' | 'rejected' | 'error';

/** Settings that the loop itself runs by; times in seconds. Everything else is the activities' own. */
export interface LoopSettings {
  families: FamilyId[];
  /** Tasks asked for in one claim. */
  batchSize: number;
  /** Tasks under way at once. */
  maxParallel: number;
  pollSeconds: number;
  /** Longest that one task is worked on. */
  taskCapSeconds: number;
  /** Off: nothing is claimed, weights are still looked after. */
  claims: boolean;
  /** null: this validator publishes no weights. */
  weights: { netuid: number; intervalSeconds: number; pollSeconds: number } | null;
}

/** One leased task, small enough for a workflow's history; what is in it lies in the validator's journal. */
export interface TaskTicket {
  taskEvaluationId: string;
  taskId: string;
  runId: string;
  familyId: string;
  /** Number of the lease, null from an owner that gives none. */
  fencing: number | null;
  /** Key under which the claim is answered again, should the journal be lost. */
  claimKey: string;
  miners: number;
  /** ISO times. */
  claimedAt: string;
  leaseEndsAt: string;
}

/** What a claim came to. */
export interface ClaimAnswer {
  tickets: TaskTicket[];
  /** Why there is nothing to do, in words; null when something was claimed. */
  waiting: string | null;
}

/** What working on a task came to; the results themselves lie in the journal. */
export type Evaluated =
  /** `judged` entries are to be submitted, `leftOut` miners go back to the pool. */
  | { kind: 'judged'; judged: number; leftOut: number }
  | { kind: 'give_back'; cause: ReleaseCause; reason: string }
  | { kind: 'lost'; reason: string };

/** What submitting or giving back came to. */
export interface Delivered {
  ending: TaskEnding;
  reason: string | null;
}

/** Where the validator's weights stand. */
export interface PublicationMemory {
  /** Run that was published last, null before the first. */
  runId: string | null;
  /** When its interval 0 was begun, ms since the epoch. */
  firstStartedAt: number;
  interval: number;
}

/** What is carried over when the loop continues as new. */
export interface LoopMemory {
  /** Names claims apart; grows by one with every claim that got something. */
  claims: number;
  /** Scope of the claim keys: the loop's first execution. */
  keyScope: string;
  paused: PauseNote | null;
  ended: Record<TaskEnding, number>;
  /** Tasks in a row that came to nothing through no miner's fault. */
  fruitlessInARow: number;
  /** Until when claiming pauses by itself, ms since the epoch. */
  coolUntil: number;
  lastClaimAt: string | null;
  lastError: { message: string; at: string } | null;
  publication: PublicationMemory;
}

export interface PauseNote {
  reason: string;
  since: string;
}

const MAX_COOL_DOWN_SECONDS = 600;

export function emptyMemory(keyScope: string): LoopMemory {
  return {
    claims: 0,
    keyScope,
    paused: null,
    ended: { submitted: 0, released: 0, lost: 0, rejected: 0 },
    fruitlessInARow: 0,
    coolUntil: 0,
    lastClaimAt: null,
    lastError: null,
    publication: { runId: null, firstStartedAt: 0, interval: 0 },
  };
}

/** The key of the claim that comes next: the same until it got something, so that a claim whose answer was lost is found. */
export function claimKeyOf(memory: LoopMemory): string {
  return `${memory.keyScope}.${memory.claims}`;
}

/**
 * Whether the work on a task came to nothing, through our side or the owner's. It would be claimed again at once, and use
 * up the attempts that a task has while the cause lasts.
 */
export function isFruitless(evaluated: Evaluated, delivered: Delivered | null): boolean {
  if (delivered?.ending === 'rejected') return true;
  if (evaluated.kind === 'judged') return evaluated.judged === 0;
  return (
    evaluated.kind === 'give_back' && ['judge', 'oracles', 'error', 'unreadable'].includes(evaluated.cause)
  );
}

/**
 * Counts an ending, and decides how long claiming pauses for it: doubling with every fruitless task in a row, until
 * something is judged again.
 * @returns seconds of the pause that this ending begins, 0 for none
 */
export function countEnding(
  memory: LoopMemory,
  ending: TaskEnding,
  fruitless: boolean,
  pollSeconds: number,
  now: number,
): number {
  memory.ended[ending] += 1;
  if (!fruitless) {
    if (ending === 'submitted') {
      memory.fruitlessInARow = 0;
      memory.coolUntil = 0;
    }
    return 0;
  }
  const seconds = Math.min(MAX_COOL_DOWN_SECONDS, pollSeconds * 2 ** memory.fruitlessInARow);
  memory.fruitlessInARow += 1;
  memory.coolUntil = now + seconds * 1000;
  return seconds;
}

/** Longest time that a pending attempt of an activity may be silent, by the length of the lease it works under. */
export function silenceAllowedMs(ticket: TaskTicket): number {
  const lease = Date.parse(ticket.leaseEndsAt) - Date.parse(ticket.claimedAt);
  // A third of the lease leaves the next attempt time to extend it. An hour's lease needs no slower notice than this.
  return Math.round(Math.min(60_000, Math.max(4_000, lease / 3)));
}
