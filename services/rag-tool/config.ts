import type { EmbeddingConfig } from '../../adapters/embedding';
import { intEnv, parseEnv, textEnv } from '../http';
import { toolConfigFromEnv, type ToolServiceConfig } from '../tools';

/** Settings of the retrieval service beside those of every tool. */
export interface RagConfig extends ToolServiceConfig {
  embedding: EmbeddingConfig;
  /** Of one request; a corpus is sent in one. */
  maxBodyBytes: number;
}

const MIB = 1024 * 1024;
const LOCAL_MODEL = 'local-hash-v1';
const DEFAULT_MODEL = 'text-embedding-3-small';
const DEFAULT_BASE_URL = 'https://api.openai.com/v1';

/**
 * Reads the service's configuration. `EIREL_RAG_EMBEDDING_MODEL=local-hash-v1` works offline; anything else is a
 * model of the endpoint that `EIREL_RAG_EMBEDDING_BASE_URL` and `_API_KEY` name, or, without a key for one, of the
 * provider-proxy, which prices and records what vectors cost.
 * @throws Error that names the variables which are missing or wrong
 */
export function ragConfigFromEnv(env: NodeJS.ProcessEnv): RagConfig {
  const values = parseEnv(
    {
      EIREL_RAG_EMBEDDING_BASE_URL: textEnv(),
      EIREL_RAG_EMBEDDING_API_KEY: textEnv(),
      EIREL_RAG_EMBEDDING_MODEL: textEnv(),
      OPENAI_API_KEY: textEnv(),
      EIREL_PROVIDER_PROXY_URL: textEnv(),
      EIREL_PROVIDER_PROXY_TOKEN: textEnv(),
      EIREL_RAG_MAX_BODY_BYTES: intEnv(64 * MIB, 65_536, 512 * MIB),
    },
    env,
  );
  return {
    ...toolConfigFromEnv(
      {
        port: 'EIREL_RAG_TOOL_PORT',
        defaultPort: 8088,
        token: 'EIREL_RAG_TOOL_API_TOKEN',
        maxRequests: 'EIREL_RAG_TOOL_MAX_REQUESTS',
        defaultMaxRequests: 30,
      },
      env,
    ),
    embedding: embeddingOf({
      baseUrl: values.EIREL_RAG_EMBEDDING_BASE_URL,
      apiKey: values.EIREL_RAG_EMBEDDING_API_KEY ?? values.OPENAI_API_KEY,
      model: values.EIREL_RAG_EMBEDDING_MODEL ?? DEFAULT_MODEL,
      proxyUrl: values.EIREL_PROVIDER_PROXY_URL,
      proxyToken: values.EIREL_PROVIDER_PROXY_TOKEN,
    }),
    maxBodyBytes: values.EIREL_RAG_MAX_BODY_BYTES,
  };
}

function embeddingOf(given: {
  baseUrl: string | undefined;
  apiKey: string | undefined;
  model: string;
  proxyUrl: string | undefined;
  proxyToken: string | undefined;
}): EmbeddingConfig {
  const { baseUrl = DEFAULT_BASE_URL, apiKey, model, proxyUrl, proxyToken } = given;
  if (model === LOCAL_MODEL) return { kind: 'local' };
  if (apiKey) {
    return { kind: 'openai', baseUrl: address('EIREL_RAG_EMBEDDING_BASE_URL', baseUrl), apiKey, model };
  }
  if (!proxyUrl || !proxyToken) return { kind: 'none' };
  const base = address('EIREL_PROVIDER_PROXY_URL', proxyUrl).replace(/\/v1$/, '');
  return { kind: 'openai', baseUrl: `${base}/v1`, apiKey: proxyToken, model, throughProxy: true };
}

function address(name: string, value: string): string {
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
    throw new Error(`configuration refused:\n  ${name}: is not an http(s) address`);
  }
  return value.replace(/\/+$/, '');
}
