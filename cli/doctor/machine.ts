/** This machine: disk and Temporal. */
import { mkdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { obtainTemporal, runningStackEnv } from '../../adapters/local-stack';
import { connectTemporal, ensureSearchAttributes, temporalConfigFromEnv } from '../../adapters/temporal';
import { EXIT } from '../exit-codes';
import { Finding, warning } from './check';

const NEEDED_BYTES = 1024 ** 3;
const COMFORTABLE_BYTES = 5 * 1024 ** 3;

/** @throws Finding when the data directory cannot be written or is nearly full */
export function lookAtDisk(dataDir: string): string {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Finding(
      `${dataDir} cannot be made: ${(error as Error).message}`,
      'name a folder that this user may write in EIREL_DATA_DIR or with --data-dir',
      EXIT.usage,
    );
  }
  const { bavail, bsize } = statfsSync(dataDir);
  const free = bavail * bsize;
  const words = `${(free / 1024 ** 3).toFixed(1)} GiB free at ${dataDir}`;
  const fix = 'free some, or move the data with --data-dir';
  if (free < NEEDED_BYTES) throw new Finding(`${words}; answers and the history of the loop need room`, fix);
  if (free < COMFORTABLE_BYTES) throw warning(words, fix);
  return words;
}

/** The Temporal server that is named, that runs already, or that could be started. @throws Finding */
export async function lookAtTemporal(env: NodeJS.ProcessEnv, dataDir: string): Promise<string> {
  const running = runningStackEnv(dataDir);
  if (!env.TEMPORAL_ADDRESS && !running) {
    const { path } = await obtainTemporal({
      toolsDir: env.EIREL_TOOLS_DIR || join(dataDir, 'tools'),
      env,
    }).catch((error: unknown) => {
      throw new Finding(
        `no Temporal server is named, and none can be started: ${(error as Error).message}`,
        'set TEMPORAL_ADDRESS to a server of yours, or install the Temporal CLI',
      );
    });
    return `none runs yet; "eirel-ai validator start" starts ${path} with its data in ${dataDir}`;
  }
  const config = temporalConfigFromEnv({ ...running, ...env });
  try {
    const client = await connectTemporal(config);
    try {
      await ensureSearchAttributes(client);
    } finally {
      await client.connection.close();
    }
  } catch (error) {
    throw new Finding(
      `Temporal at ${config.address}, namespace ${config.namespace}: ${(error as Error).message}`,
      'start it, or correct TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the TLS settings; without TEMPORAL_ADDRESS one is started here',
      EXIT.temporary,
    );
  }
  return `${config.address}, namespace ${config.namespace}, search attributes are there`;
}
