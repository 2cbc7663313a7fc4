import { join } from 'node:path';
import { projectRoot } from '../project-root';
import type { ProcessSpec } from './supervised-process';

/** Ports of 127.0.0.1 that a validator's processes listen on when the environment names no others. */
export const VALIDATOR_PORT_VARIABLES: Readonly<Record<string, number>> = {
  EIREL_VALIDATOR_PORT: 8010,
  EIRETES_JUDGE_PORT: 8095,
};

/** What a validator's processes run with: everything set, each value a text. */
export type ValidatorEnv = Record<string, string | undefined> & {
  EIREL_VALIDATOR_PORT: string;
  EIREL_VALIDATOR_DATA_DIR: string;
  EIREL_JUDGE_SERVICE_URL: string;
};

/**
 * Completes an environment to one that a validator runs with. A judge of its own is meant where no address of another
 * is given.
 * @param base the environment, with the ports and TEMPORAL_ADDRESS in it
 * @param dataDir where journals and the ledger of publications are, absolute
 */
export function validatorEnv(
  base: NodeJS.ProcessEnv,
  dataDir: string,
): { env: ValidatorEnv; ownJudge: boolean } {
  const port = (name: string): string => base[name] || String(VALIDATOR_PORT_VARIABLES[name]);
  const ownJudge = !base.EIREL_JUDGE_SERVICE_URL;
  return {
    ownJudge,
    env: {
      ...base,
      EIREL_VALIDATOR_PORT: port('EIREL_VALIDATOR_PORT'),
      EIRETES_JUDGE_PORT: port('EIRETES_JUDGE_PORT'),
      EIREL_VALIDATOR_DATA_DIR: dataDir,
      EIREL_JUDGE_SERVICE_URL:
        base.EIREL_JUDGE_SERVICE_URL || `http://127.0.0.1:${port('EIRETES_JUDGE_PORT')}`,
      EIREL_PUBLICATION_LEDGER_PATH:
        base.EIREL_PUBLICATION_LEDGER_PATH || join(dataDir, 'publications.jsonl'),
    },
  };
}

/**
 * The processes of a validator: judge (where it is its own), engine, and the worker that publishes weights.
 * @param names what they are called in a supervisor
 * @param parts names of processes of the same supervisor that must be ready first
 */
export function validatorProcesses(
  env: ValidatorEnv,
  options: {
    ownJudge: boolean;
    publishes: boolean;
    names?: { engine: string; publisher: string };
    parts?: readonly string[];
    inheritEnv?: boolean;
  },
): ProcessSpec[] {
  const { names = { engine: 'validator', publisher: 'publisher' }, parts = [], inheritEnv = true } = options;
  const node = (entry: string) => ({
    command: process.execPath,
    args: ['--enable-source-maps', join(projectRoot(), 'build', ...entry.split('/'))],
    cwd: projectRoot(),
    env,
    inheritEnv,
  });
  const judge: ProcessSpec = {
    name: 'judge',
    ...node('services/judge/main.js'),
    ready: { kind: 'http', url: `http://127.0.0.1:${env.EIRETES_JUDGE_PORT}/healthz` },
  };
  const engine: ProcessSpec = {
    name: names.engine,
    ...node('services/validator-engine/main.js'),
    startAfter: [...parts, ...(options.ownJudge ? [judge.name] : [])],
    ready: { kind: 'http', url: `http://127.0.0.1:${env.EIREL_VALIDATOR_PORT}/healthz` },
    stopGraceSeconds: Number(env.EIREL_VALIDATOR_SHUTDOWN_GRACE_SECONDS || 30) + 10,
  };
  const publisher: ProcessSpec = {
    name: names.publisher,
    ...node('workers/main.js'),
    env: { ...env, EIREL_WORKER_QUEUES: 'publication' },
    startAfter: parts,
    ready: { kind: 'alive', seconds: 1 },
    stopGraceSeconds: 25,
  };
  return [...(options.ownJudge ? [judge] : []), engine, ...(options.publishes ? [publisher] : [])];
}
