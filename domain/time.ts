/** Wire time: the original speaks naive UTC ISO-8601 (api.md section 0). */

/**
 * Formats an instant as naive UTC ISO-8601 the way Python's `isoformat()` does.
 * @param date instant; milliseconds are shown as six fractional digits
 * @returns e.g. `2025-01-31T12:00:00.123000`, the fraction left out when it is zero, never a zone
 */
export function naiveIso(date: Date): string {
  const iso = date.toISOString();
  const [seconds, fraction] = [iso.slice(0, 19), iso.slice(20, 23)];
  return fraction === '000' ? seconds : `${seconds}.${fraction}000`;
}

/** `naiveIso` for a value that may be absent. */
export function naiveIsoOrNull(date: Date | null | undefined): string | null {
  return date == null ? null : naiveIso(date);
}

const ISO =
  /^(\d{4})-?(\d{2})-?(\d{2})(?:[T ](\d{2})(?::?(\d{2})(?::?(\d{2})(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?)?)?$/i;

/**
 * Parses a request timestamp as Python 3.12 `fromisoformat` does: `Z`, offsets, date only and basic forms.
 * A timestamp without an offset is UTC (api.md section 1.1, notes).
 * @returns milliseconds since the epoch, or null when the text is not a timestamp
 */
export function parseIsoTimestamp(text: string): number | null {
  const m = ISO.exec(text);
  if (!m) return null;
  const [, y, mo, d, h = '0', mi = '0', s = '0', frac = '', zone = 'Z'] = m;
  const base = Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s));
  const check = new Date(base);
  // Date.UTC rolls over 2025-02-31 and 25:00; a rolled value is not what was written.
  if (
    check.getUTCMonth() !== Number(mo) - 1 ||
    check.getUTCDate() !== Number(d) ||
    check.getUTCHours() !== Number(h) ||
    check.getUTCMinutes() !== Number(mi) ||
    check.getUTCSeconds() !== Number(s)
  ) {
    return null;
  }
  const millis = frac ? Number(`0.${frac}`) * 1000 : 0;
  return base + millis - offsetMillis(zone);
}

function offsetMillis(zone: string): number {
  if (zone.toUpperCase() === 'Z') return 0;
  const digits = zone.slice(1).replace(/:/g, '').padEnd(6, '0');
  const seconds =
    Number(digits.slice(0, 2)) * 3600 + Number(digits.slice(2, 4)) * 60 + Number(digits.slice(4, 6));
  return (zone.startsWith('-') ? -1 : 1) * seconds * 1000;
}
