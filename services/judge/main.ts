import { createLogger, messageOf } from '../../adapters/logging';
import { serve } from '../http';
import { createJudgeService } from './app';
import { judgeConfigFromEnv } from './config';
import { judgementFiles } from './store';

const logger = createLogger('eiretes-judge');

async function main(): Promise<void> {
  const config = judgeConfigFromEnv(process.env);
  if (!config.endpoint) {
    logger.warn('no judge model is configured: set EIREL_EVAL_JUDGE_BASE_URL and EIREL_EVAL_JUDGE_API_KEY');
  }
  if (config.cacheDir === null) {
    logger.warn(
      'judgements are kept in memory only: set EIREL_EVAL_JUDGE_CACHE_DIR to keep them over restarts',
    );
  } else {
    const dropped = await judgementFiles(config.cacheDir).prune(config.cacheDays * 86_400_000);
    logger.info('judgements are kept', { dir: config.cacheDir, dropped });
  }
  await serve(createJudgeService(config, logger), config.listen);
}

main().catch((error: unknown) => {
  logger.error('eiretes-judge cannot start', { error: messageOf(error) });
  process.exitCode = 1;
  process.exit();
});
