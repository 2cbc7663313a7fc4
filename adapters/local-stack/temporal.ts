import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { SEARCH_ATTRIBUTES } from '../../domain/messages';
import { bareEnvironment } from './programs';
import type { ProcessSpec } from './supervised-process';

/** A Temporal development server that is to run. */
export interface TemporalPlan {
  /** path of the Temporal CLI */
  program: string;
  /** the SQLite file that holds everything */
  databaseFile: string;
  port: number;
  uiPort: number;
  logFile?: string;
  /** keeps everything in memory and nothing in `databaseFile`; for tests */
  inMemory?: boolean;
}

/** Says how to keep a Temporal development server with its Web UI running, with the search attributes registered. */
export function temporalProcess(plan: TemporalPlan): ProcessSpec {
  const ui = `http://127.0.0.1:${plan.uiPort}`;
  const storage = plan.inMemory
    ? []
    : [
        '--db-filename',
        plan.databaseFile,
        // With a write-ahead log a killed server loses nothing that it had answered; only a power cut could.
        '--sqlite-pragma',
        'journal_mode=WAL',
        '--sqlite-pragma',
        'synchronous=NORMAL',
      ];
  const dynamicConfig = {
    // Without it a new search attribute is unknown to the front end for up to a minute.
    'system.forceSearchAttributesCacheRefreshOnRead': 'true',
  };
  return {
    name: 'temporal',
    command: plan.program,
    args: [
      'server',
      'start-dev',
      '--ip',
      '127.0.0.1',
      '--port',
      String(plan.port),
      '--ui-port',
      String(plan.uiPort),
      '--ui-disable-news-fetch',
      '--log-level',
      'warn',
      ...storage,
      ...SEARCH_ATTRIBUTES.flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
      ...Object.entries(dynamicConfig).flatMap(([key, value]) => [
        '--dynamic-config-value',
        `${key}=${value}`,
      ]),
    ],
    env: bareEnvironment(),
    inheritEnv: false,
    logFile: plan.logFile,
    prepare: async () => {
      mkdirSync(dirname(plan.databaseFile), { recursive: true });
    },
    ready: { kind: 'check', check: () => checkSearchAttributes(ui) },
  };
}

/** Asks the server, through its Web UI, whether the namespace serves and knows the search attributes. */
async function checkSearchAttributes(ui: string): Promise<void> {
  const url = `${ui}/api/v1/namespaces/default/search-attributes`;
  const response = await fetch(url, { signal: AbortSignal.timeout(3000) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const known = (JSON.parse(text) as { customAttributes?: Record<string, unknown> }).customAttributes ?? {};
  const missing = SEARCH_ATTRIBUTES.filter((name) => !(name in known));
  if (missing.length > 0) throw new Error(`search attributes are not registered yet: ${missing.join(', ')}`);
}
