/** The owner's worker as `workers/main.ts` starts it, with simulated agents in place of containers. */
import { createLogger, messageOf } from '../../adapters/logging';
import { openOwner } from '../../workers/owner';
import { serve } from '../../workers/parts';
import { SimulatedRuntime } from './simulated-runtime';

const logger = createLogger('worker');
const runtime = new SimulatedRuntime(
  process.env.EIREL_BENCH_AGENTS_URL as string,
  Number(process.env.EIREL_BENCH_AGENT_SLOTS),
);

serve(process.env, logger, (stopping) => openOwner(process.env, logger, stopping, runtime)).then(
  () => process.exit(0),
  (error: unknown) => {
    logger.error('the worker ended', { error: messageOf(error) });
    process.exit(1);
  },
);
