import { EVAL_OUTCOMES, FAILURE_MODES, GUIDANCE_MAX_CHARS } from '../../contracts/judge';
import { MATERIAL_RULES, REPLY_RULES } from './shared';

const RULES = [
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
];

const OUTCOME_SHAPE = EVAL_OUTCOMES.map((outcome) => `"${outcome}"`).join(' or ');
const SHAPE = `"outcome": ${OUTCOME_SHAPE}, "failure_mode": one of the failure modes or null, "guidance": "text"`;

/** System prompt of the judge of outcomes (evaluation.md 4.4). */
export const EVAL_PROMPT = [...RULES, `${REPLY_RULES}\n{${SHAPE}}`].join('\n\n');

/** The same, asked in addition which lines of the expected answer are missing. */
export const EVAL_PROMPT_WITH_CLAIMS = [
  ...RULES,
  'Each line of expected_answer is one claim. missing_claims lists the numbers, from 1, of the claims that the answer does ' +
    'not make in any words; an empty list when it makes all of them.',
  `${REPLY_RULES}\n{${SHAPE}, "missing_claims": [numbers]}`,
].join('\n\n');
