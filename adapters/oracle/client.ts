import { ORACLE_PROMPT, ORACLE_PROMPT_VERSION } from '../../domain/prompts/oracle';
import { RECONCILER_PROMPT, RECONCILER_PROMPT_VERSION } from '../../domain/prompts/reconciler';
import { oracleCostMicroUsd } from '../../domain/oracle/cost';
import { reconcilerContent } from '../../domain/oracle/question';
import {
  MalformedReply,
  ORACLE_OUTPUT,
  readOracleReply,
  readReconcilerReply,
  RECONCILER_OUTPUT,
} from '../../domain/oracle/reply';
import { canonicalJson } from '../../domain/evidence/canonical';
import type { OracleConfig, OracleEndpoint, OracleRole } from './config';
import { exchange } from './exchange';
import { chatCompletions, generateContent, responses, type Prompt, type Said } from './protocols';
import { OracleFailure, type Asked, type OracleClient } from './types';

/** Longest reply that is quoted back to its model when it must be mended. */
const QUOTED_CHARS = 4_000;

interface Read<T> {
  value: T;
  raw: string;
  said: Said;
  costMicroUsd: number | null;
  latencyMs: number;
}

/** The oracle layer over its configured models. One call each, and one more where a reply is malformed. */
export function createOracleClient(config: OracleConfig): OracleClient {
  const secrets = Object.values(config.endpoints).map((endpoint) => endpoint.apiKey);

  const endpointOf = (role: OracleRole): OracleEndpoint => {
    const endpoint = config.endpoints[role];
    if (!endpoint) throw new OracleFailure('provider_error', 'later', `${role} is not configured`);
    return endpoint;
  };

  /** Puts a question; a malformed reply is shown to the model once, with what is wrong with it. */
  async function converse<T>(
    role: OracleRole,
    prompt: Prompt,
    read: (text: string) => T,
    signal: AbortSignal,
  ): Promise<Read<T>> {
    const endpoint = endpointOf(role);
    const startedAt = performance.now();
    let paid: number | null = 0;
    const say = async (turns: Prompt['turns']): Promise<Said> => {
      const said = await exchange(
        protocolOf(role, endpoint, { ...prompt, turns }),
        endpoint,
        secrets,
        signal,
      );
      const cost = oracleCostMicroUsd(role, endpoint.model, said.usage, config.prices);
      paid = paid === null || cost === null ? null : paid + cost;
      return said;
    };
    const done = (value: T, said: Said): Read<T> => ({
      value,
      raw: said.text,
      said,
      costMicroUsd: paid,
      latencyMs: Math.round(performance.now() - startedAt),
    });
    const first = await say(prompt.turns);
    let reason: string;
    try {
      return done(read(first.text), first);
    } catch (error) {
      if (!(error instanceof MalformedReply)) throw error;
      reason = error.message;
    }
    const repair = `${reason}. Reply again, with the JSON object only.`;
    const second = await say([
      ...prompt.turns,
      { role: 'assistant', text: first.text.slice(0, QUOTED_CHARS) || '(nothing)' },
      { role: 'user', text: canonicalJson({ repair }) },
    ]);
    try {
      return done(read(second.text), second);
    } catch (error) {
      if (!(error instanceof MalformedReply)) throw error;
      throw new OracleFailure('malformed_response', 'never', `${error.message}, also when asked again`, {
        costMicroUsd: paid,
        finishReason: second.finishReason,
      });
    }
  }

  return {
    async ask(vendor, question, signal) {
      const prompt: Prompt = {
        system: ORACLE_PROMPT,
        turns: [{ role: 'user', text: question.content }],
        output: ORACLE_OUTPUT,
        webSearch: question.webSearch,
      };
      const read = await converse(vendor, prompt, readOracleReply, signal);
      return {
        raw: read.raw,
        value: {
          vendor,
          model: endpointOf(vendor).model,
          status: 'ok',
          answer: read.value,
          citations: read.said.citations,
          finish_reason: read.said.finishReason,
          error_msg: null,
          latency_ms: read.latencyMs,
          cost_micro_usd: read.costMicroUsd,
          prompt_version: ORACLE_PROMPT_VERSION,
        },
      };
    },

    async reconcile(question, answers, signal) {
      const vendors = answers.map((answer) => answer.vendor);
      const prompt: Prompt = {
        system: RECONCILER_PROMPT,
        turns: [{ role: 'user', text: reconcilerContent(question, answers) }],
        output: RECONCILER_OUTPUT,
        webSearch: false,
      };
      const read = await converse('reconciler', prompt, (text) => readReconcilerReply(text, vendors), signal);
      return {
        raw: read.raw,
        value: {
          ...read.value,
          model: endpointOf('reconciler').model,
          error: null,
          latency_ms: read.latencyMs,
          cost_micro_usd: read.costMicroUsd,
          prompt_version: RECONCILER_PROMPT_VERSION,
        },
      } satisfies Asked<unknown>;
    },
  };
}

function protocolOf(role: OracleRole, endpoint: OracleEndpoint, prompt: Prompt) {
  if (role === 'gemini') return generateContent(endpoint, prompt);
  return prompt.webSearch && role !== 'reconciler'
    ? responses(endpoint, prompt)
    : chatCompletions(endpoint, prompt);
}
