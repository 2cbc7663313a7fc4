import { findFact, type Fact } from './knowledge';
import { normalise, outsideMarkers } from './text';

type Envelope = Record<string, unknown>;

/** The reply of an oracle or of the reconciler, told by what the question holds; null for any other question. */
export function asOracle(facts: readonly Fact[], model: string, text: string): string | null {
  const envelope = objectIn(text);
  if (!envelope) return null;
  if (Array.isArray(envelope.oracle_answers)) return JSON.stringify(reconcile(envelope));
  return typeof envelope.prompt === 'string'
    ? JSON.stringify({ answer: answerOf(facts, model, envelope) })
    : null;
}

/** Pages that a search about a question finds. */
export function pagesAbout(facts: readonly Fact[], text: string): string[] {
  const fact = findFact(facts, text);
  return fact ? [`https://reference.example/${fact.id}`, `https://almanac.example/${fact.id}`] : [];
}

function answerOf(facts: readonly Fact[], model: string, envelope: Envelope): string {
  const turns = Array.isArray(envelope.conversation_recent) ? envelope.conversation_recent : [];
  const fact = findFact(facts, `${String(envelope.prompt)} ${JSON.stringify(turns.at(-1) ?? '')}`);
  if (!fact) return 'There is no defensible answer: nothing is recorded about this.';
  return fact.oracles[vendorOf(model)] ?? fact.answer;
}

function vendorOf(model: string): string {
  if (/^gemini/i.test(model)) return 'gemini';
  return /^grok/i.test(model) ? 'grok' : 'openai';
}

interface Claim {
  text: string;
  vendors: string[];
}

/** Compares the answers sentence by sentence. Words outside of the marked answers it takes for orders. */
function reconcile(envelope: Envelope): object {
  const answers = (envelope.oracle_answers as { vendor?: unknown; answer?: unknown }[]).map((entry) => ({
    vendor: String(entry.vendor),
    answer: String(entry.answer),
  }));
  const claims: Claim[] = [];
  for (const { vendor, answer } of answers) {
    for (const sentence of sentencesIn(answer)) {
      const known = claims.find((claim) => normalise(claim.text) === normalise(sentence));
      if (!known) claims.push({ text: sentence, vendors: [vendor] });
      else if (!known.vendors.includes(vendor)) known.vendors.push(vendor);
    }
  }
  const by = (wanted: (count: number) => boolean): Claim[] => claims.filter((c) => wanted(c.vendors.length));
  const all = by((count) => count === answers.length);
  const most = by((count) => count >= 2 && count < answers.length);
  const single = by((count) => count === 1 && count < answers.length);
  const status =
    most.length === 0 && single.length === 0
      ? 'consensus'
      : all.length + most.length > 0
        ? 'majority'
        : 'disputed';
  const ordered = /oracle_status\W{1,4}(consensus|majority|disputed)/i.exec(
    outsideMarkers(answers.map(({ answer }) => answer).join('\n')),
  );
  return {
    consensus_claims: all.map((claim) => claim.text),
    majority_claims: most.map((claim) => ({ claim: claim.text, supporting_oracles: claim.vendors })),
    minority_claims: single.map((claim) => ({ claim: claim.text, supporting_oracle: claim.vendors[0] })),
    must_not_claim_extras: [],
    oracle_status: ordered?.[1]?.toLowerCase() ?? status,
    disagreement_note:
      status === 'consensus'
        ? null
        : `${single.map((claim) => claim.vendors[0]).join(' and ')} said otherwise.`,
  };
}

function sentencesIn(answer: string): string[] {
  const text = /^<<<[A-Z_]+_BEGIN>>>\n([\s\S]*)\n<<<[A-Z_]+_END>>>$/.exec(answer)?.[1] ?? answer;
  return text
    .split(/\n|(?<=[.!?])\s+/)
    .map((sentence) => sentence.trim())
    .filter(Boolean);
}

function objectIn(text: string): Envelope | null {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Envelope) : null;
  } catch {
    return null;
  }
}
