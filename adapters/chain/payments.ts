/** Extrinsics that cost money: each is signed once and waited for until it is in a block. */
import type { ApiPromise } from '@polkadot/api';
import { isSs58Address } from '../keys/address';
import type { Hotkey } from '../keys/types';
import type { ChainConnection } from './connection';
import { ChainUnavailable, TransferFailed } from './errors';
import { submitExtrinsic } from './extrinsics';
import type { Call } from './extrinsics';
import type { TransferReceipt, TransferRequest } from './types';

const ERA_BLOCKS = 64;
const DEADLINE_MS = 120_000;

type Tx = (...args: unknown[]) => Call;

/** The first of several calls that the runtime has, by pallet and name. */
function callOf(api: ApiPromise, ...names: [pallet: string, name: string][]): { name: string; make: Tx } {
  for (const [pallet, name] of names) {
    const make = api.tx[pallet]?.[name] as unknown as Tx | undefined;
    if (make) return { name, make };
  }
  throw new TransferFailed(`the runtime has no call ${names.map((name) => name.join('.')).join(' or ')}`);
}

/** See `ChainClient.transferKeepAlive`. */
export async function transferKeepAlive(
  connection: ChainConnection,
  request: TransferRequest,
): Promise<TransferReceipt> {
  if (!isSs58Address(request.to))
    throw new TransferFailed(`"${request.to}" is not an SS58 address with prefix 42`);
  if (request.amountRao <= 0n)
    throw new TransferFailed(`the amount is ${request.amountRao} rao: it must be positive`);
  const call = (api: ApiPromise): Call =>
    callOf(api, ['balances', 'transferKeepAlive']).make(request.to, request.amountRao);
  return pay(connection, 'transfer', request.from, call, request.deadlineMs);
}

/** See `ChainClient.registerNeuron`. */
export async function registerNeuron(
  connection: ChainConnection,
  { coldkey, netuid, hotkey }: { coldkey: Hotkey; netuid: number; hotkey: string },
): Promise<TransferReceipt> {
  return pay(connection, 'registration', coldkey, (api) =>
    callOf(api, ['subtensorModule', 'burnedRegister']).make(netuid, hotkey),
  );
}

/** See `ChainClient.addStake`. */
export async function addStake(
  connection: ChainConnection,
  request: { coldkey: Hotkey; netuid: number; hotkey: string; amountRao: bigint },
): Promise<TransferReceipt> {
  return pay(connection, 'stake', request.coldkey, (api) =>
    callOf(api, ['subtensorModule', 'addStake']).make(request.hotkey, request.netuid, request.amountRao),
  );
}

async function pay(
  connection: ChainConnection,
  what: string,
  signer: Hotkey,
  call: (api: ApiPromise) => Call,
  deadlineMs = DEADLINE_MS,
): Promise<TransferReceipt> {
  const outcome = await submitExtrinsic(connection, {
    signer,
    eraPeriod: ERA_BLOCKS,
    tipRao: 0n,
    deadlineMs,
    call,
  });
  switch (outcome.kind) {
    case 'included':
      return {
        extrinsicHash: outcome.extrinsicHash,
        extrinsicIndex: outcome.extrinsicIndex,
        blockHash: outcome.block.hash,
        blockNumber: outcome.block.number,
      };
    case 'failed':
      throw new TransferFailed(`the chain did not execute the ${what}: ${outcome.failure.text}`);
    case 'refused':
      throw new TransferFailed(`the node refused the ${what}: ${outcome.error.message}`);
    case 'lapsed':
      throw new TransferFailed(
        `no block took the ${what} while its signature was valid: nothing was paid, try again`,
      );
    case 'unsent':
      throw new ChainUnavailable(`the ${what} was not sent: ${outcome.message}`);
    case 'unknown':
      throw new TransferFailed(`${outcome.message}: look at the balance before paying again`, true);
  }
}
