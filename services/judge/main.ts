import { createLogger, messageOf } from '../../adapters/logging';
import { serve } from '../http';
import { createJudgeService } from './app';
import { judgeConfigFromEnv } from './config';

const logger = createLogger('eiretes-judge');

async function main(): Promise<void> {
  const config = judgeConfigFromEnv(process.env);
  if (!config.endpoint) {
    logger.warn('no judge model is configured: set EIREL_EVAL_JUDGE_BASE_URL and EIREL_EVAL_JUDGE_API_KEY');
  }
  await serve(createJudgeService(config, logger), config.listen);
}

main().catch((error: unknown) => {
  logger.error('eiretes-judge cannot start', { error: messageOf(error) });
  process.exitCode = 1;
  process.exit();
});
