/**
 * Fences around text that somebody else wrote. The judge model is told to take what stands between the markers as
 * material only; so nothing inside may look like a marker, or an answer could end its own fence and go on in the
 * judge's voice.
 */

/** What a fenced text is; the name stands in its markers. */
export type FenceName =
  | 'ANSWER_A'
  | 'ANSWER_B'
  | 'CANDIDATE_RESPONSE'
  | 'CITATIONS'
  | 'CONVERSATION'
  | 'DOCUMENT'
  | 'EXPECTED_ANSWER'
  | 'ORACLE_ANSWER'
  | 'QUESTION';

/** Longest answer shown to the judge model, in characters; of a longer one the middle is left out. */
export const ANSWER_MAX_CHARS = 48_000;

// Any bracket that reads as < or >, three or more of them, whatever invisible characters stand between.
const INVISIBLE =
  '[\\u00ad\\u034f\\u061c\\u180b-\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufe00-\\ufe0f\\ufeff]*';
const OPENING = run('<\\uff1c\\ufe64\\u2039\\u276e\\u276c\\u3008\\u27e8');
const CLOSING = run('>\\uff1e\\ufe65\\u203a\\u276f\\u276d\\u3009\\u27e9');

/**
 * Makes a text safe to stand in a fence: runs of three or more angle brackets, which only a marker needs, become round
 * ones, and unpaired surrogates become the replacement character.
 */
export function neutralise(text: string): string {
  return wellFormed(text)
    .replace(OPENING, (found) => '('.repeat(Math.min(brackets(found), 3)))
    .replace(CLOSING, (found) => ')'.repeat(Math.min(brackets(found), 3)));
}

/** A text between its markers, made safe. */
export function fence(name: FenceName, text: string): string {
  return `<<<${name}_BEGIN>>>\n${neutralise(text)}\n<<<${name}_END>>>`;
}

/** An answer for fencing: one that is too long keeps its beginning and its end, and says what was left out. */
export function shorten(answer: string): string {
  if (answer.length <= ANSWER_MAX_CHARS) return answer;
  const half = ANSWER_MAX_CHARS / 2;
  const left = answer.length - ANSWER_MAX_CHARS;
  return `${answer.slice(0, half)}\n[${left} characters left out]\n${answer.slice(-half)}`;
}

/** Replaces unpaired surrogates, which JSON can carry and canonical JSON cannot. */
export function wellFormed(text: string): string {
  return text.replace(/[\ud800-\udfff]/gu, '\ufffd');
}

function run(characters: string): RegExp {
  return new RegExp(`(?:[${characters}]${INVISIBLE}){3,}`, 'gu');
}

function brackets(found: string): number {
  return [...found].filter((char) => !new RegExp(`^${INVISIBLE}$`, 'u').test(char)).length;
}
