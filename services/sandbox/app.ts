import type { Isolation } from '../../adapters/isolation';
import { executeRequestSchema, executeResponseSchema } from '../../domain/contracts/tools/sandbox';
import { createToolService, defineTool, type BuiltToolService, type ToolResources } from '../tools';
import type { SandboxConfig } from './config';
import { execute, type ExecuteDeps } from './execute';
import { Gate } from './gate';
import { createSandboxMetrics } from './metrics';
import { Sessions } from './sessions';

/** Longest execution, its sandbox's start and end, and a wait for its turn, in seconds. */
const MAX_SECONDS = 90;

/** Builds the sandbox service around a way to isolate that has been seen to work. */
export function createSandboxService(
  config: SandboxConfig,
  isolation: Isolation,
  { prisma, redis, logger }: ToolResources,
): BuiltToolService {
  const sessions = new Sessions(config.sessions, (error) =>
    logger.error('a session could not be ended', { error }),
  );
  const gate = new Gate(config.concurrency, config.maxWaiting);
  const tool = createToolService({
    config,
    words: {
      name: 'sandbox',
      invalidToken: 'invalid sandbox tool auth token',
      missingJob: 'missing X-Eirel-Job-Id',
      quotaExceeded: () => 'sandbox tool request budget exceeded',
    },
    prisma,
    redis,
    logger,
    bodyLimitBytes: config.maxBodyBytes,
    health: () => ({ status: 'ok', isolation: isolation.facts, sessions: sessions.size }),
    tools: [
      defineTool({
        name: 'sandbox_python',
        path: '/v1/execute',
        // Where the miner SDK looks for it.
        aliases: ['/v1/tools/sandbox'],
        summary: 'Runs Python code without network in a sandbox of its own, or in that of a session',
        request: executeRequestSchema,
        response: executeResponseSchema,
        priceMicroUsd: config.priceMicroUsd,
        maxSeconds: MAX_SECONDS,
        refusals: {
          409: 'The session is executing',
          413: 'The code or the request is too large',
        },
        loggedArgs: ({ attachments, ...rest }) => ({
          ...rest,
          attachments: (attachments ?? []).map(({ filename, content_b64: content }) => ({
            filename,
            content_b64_characters: content.length,
          })),
        }),
        run: (request, call) => execute(request, call, deps()),
      }),
    ],
  });
  const shared: ExecuteDeps = {
    config,
    isolation,
    sessions,
    gate,
    metrics: createSandboxMetrics(tool.service.registry, () => sessions.size),
  };
  function deps(): ExecuteDeps {
    return shared;
  }
  return { ...tool, close: () => sessions.close() };
}
