/** The validator engine with a real judge service over the model stand-in. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { hotkeyFromSeed } from '../../../adapters/keys/hotkey';
import type { Hotkey } from '../../../adapters/keys/types';
import { createLogger } from '../../../adapters/logging';
import { connectTemporal } from '../../../adapters/temporal';
import { workflowIds } from '../../../domain/messages';
import { startLlmStandin, type LlmStandin, type ScriptedAnswer } from '../../../demo/standins/llm';
import { serve, type RunningService } from '../../../services/http';
import { createJudgeService } from '../../../services/judge/app';
import { judgeConfigFromEnv } from '../../../services/judge/config';
import { createValidator, type Validator } from '../../../services/validator-engine/app';
import { validatorConfigFromEnv } from '../../../services/validator-engine/config';
import { temporalAddress } from '../../harness/stack';
import { workflowBundle } from '../../workflow/environment';

export const JUDGE_MODEL = 'zai-org/GLM-5.1-TEE';

/** The judge and its model, which can fail and come back. */
export class TestJudge {
  script: (call: number) => ScriptedAnswer | undefined = () => undefined;
  private model: LlmStandin | null = null;
  private running: RunningService | null = null;
  private calls = 0;

  async start(port = 0): Promise<void> {
    this.model ??= await startLlmStandin({ script: () => this.script((this.calls += 1)) });
    const config = judgeConfigFromEnv({
      EIREL_EVAL_JUDGE_BASE_URL: this.model.baseUrl,
      EIREL_EVAL_JUDGE_API_KEY: 'judge-key-0123456789',
      EIREL_EVAL_JUDGE_MODEL: JUDGE_MODEL,
      EIREL_EVAL_JUDGE_PROVIDER: 'chutes',
      EIREL_EVAL_JUDGE_TIMEOUT_SECONDS: '5',
      EIRETES_JUDGE_PORT: String(port),
    });
    const service = createJudgeService(config, createLogger('judge-test', 'silent'));
    this.running = await serve(service, { ...config.listen, drainSeconds: 0, handleSignals: false });
  }

  get url(): string {
    return this.running?.url ?? '';
  }

  get port(): number {
    return this.running?.port ?? 0;
  }

  async stop(): Promise<void> {
    await this.running?.close();
    this.running = null;
  }

  async close(): Promise<void> {
    await this.stop();
    await this.model?.close();
    this.model = null;
  }
}

/** A key of its own for every validator, since the loop of a hotkey lives on in Temporal. */
export const newKey = (): Hotkey => hotkeyFromSeed(randomBytes(32));

export function validatorEnv(owner: string, judge: string, env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return {
    OWNER_API_URL: owner,
    EIREL_JUDGE_SERVICE_URL: judge,
    EIREL_VALIDATOR_POLL_INTERVAL_SECONDS: '0.1',
    EIREL_VALIDATOR_BATCH_SIZE: '5',
    EIREL_VALIDATOR_SHUTDOWN_GRACE_SECONDS: '3',
    EIREL_VALIDATOR_PUBLISH_WEIGHTS: 'off',
    ...env,
  };
}

/** A validator at work, as a process would run it. */
export interface TestValidator extends Validator {
  hotkey: Hotkey;
  dataDir: string;
  /** Stops the engine as SIGTERM would; its loop waits in Temporal for the next. */
  stop(): Promise<void>;
  /** Stops the engine and ends its loop. */
  end(): Promise<void>;
}

let quiet = false;

/** Starts an engine on the test stack's Temporal. @param options.dataDir where journals are, one of its own without */
export async function startValidator(
  owner: string,
  judge: string,
  env: NodeJS.ProcessEnv = {},
  options: { hotkey?: Hotkey; dataDir?: string } = {},
): Promise<TestValidator> {
  const hotkey = options.hotkey ?? newKey();
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'eirel-validator-'));
  const temporal = { address: await temporalAddress(), namespace: 'default' };
  if (!quiet) Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  quiet = true;
  const validator = createValidator({
    config: validatorConfigFromEnv(validatorEnv(owner, judge, { EIREL_VALIDATOR_DATA_DIR: dataDir, ...env })),
    hotkey,
    temporal,
    logger: createLogger('validator-test', process.env.LOG_LEVEL ?? 'silent'),
    workflows: await workflowBundle(),
  });
  await validator.start();
  let stopped: Promise<void> | null = null;
  const stop = (): Promise<void> => (stopped ??= validator.stop());
  return {
    ...validator,
    hotkey,
    dataDir,
    stop,
    async end() {
      const client = await connectTemporal(temporal);
      try {
        await client.workflow.getHandle(workflowIds.validator(hotkey.ss58)).terminate('the test is over');
      } catch (error) {
        if ((error as Error).name !== 'WorkflowNotFoundError') throw error;
      } finally {
        await client.connection.close();
      }
      await stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Waits until something holds. @throws Error with what was waited for */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  ms = 15_000,
): Promise<void> {
  const until = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > until) throw new Error(`waited ${ms} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Settings of an engine whose oracles and reconciler are all played by one stand-in. */
export function oracleKeys(vendors: LlmStandin): NodeJS.ProcessEnv {
  const base = vendors.baseUrl.replace(/\/v1$/, '');
  return {
    EIREL_VALIDATOR_ORACLE_OPENAI_API_KEY: 'k',
    EIREL_VALIDATOR_ORACLE_OPENAI_BASE_URL: `${base}/v1`,
    EIREL_VALIDATOR_ORACLE_GEMINI_API_KEY: 'k',
    EIREL_VALIDATOR_ORACLE_GEMINI_BASE_URL: `${base}/v1beta`,
    EIREL_VALIDATOR_ORACLE_GROK_API_KEY: 'k',
    EIREL_VALIDATOR_ORACLE_GROK_BASE_URL: `${base}/v1`,
    EIREL_VALIDATOR_RECONCILER_API_KEY: 'k',
    EIREL_VALIDATOR_RECONCILER_BASE_URL: `${base}/v1`,
  };
}
