/** Judge, and the keys of model vendors. No key is ever part of a result. */
import { JudgeClient } from '../../adapters/judge-client';
import { EXIT } from '../exit-codes';
import { Finding, skipped } from './check';

const TIMEOUT_MS = 20_000;

/** Asks the judge service for its health. @param required false when `validator start` will start it */
export async function askJudge(url: string, required: boolean): Promise<string> {
  const client = new JudgeClient({ baseUrl: url, timeoutMs: 5000 });
  try {
    const { judge_model: model } = await client.health();
    return `${url} judges with ${model}`;
  } catch (error) {
    if (!required) {
      throw skipped('no judge runs yet', '"eirel-ai validator start" starts one on this machine');
    }
    throw new Finding(
      (error as Error).message,
      'start it, or correct EIREL_JUDGE_SERVICE_URL',
      EXIT.temporary,
    );
  } finally {
    await client.close();
  }
}

/** A model endpoint by its environment variables. */
export interface ModelEndpoint {
  /** What it is for, e.g. `judge`. */
  role: string;
  prefix: string;
  shape: 'openai' | 'gemini';
  baseUrl: string | undefined;
  apiKey: string | undefined;
  model: string | undefined;
}

/** The endpoints that this validator pays for: the judge's, and the oracles' where it asks them itself. */
export function modelEndpoints(env: NodeJS.ProcessEnv): ModelEndpoint[] {
  const endpoint = (
    role: string,
    prefix: string,
    shape: ModelEndpoint['shape'] = 'openai',
  ): ModelEndpoint => ({
    role,
    prefix,
    shape,
    baseUrl: env[`${prefix}_BASE_URL`]?.trim().replace(/\/+$/, '') || undefined,
    apiKey: env[`${prefix}_API_KEY`]?.trim() || undefined,
    model: env[`${prefix}_MODEL`]?.trim() || undefined,
  });
  const oracles = [
    endpoint('oracle openai', 'EIREL_VALIDATOR_ORACLE_OPENAI'),
    endpoint('oracle gemini', 'EIREL_VALIDATOR_ORACLE_GEMINI', 'gemini'),
    endpoint('oracle grok', 'EIREL_VALIDATOR_ORACLE_GROK'),
    endpoint('reconciler', 'EIREL_VALIDATOR_RECONCILER'),
  ];
  const own = env.EIREL_ENRICHMENT?.trim().toLowerCase() === 'validator';
  return [endpoint('judge', 'EIREL_EVAL_JUDGE'), ...oracles.filter((one) => own || one.apiKey !== undefined)];
}

/** One authenticated call that costs next to nothing: an answer of one token, or the list of models. */
export async function tryKey(endpoint: ModelEndpoint): Promise<string> {
  const { prefix, baseUrl, apiKey, model, role, shape } = endpoint;
  const missing = Object.entries({ BASE_URL: baseUrl, API_KEY: apiKey, MODEL: model })
    .filter(([, value]) => value === undefined)
    .map(([name]) => `${prefix}_${name}`);
  if (!baseUrl || !apiKey || !model) {
    if (role === 'judge' && missing.length === 3) {
      throw skipped(
        'no model is set for a judge on this machine',
        `set ${missing.join(', ')}, or use a judge elsewhere`,
      );
    }
    throw new Finding(`${missing.join(', ')} missing`, `set ${missing.join(', ')}`, EXIT.usage);
  }
  let response: Response;
  try {
    response = await (shape === 'gemini'
      ? fetch(`${baseUrl}/models/${encodeURIComponent(model)}`, {
          headers: { 'x-goog-api-key': apiKey },
          signal: AbortSignal.timeout(TIMEOUT_MS),
        })
      : fetch(`${baseUrl.replace(/\/chat\/completions$/, '')}/chat/completions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
          body: JSON.stringify(oneToken(baseUrl, model)),
          signal: AbortSignal.timeout(TIMEOUT_MS),
        }));
  } catch (error) {
    const cause = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).name;
    throw new Finding(
      `${baseUrl} was not reached (${cause})`,
      `check ${prefix}_BASE_URL and the network`,
      EXIT.temporary,
    );
  }
  await response.arrayBuffer();
  const { status } = response;
  if (status === 401 || status === 403) {
    throw new Finding(
      `${baseUrl} refuses the key (${status})`,
      `put a valid key into ${prefix}_API_KEY`,
      EXIT.authentication,
    );
  }
  if (status === 404 || status === 400) {
    throw new Finding(
      `${baseUrl} does not serve the model ${model} (${status})`,
      `correct ${prefix}_MODEL or ${prefix}_BASE_URL`,
      EXIT.usage,
    );
  }
  if (status === 402) {
    throw new Finding(`${baseUrl} wants to be paid (402)`, 'top the account up', EXIT.refused);
  }
  if (!response.ok) throw new Finding(`${baseUrl} answered ${status}`, 'try again later', EXIT.temporary);
  return `${model} at ${new URL(baseUrl).host} takes the key`;
}

function oneToken(baseUrl: string, model: string): object {
  const limit = baseUrl.includes('api.openai.com') ? { max_completion_tokens: 16 } : { max_tokens: 1 };
  return { model, messages: [{ role: 'user', content: 'ok' }], ...limit };
}
