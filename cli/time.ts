import { parseIsoTimestamp } from '../domain/time';

/** Seconds as `h:mm:ss`, never below zero. */
export function clockText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${Math.floor(whole / 3600)}:${two(Math.floor((whole % 3600) / 60))}:${two(whole % 60)}`;
}

/** Seconds from `now` to a wire time, negative for the past; null for a text that is no time. */
export function secondsUntil(wireTime: string, now: Date): number | null {
  const at = parseIsoTimestamp(wireTime);
  return at === null ? null : (at - now.getTime()) / 1000;
}

/** How long ago in one unit, e.g. `12 s ago`. */
export function agoText(wireTime: string | null, now: Date): string {
  const until = wireTime === null ? null : secondsUntil(wireTime, now);
  if (until === null) return '-';
  const seconds = Math.max(0, Math.round(-until));
  if (seconds < 120) return `${seconds} s ago`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min ago` : `${Math.round(seconds / 3600)} h ago`;
}
