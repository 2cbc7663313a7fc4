import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { hashOf, normalise } from './text';

const taskSchema = z.object({
  task_id: z.string(),
  prompt: z.string(),
  turns: z.array(z.object({ user: z.string(), assistant: z.string().nullish() })).nullish(),
  expected_output: z
    .looseObject({ answer: z.string().optional(), must_not_claim: z.array(z.string()).optional() })
    .optional(),
  /** What models answer where the task has no fixed answer. */
  known_to_models: z.string().optional(),
  /** What each oracle answers where they do not all say the same. */
  oracle_answers: z.record(z.string(), z.string()).optional(),
});
const fileSchema = z.object({ tasks: z.array(taskSchema) });

/** What the model knows about one question. */
export interface Fact {
  id: string;
  /** The question, normalised. */
  question: string;
  answer: string;
  /** Tempting untruths about it. */
  untruths: string[];
  /** By oracle: openai, gemini, grok. */
  oracles: Record<string, string>;
}

/**
 * Reads an evaluation bundle or pool as the knowledge of a model.
 * @throws Error that names the file when it cannot be read or has another shape
 */
export function loadKnowledge(path: string): Fact[] {
  let parsed: z.infer<typeof fileSchema>;
  try {
    parsed = fileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new Error(
      `${path} is not a dataset of tasks: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  return parsed.tasks.flatMap((task) => {
    const answer = task.expected_output?.answer ?? task.known_to_models;
    if (!answer) return [];
    const questions = new Set([task.prompt, task.turns?.at(-1)?.user ?? task.prompt].map(normalise));
    return [...questions].filter(Boolean).map((question) => ({
      id: task.task_id,
      question,
      answer,
      untruths: task.expected_output?.must_not_claim ?? [],
      oracles: task.oracle_answers ?? {},
    }));
  });
}

/** The fact whose question is the longest of those that the text contains. */
export function findFact(facts: readonly Fact[], text: string): Fact | null {
  const asked = ` ${normalise(text)} `;
  let best: Fact | null = null;
  for (const fact of facts) {
    if (asked.includes(` ${fact.question} `) && fact.question.length > (best?.question.length ?? 0))
      best = fact;
  }
  return best;
}

const STEADY =
  'I went through what the question gives and through what is known about it, and the two agree.';
const UNSURE = 'I am going by memory here and did not check it again.';
const UNKNOWN =
  'Understood. I have no record of my own about this, so I would rather not guess; tell me more, and I will use it.';

const WANTS_NO_MORE = /\b(nothing else|(number|name) only|single word|one word)\b/i;

/** How many of three questions a model of this name gets wrong: `-small` one, `-tiny` two, others none. */
function weaknessOf(model: string): number {
  if (/-small$/i.test(model)) return 1;
  return /-tiny$/i.test(model) ? 2 : 0;
}

/** What a model of this name answers to a text; the same every time. */
export function answerTo(facts: readonly Fact[], model: string, text: string): string {
  const fact = findFact(facts, text);
  if (!fact) return UNKNOWN;
  const wrong = hashOf(`${model}|${fact.id}`) % 3 < weaknessOf(model);
  const answer = wrong ? mistake(facts, fact) : fact.answer;
  if (WANTS_NO_MORE.test(text)) return answer;
  return `${answer}\n\n${wrong ? UNSURE : STEADY}`;
}

/** A plausible wrong answer: a known untruth, else the right one with its figures off, else that of another question. */
function mistake(facts: readonly Fact[], fact: Fact): string {
  if (fact.untruths[0]) return fact.untruths[0];
  const figures = fact.answer.replace(/\d+/g, (digits) => String(Number(digits) + 7));
  if (figures !== fact.answer) return figures;
  const others = facts.filter((other) => normalise(other.answer) !== normalise(fact.answer));
  return others[hashOf(fact.id) % Math.max(1, others.length)]?.answer ?? 'Nobody has found that out yet.';
}
