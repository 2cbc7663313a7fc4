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
 * model of the endpoint.
 * @throws Error that names the variables which are missing or wrong
 */
export function ragConfigFromEnv(env: NodeJS.ProcessEnv): RagConfig {
  const values = parseEnv(
    {
      EIREL_RAG_EMBEDDING_BASE_URL: textEnv(),
      EIREL_RAG_EMBEDDING_API_KEY: textEnv(),
      EIREL_RAG_EMBEDDING_MODEL: textEnv(),
      OPENAI_API_KEY: textEnv(),
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
    }),
    maxBodyBytes: values.EIREL_RAG_MAX_BODY_BYTES,
  };
}

function embeddingOf(given: {
  baseUrl: string | undefined;
  apiKey: string | undefined;
  model: string;
}): EmbeddingConfig {
  const { baseUrl = DEFAULT_BASE_URL, apiKey, model } = given;
  if (model === LOCAL_MODEL) return { kind: 'local' };
  if (!apiKey) return { kind: 'none' };
  if (!URL.canParse(baseUrl) || !/^https?:$/.test(new URL(baseUrl).protocol)) {
    throw new Error('configuration refused:\n  EIREL_RAG_EMBEDDING_BASE_URL: is not an http(s) address');
  }
  return { kind: 'openai', baseUrl: baseUrl.replace(/\/+$/, ''), apiKey, model };
}
