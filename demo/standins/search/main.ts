import { parseArgs } from 'node:util';
import { pagesOfDataset } from './pages';
import { startSearchStandin } from './server';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
    dataset: { type: 'string' },
    'api-key': { type: 'string' },
    'latency-ms': { type: 'string', default: '0' },
  },
});

async function main(): Promise<void> {
  const standin = await startSearchStandin({
    port: Number(values.port),
    host: values.host,
    latencyMs: Number(values['latency-ms']),
    ...(values.dataset ? { pages: pagesOfDataset(values.dataset) } : {}),
    ...(values['api-key'] ? { apiKey: values['api-key'] } : {}),
  });
  process.stderr.write(`search stand-in listens on ${standin.url}\n`);
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
