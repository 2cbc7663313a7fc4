/** Pieces that the wire contracts share (api.md sections 0 and 3). */
import { z } from 'zod';
import { FAMILIES } from '../status';
import { laxInt } from './lax';

/** Naive UTC ISO-8601 as of `naiveIso`. */
export const wireTime = z
  .string()
  .meta({ description: 'UTC, ISO-8601 without a zone', example: '2025-01-31T12:00:00.123000' });

export const jsonObject = z.record(z.string(), z.unknown());

/** A whole number in the query, refused out of bounds. */
export const queryInt = ({ fallback, ...bounds }: { min: number; max?: number; fallback: number }) =>
  laxInt(bounds).default(fallback);

/** A whole number in the query, moved into its bounds. */
export const clampedInt = (bounds: { min: number; max: number; fallback: number }) =>
  laxInt()
    .transform((value) => Math.min(bounds.max, Math.max(bounds.min, value)))
    .default(bounds.fallback);

/** `limit` 1..200 of 50 and `offset` from 0, as most lists have it. */
export const pageQuery = z.object({
  limit: queryInt({ min: 1, max: 200, fallback: 50 }),
  offset: queryInt({ min: 0, fallback: 0 }),
});

export const idParams = z.object({ id: z.string() });
export const familyParams = z.object({ family: z.string() });

/** `run_id`, or its older name `epoch_id`. */
export const runQuery = z.object({ run_id: z.string().optional(), epoch_id: z.string().optional() });

/** The text that refuses an unknown family, null for a known one. */
export function familyRefusal(family: string): string | null {
  return (FAMILIES as readonly string[]).includes(family)
    ? null
    : `unsupported family_id '${family}'; expected one of ${FAMILIES.join(', ')}`;
}

/** First four and last three characters, as public pages show a hotkey. */
export const hotkeyShort = (hotkey: string): string => `${hotkey.slice(0, 4)}...${hotkey.slice(-3)}`;
