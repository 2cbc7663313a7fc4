import { readFileSync } from 'node:fs';
import { Client, Connection, type ConnectionOptions, type TLSConfig } from '@temporalio/client';
import { z } from 'zod';
import { SEARCH_ATTRIBUTES } from '../../domain/messages';

/** Where the Temporal server is and how to speak to it. */
export interface TemporalConfig {
  address: string;
  namespace: string;
  tls?:
    | {
        serverRootCACertificate?: Buffer;
        serverNameOverride?: string;
        clientCertPair?: { crt: Buffer; key: Buffer };
      }
    | true;
  apiKey?: string;
}

const flag = z
  .string()
  .optional()
  .transform((text) => ['1', 'true', 'yes', 'on'].includes((text ?? '').toLowerCase()));

const envContract = z.object({
  TEMPORAL_ADDRESS: z.string().min(1).default('127.0.0.1:7233'),
  TEMPORAL_NAMESPACE: z.string().min(1).default('default'),
  TEMPORAL_API_KEY: z.string().optional(),
  TEMPORAL_TLS: flag,
  TEMPORAL_TLS_CA: z.string().optional(),
  TEMPORAL_TLS_CERT: z.string().optional(),
  TEMPORAL_TLS_KEY: z.string().optional(),
  TEMPORAL_TLS_SERVER_NAME: z.string().optional(),
});

/**
 * Reads TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS (or any of TEMPORAL_TLS_CA, _CERT, _KEY as
 * file paths, TEMPORAL_TLS_SERVER_NAME). An API key turns TLS on.
 * @throws Error that names the variable when a certificate comes without its key, or a file cannot be read
 */
export function temporalConfigFromEnv(env: NodeJS.ProcessEnv): TemporalConfig {
  const parsed = envContract.parse(env);
  if (Boolean(parsed.TEMPORAL_TLS_CERT) !== Boolean(parsed.TEMPORAL_TLS_KEY)) {
    throw new Error('TEMPORAL_TLS_CERT and TEMPORAL_TLS_KEY must be set together');
  }
  const custom = parsed.TEMPORAL_TLS_CA || parsed.TEMPORAL_TLS_CERT || parsed.TEMPORAL_TLS_SERVER_NAME;
  const tls = custom
    ? {
        ...(parsed.TEMPORAL_TLS_CA ? { serverRootCACertificate: readFileSync(parsed.TEMPORAL_TLS_CA) } : {}),
        ...(parsed.TEMPORAL_TLS_SERVER_NAME ? { serverNameOverride: parsed.TEMPORAL_TLS_SERVER_NAME } : {}),
        ...(parsed.TEMPORAL_TLS_CERT && parsed.TEMPORAL_TLS_KEY
          ? {
              clientCertPair: {
                crt: readFileSync(parsed.TEMPORAL_TLS_CERT),
                key: readFileSync(parsed.TEMPORAL_TLS_KEY),
              },
            }
          : {}),
      }
    : parsed.TEMPORAL_TLS || parsed.TEMPORAL_API_KEY
      ? (true as const)
      : undefined;
  return {
    address: parsed.TEMPORAL_ADDRESS,
    namespace: parsed.TEMPORAL_NAMESPACE,
    ...(tls ? { tls } : {}),
    ...(parsed.TEMPORAL_API_KEY ? { apiKey: parsed.TEMPORAL_API_KEY } : {}),
  };
}

/** Connection options that client and worker share. */
export function connectionOptions(config: TemporalConfig): Pick<ConnectionOptions, 'address'> & {
  tls?: TLSConfig | true;
  apiKey?: string;
} {
  return {
    address: config.address,
    ...(config.tls ? { tls: config.tls } : {}),
    ...(config.apiKey ? { apiKey: config.apiKey } : {}),
  };
}

/** A client on its own connection; close it with `client.connection.close()`. */
export async function connectTemporal(config: TemporalConfig): Promise<Client> {
  const connection = await Connection.connect(connectionOptions(config));
  return new Client({ connection, namespace: config.namespace });
}

const KEYWORD = 2;

/**
 * Makes sure that the product's search attributes exist in the namespace; safe to call from every process at boot.
 * On a server whose operator service is closed to us (Temporal Cloud) the error says which attributes to add by hand.
 */
export async function ensureSearchAttributes(client: Client): Promise<void> {
  const connection = client.connection as Connection;
  const namespace = client.options.namespace;
  const listed = await connection.operatorService.listSearchAttributes({ namespace }).catch(() => null);
  const missing = SEARCH_ATTRIBUTES.filter((name) => !(listed?.customAttributes ?? {})[name]);
  if (missing.length === 0) return;
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
    });
  } catch (error) {
    if (/already exist/i.test(String(error))) return;
    throw new Error(
      `search attributes ${missing.join(', ')} are missing in namespace ${namespace} and could not be added: ` +
        `add them as Keyword with "temporal operator search-attribute create"`,
      { cause: error },
    );
  }
}
