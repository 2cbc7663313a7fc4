import type { JudgeBundle } from '../../domain/contracts/judge';
import { fence, neutralise } from '../../domain/prompts/fence';

/** Context that a judgement may take in, in tokens of four JSON characters (evaluation.md 4.1). */
export const CONTEXT_BUDGET_TOKENS = 8000;

/** Tokens that a value takes: JSON characters divided by four, rounded down. */
export function jsonTokens(value: unknown): number {
  return Math.floor((JSON.stringify(value)?.length ?? 0) / 4);
}

/**
 * The context of a judgement, fenced. The question, and what `always` holds (the answers, constraints), go in whatever
 * they take; then the optional parts in a fixed order, each whole or not at all, and a later one is still tried
 * where an earlier one was too big.
 * @param bundle as the request has it
 * @param always the rest of the envelope, which counts against the budget
 * @param withDocument whether the full attached document may be shown; only `eval` judges by it
 */
export function contextOf(
  bundle: JudgeBundle,
  always: Readonly<Record<string, unknown>>,
  withDocument: boolean,
): Record<string, unknown> {
  const envelope: Record<string, unknown> = { ...always, question: fence('QUESTION', bundle.question) };
  if (bundle.constraints) envelope.constraints = neutralise(bundle.constraints);
  let left = CONTEXT_BUDGET_TOKENS - jsonTokens(envelope);
  const offer = (key: string, value: string | null) => {
    if (value === null) return;
    const size = jsonTokens(value);
    if (size > left) return;
    envelope[key] = value;
    left -= size;
  };
  offer('attached_summary', fenced('DOCUMENT', bundle.attached_summary));
  offer('conversation_summary', fenced('CONVERSATION', bundle.conversation_summary));
  const recent = bundle.conversation_recent.length > 0 ? JSON.stringify(bundle.conversation_recent) : null;
  offer('conversation_recent', fenced('CONVERSATION', recent));
  if (withDocument) offer('attached_full', fenced('DOCUMENT', bundle.attached_full));
  return envelope;
}

function fenced(name: 'DOCUMENT' | 'CONVERSATION', text: string | null | undefined): string | null {
  return text ? fence(name, text) : null;
}
