import { DefaultLogger, Runtime } from '@temporalio/worker';
import { hotkeyFromEnv } from '../../adapters/keys/wallet';
import { createLogger, messageOf } from '../../adapters/logging';
import { temporalConfigFromEnv } from '../../adapters/temporal';
import { serve } from '../http';
import { createValidator } from './app';
import { validatorConfigFromEnv } from './config';

const logger = createLogger('validator-engine');

async function main(): Promise<void> {
  const config = validatorConfigFromEnv(process.env);
  const hotkey = await hotkeyFromEnv(process.env, 'EIREL_VALIDATOR');
  const temporal = temporalConfigFromEnv(process.env);
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      logger[level === 'ERROR' ? 'error' : 'warn'](message, meta);
    }),
    shutdownSignals: [],
  });
  const validator = createValidator({ config, hotkey, temporal, logger });
  const running = await serve(validator.service, { ...config.listen, handleSignals: false });
  let stopping = false;
  const stop = (reason: string, code: number): void => {
    if (stopping) return;
    stopping = true;
    logger.info('the validator stops; what is not finished is taken up by the next start', { reason });
    // HTTP answers until the last task has ended, so that an operator can watch the stop.
    validator
      .stop()
      .then(() => running.close())
      .then(
        () => process.exit(code),
        (error: unknown) => {
          logger.error('the stop failed', { error });
          process.exit(1);
        },
      );
  };
  process.on('SIGTERM', () => stop('SIGTERM', 0)).on('SIGINT', () => stop('SIGINT', 0));
  await validator.start();
  validator.ended.then(
    () => stop('the worker ended', 1),
    (error: unknown) => {
      logger.error('the worker broke', { error: messageOf(error) });
      stop('the worker broke', 1);
    },
  );
  logger.info('the validator works', {
    hotkey: hotkey.ss58,
    owner_api: config.ownerApiUrl,
    judge: config.judgeUrl,
    temporal: temporal.address,
    journals: config.journalDir,
  });
}

main().catch((error: unknown) => {
  logger.error('validator-engine cannot start', { error: messageOf(error) });
  process.exit(1);
});
