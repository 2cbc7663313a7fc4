import { defineSearchAttributeKey, SearchAttributeType, type SearchAttributePair } from '@temporalio/common';
import type { SearchAttributeName } from '../../domain/messages';

/** The key of one of our search attributes, which are all Keyword. */
export const keywordKey = (name: SearchAttributeName) =>
  defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);

/** A search attribute as a workflow is started with it. */
export function keyword(name: SearchAttributeName, value: string): SearchAttributePair {
  return { key: keywordKey(name), value };
}
