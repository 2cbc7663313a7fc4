import { hotkeyFromEnv } from '../../adapters/keys/wallet';
import { createLogger, messageOf } from '../../adapters/logging';
import { connectTemporal, ensureSearchAttributes, temporalConfigFromEnv } from '../../adapters/temporal';
import { serve } from '../http';
import { createValidator } from './app';
import { validatorConfigFromEnv } from './config';

const logger = createLogger('validator-engine');

async function main(): Promise<void> {
  const config = validatorConfigFromEnv(process.env);
  const hotkey = await hotkeyFromEnv(process.env, 'EIREL_VALIDATOR');
  const temporal = config.weights.enabled ? temporalConfigFromEnv(process.env) : null;
  const validator = createValidator({
    config,
    hotkey,
    logger,
    connectTemporal: temporal
      ? async () => {
          const client = await connectTemporal(temporal);
          await ensureSearchAttributes(client);
          return client;
        }
      : null,
  });
  const running = await serve(validator.service, { ...config.listen, handleSignals: false });
  validator.start();
  logger.info('the validator works', {
    hotkey: hotkey.ss58,
    owner_api: config.ownerApiUrl,
    judge: config.judgeUrl,
  });

  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    logger.info('the validator stops: nothing is claimed any more', { signal });
    // HTTP answers until the last task has ended, so that an operator can watch the stop.
    validator
      .stop()
      .then(() => running.close())
      .then(
        () => process.exit(0),
        (error: unknown) => {
          logger.error('the stop failed', { error });
          process.exit(1);
        },
      );
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
}

main().catch((error: unknown) => {
  logger.error('validator-engine cannot start', { error: messageOf(error) });
  process.exit(1);
});
