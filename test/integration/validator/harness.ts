/** The validator engine with a real judge service over the model stand-in. */
import { hotkeyFromSeed } from '../../../adapters/keys/hotkey';
import { createLogger } from '../../../adapters/logging';
import { startLlmStandin, type LlmStandin, type ScriptedAnswer } from '../../../demo/standins/llm';
import { serve, type RunningService } from '../../../services/http';
import { createJudgeService } from '../../../services/judge/app';
import { judgeConfigFromEnv } from '../../../services/judge/config';
import { createValidator, type Validator } from '../../../services/validator-engine/app';
import { validatorConfigFromEnv } from '../../../services/validator-engine/config';

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

export const validatorKey = hotkeyFromSeed(new Uint8Array(32).fill(7));

export function validatorEnv(owner: string, judge: string, env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return {
    OWNER_API_URL: owner,
    EIREL_JUDGE_SERVICE_URL: judge,
    EIREL_VALIDATOR_POLL_INTERVAL_SECONDS: '0.1',
    EIREL_VALIDATOR_BATCH_SIZE: '5',
    EIREL_VALIDATOR_SHUTDOWN_GRACE_SECONDS: '3',
    ...env,
  };
}

export function startValidator(
  owner: string,
  judge: string,
  env: NodeJS.ProcessEnv = {},
  hotkey = validatorKey,
): Validator {
  const validator = createValidator({
    config: validatorConfigFromEnv(validatorEnv(owner, judge, env)),
    hotkey,
    logger: createLogger('validator-test', process.env.LOG_LEVEL ?? 'silent'),
    connectTemporal: null,
  });
  validator.start();
  return validator;
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
