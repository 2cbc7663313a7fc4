import { parseArgs } from 'node:util';
import { startLlmStandin } from './server';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
    knowledge: { type: 'string' },
    'api-key': { type: 'string' },
    models: { type: 'string' },
    'latency-ms': { type: 'string', default: '0' },
  },
});

async function main(): Promise<void> {
  const standin = await startLlmStandin({
    port: Number(values.port),
    host: values.host,
    latencyMs: Number(values['latency-ms']),
    ...(values.knowledge ? { knowledgePath: values.knowledge } : {}),
    ...(values['api-key'] ? { apiKey: values['api-key'] } : {}),
    ...(values.models ? { models: values.models.split(',') } : {}),
  });
  process.stderr.write(`model stand-in listens on ${standin.baseUrl}\n`);
  const stop = () => {
    standin.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
