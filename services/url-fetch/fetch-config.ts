import type { HostRate, SafeFetchConfig } from '../../adapters/safe-fetch';
import { intEnv, numberEnv, optionalEnv, parseEnv, textEnv } from '../http';
import { z } from 'zod';

/** How pages are fetched, and how often one host may be asked. */
export interface PageFetchConfig {
  fetch: SafeFetchConfig;
  hostRate: HostRate;
}

/** Variables whose names differ between the services that fetch pages. */
export interface PageFetchEnvNames {
  maxBytes: string;
  timeoutSeconds: string;
  maxRedirects: string;
  userAgent: string;
}

const DEFAULT_USER_AGENT = 'EirelUrlFetch/0.1 (+https://eirel.ai)';

/**
 * Reads how pages are fetched. `EIREL_URL_FETCH_ALLOWED_HOSTS` lists `host:port` pairs that are exempt from the address
 * check, `EIREL_URL_FETCH_PER_HOST_RATE` in `EIREL_URL_FETCH_PER_HOST_WINDOW_SECONDS` bounds requests to one host, and
 * `EIREL_URL_FETCH_ROBOTS` is `ignore` or `obey`; these are the same for all services.
 * @throws Error that names the variables which are wrong
 */
export function pageFetchConfigFromEnv(names: PageFetchEnvNames, env: NodeJS.ProcessEnv): PageFetchConfig {
  const own = parseEnv(
    {
      [names.maxBytes]: intEnv(1024 * 1024, 1024, 64 * 1024 * 1024),
      [names.timeoutSeconds]: numberEnv(15, 0.1, 120),
      [names.maxRedirects]: intEnv(5, 0, 20),
      [names.userAgent]: textEnv(),
    },
    env,
  ) as Record<string, unknown>;
  const shared = parseEnv(
    {
      EIREL_URL_FETCH_PER_HOST_RATE: intEnv(4, 1, 1_000_000),
      EIREL_URL_FETCH_PER_HOST_WINDOW_SECONDS: numberEnv(10, 0.1, 3600),
      EIREL_URL_FETCH_ROBOTS: optionalEnv(z.enum(['ignore', 'obey']).default('ignore')),
      EIREL_URL_FETCH_ALLOWED_HOSTS: optionalEnv(
        z
          .string()
          .default('')
          .transform((text) => text.split(',').map((part) => part.trim().toLowerCase()))
          .transform((parts) => parts.filter((part) => part !== ''))
          .refine(
            (parts) => parts.every((part) => /^(\[[0-9a-f:]+\]|[^\s:/@[\]]+):\d{1,5}$/.test(part)),
            'must be a comma-separated list of host:port, such as 127.0.0.1:8088; a host alone would open all its ports',
          ),
      ),
    },
    env,
  );
  const totalMs = (own[names.timeoutSeconds] as number) * 1000;
  return {
    fetch: {
      userAgent: (own[names.userAgent] as string | undefined) ?? DEFAULT_USER_AGENT,
      maxBytes: own[names.maxBytes] as number,
      maxRedirects: own[names.maxRedirects] as number,
      totalMs,
      phaseMs: {
        resolve: Math.min(5_000, totalMs),
        connect: Math.min(5_000, totalMs),
        headers: Math.min(10_000, totalMs),
        idle: Math.min(5_000, totalMs),
      },
      allowedTargets: new Set(shared.EIREL_URL_FETCH_ALLOWED_HOSTS),
      obeyRobots: shared.EIREL_URL_FETCH_ROBOTS === 'obey',
    },
    hostRate: {
      limit: shared.EIREL_URL_FETCH_PER_HOST_RATE,
      windowMs: shared.EIREL_URL_FETCH_PER_HOST_WINDOW_SECONDS * 1000,
    },
  };
}
