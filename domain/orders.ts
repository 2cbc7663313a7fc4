/** Who gives an order and why, as it is read from whatever an operator sends. */

const MAX_ACTOR = 128;
const MAX_VIA = 32;
const MAX_REASON = 500;
/** Width of the audit's key. */
const MAX_ID = 36;

export interface Sender {
  /** Names this one order: sent twice, it is carried out once. Null for orders that carry none. */
  id: string | null;
  actor: string;
  /** `api`, `cli`, or `temporal` for whoever signals a workflow directly. */
  via: string;
  reason: string;
}

/** Reads `id`, `actor`, `via` and `reason` from an object, or takes a bare text as the reason. Never throws. */
export function readSender(sent: unknown): Sender {
  const sender: Sender = { id: null, actor: 'unknown operator', via: 'temporal', reason: '' };
  if (typeof sent === 'string') sender.reason = cleanText(sent, MAX_REASON);
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) return sender;
  const fields = sent as Record<string, unknown>;
  const text = (name: string, most: number): string | null => {
    const value = fields[name];
    return typeof value === 'string' && value.trim() !== '' ? cleanText(value, most) : null;
  };
  return {
    id: text('id', MAX_ID),
    actor: text('actor', MAX_ACTOR) ?? sender.actor,
    via: text('via', MAX_VIA) ?? sender.via,
    reason: text('reason', MAX_REASON) ?? '',
  };
}

/** Text as any column takes it: no control characters, no half of a surrogate pair, not too long. */
export function cleanText(text: string, most: number): string {
  return text
    .trim()
    .slice(0, most)
    .replace(/[\p{Cc}\p{Cs}]/gu, ' ');
}
