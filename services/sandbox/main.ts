import { createIsolation } from '../../adapters/isolation';
import { runToolService } from '../tools';
import { createSandboxService } from './app';
import { sandboxConfigFromEnv } from './config';

runToolService('sandbox', sandboxConfigFromEnv, async (config, resources) => {
  // Before anything listens: without walls there is no sandbox.
  const isolation = await createIsolation({
    ...config.isolation,
    tag: `sandbox-${config.listen.port}`,
  });
  resources.logger.info('untrusted code is isolated', isolation.facts);
  for (const warning of isolation.warnings) resources.logger.warn(warning);
  return createSandboxService(config, isolation, resources);
});
