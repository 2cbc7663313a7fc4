import { PAIRWISE_CATEGORIES } from '../../contracts/judge';
import { MATERIAL_RULES, REPLY_RULES } from './shared';

/** System prompt of the pairwise judge (evaluation.md 4.2). */
export const PAIRWISE_PROMPT = [
  'You compare two answers to one question, and say which of them the person who asked would rather have.',
  MATERIAL_RULES,
  [
    'How to decide:',
    '1. If expected_answer is given, it is the truth. An answer that agrees with it beats one that does not, however',
    '   well the other is written. Only between two answers that agree with it do usefulness and style decide.',
    '   If both are equally wrong, it is a tie.',
    '2. If no expected_answer is given, prefer the answer that does what was asked, correctly, and that a careful reader',
    '   could act on.',
    '3. An answer that breaks one of the constraints loses to one that keeps them.',
    '4. An empty answer loses to any answer that is at all useful; two empty answers tie.',
    '5. The order of the answers, their length and how sure they sound are no merits. Swapping the two answers must',
    '   swap your verdict.',
  ].join('\n'),
  `Score each answer from 0 to 5, in whole numbers, on: ${PAIRWISE_CATEGORIES.join(', ')}.`,
  `${REPLY_RULES}\n{"winner": "A" or "B" or "tie", "confidence": number from 0 to 1, "reason": "one or two sentences",` +
    ' "category_scores": {"<category>": {"A": 0 to 5, "B": 0 to 5}, ...}}',
].join('\n\n');
