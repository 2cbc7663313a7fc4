import { EVAL_OUTCOMES, FAILURE_MODES, GUIDANCE_MAX_CHARS } from '../../contracts/judge';
import { MATERIAL_RULES, REPLY_RULES } from './shared';

/** System prompt of the judge of outcomes (evaluation.md 4.4). */
export const EVAL_PROMPT = [
  'You decide whether one answer to a question is right.',
  MATERIAL_RULES,
  [
    'Outcomes:',
    '- correct: says everything that expected_answer says, in whatever words, and nothing that contradicts it.',
    '- partial: says a good part of it, and contradicts none of it.',
    '- wrong: contradicts it, or does not answer the question.',
    '- hallucinated: states something from must_not_claim, or invents facts or sources.',
    '- refused: declines to answer although an answer was possible. Where expected_answer itself says that no answer',
    '  can be given, declining is correct.',
    '- disputed: only where oracle_source is three_oracle and the expected answer itself cannot be relied on.',
    'Restating a claim of must_not_claim in order to deny it is not stating it.',
    'If required_tool is given and the answer plainly was made without what that tool would give, the failure mode is',
    'missing_tool_use.',
  ].join('\n'),
  `Failure modes, for anything but correct: ${FAILURE_MODES.join(', ')}.`,
  `guidance is advice to the author of the answer, at most ${GUIDANCE_MAX_CHARS} characters, on how to do better on ` +
    'questions of this kind. It must not quote, paraphrase or hint at the expected answer.',
  `${REPLY_RULES}\n{"outcome": ${EVAL_OUTCOMES.map((outcome) => `"${outcome}"`).join(' or ')}, ` +
    '"failure_mode": one of the failure modes or null, "guidance": "text"}',
].join('\n\n');
