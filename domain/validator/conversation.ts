/** What a miner is asked, turn by turn (evaluation.md 2.4, decision 13: it sees past turns only). */
import { MAX_CONTENT_BYTES, MAX_HISTORY } from '../contracts/invocation';
import { modeOf, type ScriptedTurn, type TaskPayload } from './task';

export interface Message {
  role: 'user' | 'assistant';
  content: string;
}

/** One step of a task: either a scripted exchange that is only remembered, or a question to the miner. */
export type PlannedTurn =
  { kind: 'scripted'; user: string; assistant: string } | { kind: 'live'; turnId: string; user: string };

/**
 * Lays out a task's turns. A turn with a scripted reply is not asked, except the last, whose reply would be the answer.
 * A task without turns is one question with the task's id.
 */
export function planTurns(taskId: string, payload: TaskPayload): PlannedTurn[] {
  const turns = payload.turns ?? [];
  if (turns.length === 0) return [{ kind: 'live', turnId: taskId, user: payload.prompt }];
  return turns.map((turn, index): PlannedTurn => {
    const scripted = index < turns.length - 1 && turn.assistant != null && turn.assistant !== '';
    return scripted
      ? { kind: 'scripted', user: turn.user, assistant: turn.assistant as string }
      : { kind: 'live', turnId: `${taskId}-t${index}`, user: turn.user };
  });
}

/** Body of an invocation as it goes over the wire. */
export interface InvocationBody {
  turn_id: string;
  prompt: string;
  mode: string;
  web_search: boolean;
  history: Message[];
  inputs: Record<string, unknown>;
  turns?: ScriptedTurn[];
  task_id?: string;
  family_id?: string;
}

/** What stays the same over the turns of one task. */
export interface InvocationContext {
  taskId: string;
  familyId: string;
  payload: TaskPayload;
  /** Leaves `task_id` and `family_id` out (`EIREL_VALIDATOR_SLIM_ONLY`). */
  slim: boolean;
}

/**
 * Body of one turn. `expected_output`, `category` and `metadata` of the task are never in it, and of the script only
 * the turns before this one.
 * @param history the exchanges so far, oldest first; past the contract's limit the oldest are left out
 */
export function invocationBody(
  context: InvocationContext,
  turn: { turnId: string; user: string },
  history: readonly Message[],
): InvocationBody {
  const { payload } = context;
  const mode = modeOf(payload);
  const webSearch = webSearchOf(payload);
  const inputs: Record<string, unknown> = { ...(payload.inputs ?? {}) };
  inputs.mode ??= mode;
  inputs.web_search ??= webSearch;
  const kept = history.slice(-MAX_HISTORY).map(({ role, content }) => ({ role, content: clip(content) }));
  const past = pastTurns(kept);
  return {
    turn_id: turn.turnId,
    prompt: turn.user,
    mode,
    web_search: webSearch,
    history: kept,
    inputs,
    ...(past.length > 0 ? { turns: past } : {}),
    ...(context.slim ? {} : { task_id: context.taskId, family_id: context.familyId }),
  };
}

/** Whether the miner may search: the task's own flag, else whether its older tool list names web search. */
export function webSearchOf(payload: TaskPayload): boolean {
  return payload.web_search ?? payload.allowed_tools?.includes('web_search') ?? false;
}

function pastTurns(history: readonly Message[]): ScriptedTurn[] {
  const turns: ScriptedTurn[] = [];
  for (const { role, content } of history) {
    const open = turns.at(-1);
    if (role === 'user') turns.push({ user: content });
    else if (open && open.assistant === undefined) open.assistant = content;
  }
  // The wire's limits for turns are tighter than for history: what does not fit is left to the history alone.
  return turns.every(({ user, assistant }) => fitsTurn(user, 1) && fitsTurn(assistant ?? '', 0)) ? turns : [];
}

function fitsTurn(text: string, min: number): boolean {
  const { length } = [...text];
  return length >= min && length <= 10_000;
}

/** Cuts a message to the contract's byte limit, never inside a character. */
function clip(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= MAX_CONTENT_BYTES) return text;
  let end = MAX_CONTENT_BYTES;
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString('utf8');
}

/**
 * The question as the judges see it. A conversation is shown as its script, `USER:` and `ASSISTANT:` lines with the last
 * user line at the end. What the miner said in earlier turns is left out on purpose: it stands outside the markers that
 * fence untrusted text, and would let a miner talk to the judge.
 */
export function judgeQuestion(payload: TaskPayload): string {
  const turns = payload.turns ?? [];
  if (turns.length === 0) return payload.prompt;
  const lines = turns.flatMap((turn, index) => {
    const last = index === turns.length - 1;
    return last || !turn.assistant
      ? [`USER: ${turn.user}`]
      : [`USER: ${turn.user}`, `ASSISTANT: ${turn.assistant}`];
  });
  return lines.join('\n');
}

/** The last thing the user asked: the last turn, or the prompt. */
export function lastQuestion(payload: TaskPayload): string {
  return payload.turns?.at(-1)?.user ?? payload.prompt;
}
