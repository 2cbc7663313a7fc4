import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { SearchAttributePair } from '@temporalio/common';

/** The attributes by which an operator finds a workflow; registered as Keyword (adapters/temporal). */
export const EIREL_KIND = defineSearchAttributeKey('EirelKind', SearchAttributeType.KEYWORD);
export const EIREL_RUN_ID = defineSearchAttributeKey('EirelRunId', SearchAttributeType.KEYWORD);
export const EIREL_HOTKEY = defineSearchAttributeKey('EirelHotkey', SearchAttributeType.KEYWORD);
export const EIREL_FAMILY = defineSearchAttributeKey('EirelFamily', SearchAttributeType.KEYWORD);
export const EIREL_STATUS = defineSearchAttributeKey('EirelStatus', SearchAttributeType.KEYWORD);
export const EIREL_STUCK = defineSearchAttributeKey('EirelStuck', SearchAttributeType.KEYWORD);
export const EIREL_REASON = defineSearchAttributeKey('EirelReason', SearchAttributeType.KEYWORD);

/** A keyword's column is 255 characters wide in the SQL stores of Temporal's visibility. */
const REASON_CHARS = 250;

/**
 * Shows in the Web UI what this workflow is doing and why it waits.
 * @param status the searchable word; @param sentence what is going on, in words
 * @param stuck the step that something keeps from going on; it is taken off by the next call without one
 */
export function announce(status: string, sentence: string, stuck: string | null = null): void {
  upsertSearchAttributes([
    { key: EIREL_STATUS, value: status },
    { key: EIREL_REASON, value: shortened(sentence) },
    { key: EIREL_STUCK, value: stuck },
  ]);
  setCurrentDetails(sentence);
}

function shortened(sentence: string): string {
  return sentence.length <= REASON_CHARS ? sentence : `${sentence.slice(0, REASON_CHARS - 1)}…`;
}

/** Makes a workflow findable by kind, hotkey, family and run, whoever started it. */
export function introduce(kind: string, ids: { hotkey?: string; family?: string; runId?: string }): void {
  const pairs: SearchAttributePair[] = [{ key: EIREL_KIND, value: kind }];
  if (ids.hotkey) pairs.push({ key: EIREL_HOTKEY, value: ids.hotkey });
  if (ids.family) pairs.push({ key: EIREL_FAMILY, value: ids.family });
  if (ids.runId) pairs.push({ key: EIREL_RUN_ID, value: ids.runId });
  upsertSearchAttributes(pairs);
}
