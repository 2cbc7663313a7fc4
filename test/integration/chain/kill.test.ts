import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectChain } from '../../../adapters/chain/client';
import { createLogger } from '../../../adapters/logging';
import * as on from './support';

jest.setTimeout(60_000);

const root = join(__dirname, '..', '..', '..');
const children: ChildProcess[] = [];
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chain-kill-'));
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
  await on.afterLibraryTimers();
});

interface Started {
  child: ChildProcess;
  url: string;
  genesisHash: string;
  block: number;
}

function start(...args: string[]): Promise<Started> {
  const register = join(__dirname, 'register-typescript.cjs');
  const main = join(root, 'demo', 'standins', 'chain', 'main.ts');
  const child = spawn(process.execPath, ['-r', register, main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  return new Promise((resolve, reject) => {
    let errors = '';
    child.stderr?.on('data', (data: Buffer) => (errors += data.toString()));
    child.once('exit', (code) => reject(new Error(`the node ended with ${code}: ${errors}`)));
    child.stdout?.on('data', (data: Buffer) => {
      const ready = /^chain ready (\S+) genesis (\S+) block (\d+)$/m.exec(data.toString());
      if (ready)
        resolve({ child, url: ready[1] ?? '', genesisHash: ready[2] ?? '', block: Number(ready[3]) });
    });
  });
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('exit', resolve));
}

it('is the same chain after SIGKILL while it was paid and built blocks', async () => {
  const genesisFile = join(folder, 'genesis.json');
  const text = JSON.stringify(on.genesis, (_key, value: unknown) =>
    typeof value === 'bigint' ? `${value}` : value,
  );
  await writeFile(genesisFile, text);
  const where = ['--data-dir', join(folder, 'data'), '--block-ms', '50', '--finality-lag', '1'];
  const first = await start('--port', '0', '--genesis', genesisFile, ...where);
  const client = await connectChain(on.configFor(first), createLogger('test', 'error'));
  const pay = () => client.transferKeepAlive({ from: on.minerCold, to: on.treasury.ss58, amountRao: on.FEE });
  const receipt = await pay();
  const before = await client.health();

  const killed = ended(first.child);
  first.child.kill('SIGKILL');
  await killed;
  const port = new URL(first.url).port;
  const second = await start('--port', port, ...where);
  expect(second.genesisHash).toBe(first.genesisHash);
  expect(second.block).toBeGreaterThanOrEqual(before.block as number);
  const claim = {
    hotkey: on.miner.ss58,
    treasury: on.treasury.ss58,
    minimumRao: on.FEE,
    maxAgeBlocks: 10_000,
    extrinsicHash: receipt.extrinsicHash,
    blockHash: receipt.blockHash,
  };
  await expect(client.verifyFee(claim)).resolves.toMatchObject({
    kind: 'verified',
    blockNumber: receipt.blockNumber,
  });
  await pay();
  await expect(client.freeBalance(on.treasury.ss58)).resolves.toBe(2n * on.FEE);
  await client.close();

  const stopped = ended(second.child);
  second.child.kill('SIGTERM');
  await expect(stopped).resolves.toBe(0);
});

it('says what is wrong instead of starting', async () => {
  await expect(start('--port', '0')).rejects.toThrow(/needs a genesis/);
  await expect(start('--port', 'x')).rejects.toThrow(/--port takes a whole number/);
  const wrong = join(folder, 'wrong.json');
  await writeFile(wrong, JSON.stringify({ netuid: 0, neurons: [{ hotkey: 'x' }] }));
  await expect(start('--port', '0', '--genesis', wrong)).rejects.toThrow(/netuid[\s\S]*coldkey/);
});
