import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { SearchAttributePair } from '@temporalio/common';

/** The attributes by which an operator finds a workflow; registered as Keyword (adapters/temporal). */
export const EIREL_KIND = defineSearchAttributeKey('EirelKind', SearchAttributeType.KEYWORD);
export const EIREL_RUN_ID = defineSearchAttributeKey('EirelRunId', SearchAttributeType.KEYWORD);
export const EIREL_HOTKEY = defineSearchAttributeKey('EirelHotkey', SearchAttributeType.KEYWORD);
export const EIREL_FAMILY = defineSearchAttributeKey('EirelFamily', SearchAttributeType.KEYWORD);
export const EIREL_STATUS = defineSearchAttributeKey('EirelStatus', SearchAttributeType.KEYWORD);

/**
 * Shows in the Web UI what this workflow is doing and why it waits.
 * @param status the searchable word; @param sentence what is going on, in words
 */
export function announce(status: string, sentence: string): void {
  upsertSearchAttributes([{ key: EIREL_STATUS, value: status }]);
  setCurrentDetails(sentence);
}

/** Makes a workflow findable by kind, hotkey, family and run, whoever started it. */
export function introduce(kind: string, ids: { hotkey?: string; family?: string; runId?: string }): void {
  const pairs: SearchAttributePair[] = [{ key: EIREL_KIND, value: kind }];
  if (ids.hotkey) pairs.push({ key: EIREL_HOTKEY, value: ids.hotkey });
  if (ids.family) pairs.push({ key: EIREL_FAMILY, value: ids.family });
  if (ids.runId) pairs.push({ key: EIREL_RUN_ID, value: ids.runId });
  upsertSearchAttributes(pairs);
}
