import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { GenesisInput } from './genesis';
import { startChainNode } from './node';
import { SPEC_VERSIONS, type RuntimeProfile } from './profile';

const HELP = `Runs a local chain node on the genuine Bittensor metadata, for development without a network.

  --port N           WebSocket port, 0 for any free one (default 9944)
  --host ADDRESS     address to listen on (default 127.0.0.1)
  --genesis FILE     JSON with the subnet, its neurons and the balances; needed for a new chain
  --data-dir FOLDER  where the chain is kept; without it nothing survives the process
  --block-ms N       milliseconds between blocks (default 1000)
  --finality-lag N   blocks between head and finality (default 3)
  --runtime NAME     which runtime it begins with: genuine (the default), older (time locks by crv3, no mechanisms),
                     oldest (no time locks), or the genuine one in metadata v14 or v15
  --help             this text
`;

function wholeNumber(text: string, option: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`--${option} takes a whole number, not "${text}"`);
  return Number(text);
}

function profile(name: string): RuntimeProfile {
  const names = Object.keys(SPEC_VERSIONS);
  if (!names.includes(name)) throw new Error(`--runtime is one of ${names.join(', ')}, not "${name}"`);
  return name as RuntimeProfile;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '9944' },
      host: { type: 'string', default: '127.0.0.1' },
      genesis: { type: 'string' },
      'data-dir': { type: 'string' },
      'block-ms': { type: 'string', default: '1000' },
      'finality-lag': { type: 'string', default: '3' },
      runtime: { type: 'string', default: 'genuine' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const node = await startChainNode({
    host: values.host,
    port: wholeNumber(values.port, 'port'),
    dataDir: values['data-dir'],
    blockMs: wholeNumber(values['block-ms'], 'block-ms'),
    finalityLag: wholeNumber(values['finality-lag'], 'finality-lag'),
    runtime: profile(values.runtime),
    genesis: values.genesis ? (JSON.parse(readFileSync(values.genesis, 'utf8')) as GenesisInput) : undefined,
  });
  process.stdout.write(`chain ready ${node.url} genesis ${node.genesisHash} block ${node.best().number}\n`);
  const stop = (): void => {
    node.close().then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    );
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

function fail(error: unknown): never {
  process.stderr.write(`chain: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

main().catch(fail);
