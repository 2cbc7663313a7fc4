/** What the oracles and the reconciler are asked about a task (evaluation.md 3.2 and 3.4). */
import { canonicalJson } from '../evidence/canonical';
import { fence, neutralise } from '../prompts/fence';
import { cleanJson, cleanText, isObject } from '../tasks/clean-json';
import type { Grounding } from './record';

/** The part of a frozen task that the oracle layer works from. */
export interface OracleQuestion {
  /** User message for the oracles: key-sorted JSON. */
  content: string;
  /** The question alone, for the reconciler. */
  prompt: string;
  webSearch: boolean;
  /** Claims that the task itself forbids. */
  floor: string[];
}

/** Reads a task's payload; what is missing or of another type is left out. */
export function oracleQuestion(payload: Readonly<Record<string, unknown>>): OracleQuestion {
  const expected = isObject(payload.expected_output) ? payload.expected_output : {};
  const metadata = isObject(payload.metadata) ? payload.metadata : {};
  const prompt = textOf(payload.prompt);
  const turns = Array.isArray(payload.turns) ? payload.turns : [];
  const document = textOf(expected.attached_document);
  const category = textOf(payload.category);
  const floor = Array.isArray(expected.must_not_claim) ? expected.must_not_claim : [];
  return {
    content: canonicalJson({
      prompt,
      ...(turns.length > 0 ? { conversation_recent: cleanJson(turns) } : {}),
      ...(document ? { attached_document: document } : {}),
      ...(category ? { category } : {}),
    }),
    prompt: lastUserTurn(turns) ?? prompt,
    webSearch: payload.web_search === true || metadata.web_search === true,
    floor: [...new Set(floor.filter((item): item is string => typeof item === 'string'))],
  };
}

/** User message for the reconciler: the usable answers, each fenced, since an answer may quote a hostile page. */
export function reconcilerContent(prompt: string, answers: readonly Grounding[]): string {
  return canonicalJson({
    user_prompt: neutralise(prompt),
    oracle_answers: answers.map(({ vendor, answer }) => ({ vendor, answer: fence('ORACLE_ANSWER', answer) })),
  });
}

function lastUserTurn(turns: readonly unknown[]): string | null {
  const last = turns.at(-1);
  return isObject(last) && typeof last.user === 'string' && last.user.trim() ? cleanText(last.user) : null;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? cleanText(value) : '';
}
