import { u8aConcat, u8aToHex, compactToU8a, hexToU8a } from '@polkadot/util';
import type { Block, Chain } from './chain';
import type { Faults } from './faults';
import { invalid, PoolError } from './extrinsic';
import { neuronsLite, Subnet } from './subtensor';

/** An error answer of JSON-RPC. */
export class RpcFailure extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly data?: string,
  ) {
    super(message);
  }
}

export type Method = (...params: unknown[]) => unknown;

const UNKNOWN_BLOCK = 4003;
const NOT_FOUND = -32601;
const BAD_PARAMS = -32602;

/** The header of a block in the shape of `chain_getHeader`. */
export function headerJson(block: Block): object {
  return {
    parentHash: block.parentHash,
    number: `0x${block.number.toString(16)}`,
    stateRoot: block.stateRoot,
    extrinsicsRoot: block.extrinsicsRoot,
    digest: { logs: [] },
  };
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new RpcFailure(BAD_PARAMS, `Invalid params: ${what} must be a string`);
  return value;
}

/** The methods that answer one question with one result; subscriptions are the server's. */
export function rpcMethods(chain: Chain, startedAt: number, faults: Faults): Record<string, Method> {
  const stateOf = (hash: unknown): Block => {
    const block = blockOf(hash);
    if (block.number < faults.prunedBelow) {
      const text = `Client error: UnknownBlock: State already discarded for ${block.hash}`;
      throw new RpcFailure(UNKNOWN_BLOCK, text);
    }
    return block;
  };
  const blockOf = (hash: unknown): Block => {
    const block = chain.block(hash as string | null | undefined);
    if (!block)
      throw new RpcFailure(
        UNKNOWN_BLOCK,
        `Client error: UnknownBlock: Header was not found: ${String(hash)}`,
      );
    return block;
  };
  return {
    system_chain: () => chain.genesis.name,
    system_chainType: () => 'Development',
    system_name: () => 'eirel-devnode',
    system_version: () => `${chain.runtime.specVersion}-devnode`,
    system_properties: () => ({ ss58Format: 42, tokenDecimals: 9, tokenSymbol: 'TAO' }),
    system_health: () => ({ peers: 0, isSyncing: false, shouldHavePeers: false }),
    system_nodeRoles: () => ['Authority'],
    system_syncState: () => ({
      startingBlock: 0,
      currentBlock: chain.best.number,
      highestBlock: chain.best.number,
    }),
    system_accountNextIndex: (address) =>
      Math.max(0, chain.nextNonce(text(address, 'the account')) - faults.staleNonceBy),
    state_getRuntimeVersion: (at) => {
      blockOf(at);
      return chain.runtime.versionJson();
    },
    state_getMetadata: (at) => {
      blockOf(at);
      return chain.runtime.metadataHex;
    },
    state_getStorage: (key, at) => chain.storageAt(text(key, 'the key'), stateOf(at)),
    state_getStorageSize: (key, at) => {
      const value = chain.storageAt(text(key, 'the key'), stateOf(at));
      return value === null ? null : value.length / 2 - 1;
    },
    state_getStorageHash: (key, at) => chain.storageAt(text(key, 'the key'), stateOf(at)),
    state_queryStorageAt: (keys, at) => {
      const block = stateOf(at);
      const changes = (keys as string[]).map((key) => [key, chain.storageAt(key, block)]);
      return [{ block: block.hash, changes }];
    },
    state_getKeysPaged: (prefix, count, start, at) => {
      const keys = chain.db.keysAt(text(prefix, 'the prefix').toLowerCase(), stateOf(at).number);
      const after = start ? keys.filter((key) => key > (start as string).toLowerCase()) : keys;
      return after.slice(0, Number(count));
    },
    state_call: (name, data, at) =>
      runtimeCall(chain, text(name, 'the method'), text(data, 'the data'), stateOf(at)),
    chain_getBlockHash: (number) => {
      if (number === undefined || number === null) return chain.best.hash;
      return chain.blockAt(Number(number))?.hash ?? null;
    },
    chain_getHeader: (hash) => {
      const block = chain.block(hash as string | undefined);
      return block && headerJson(block);
    },
    chain_getBlock: (hash) => {
      const block = chain.block(hash as string | undefined);
      if (!block) return null;
      return {
        block: { header: headerJson(block), extrinsics: chain.extrinsicsOf(block) },
        justifications: null,
      };
    },
    chain_getFinalizedHead: () => {
      if (faults.finalizedHead === 'unknown') return `0x${'fe'.repeat(32)}`;
      return faults.finalizedHead === 'genesis' ? chain.genesisHash : chain.finalized.hash;
    },
    author_submitExtrinsic: (hex) => {
      if (faults.customError !== null) throw invalid(`Custom error: ${faults.customError}`);
      return chain.submit(text(hex, 'the extrinsic')).hash;
    },
    author_pendingExtrinsics: () => chain.pending(),
    dev_status: () => ({
      best: chain.best.number,
      finalized: chain.finalized.number,
      genesis: chain.genesisHash,
      uptimeSeconds: Math.floor((Date.now() - startedAt) / 1000),
    }),
  };
}

/** Turns whatever a method threw into an error answer. */
export function failureOf(error: unknown): { code: number; message: string; data?: string } {
  if (error instanceof RpcFailure || error instanceof PoolError) {
    const { code, message, data } = error;
    return data === undefined ? { code, message } : { code, message, data };
  }
  return {
    code: -32603,
    message: `Internal error: ${error instanceof Error ? error.message : String(error)}`,
  };
}

// Runtime APIs; the name is `<Api>_<method>`, arguments and result are SCALE.
function runtimeCall(chain: Chain, name: string, data: string, block: Block): string {
  const args = hexToU8a(data);
  const db = { get: (key: string) => chain.storageAt(key, block), set: () => undefined };
  const [api = '', method = ''] = [name.slice(0, name.indexOf('_')), name.slice(name.indexOf('_') + 1)];
  const output = chain.runtime.apiOutput(api, method);
  const encode = (value: unknown): string => {
    if (!output)
      throw new RpcFailure(NOT_FOUND, `Client error: Execution failed: no such runtime method ${name}`);
    return u8aToHex(chain.runtime.registry.createTypeUnsafe(output, [value]).toU8a());
  };
  const netuid = args.length >= 2 ? Buffer.from(args).readUInt16LE(0) : 0;
  switch (name) {
    case 'Metadata_metadata_versions': {
      if (chain.runtime.profile === 'v14')
        throw new RpcFailure(NOT_FOUND, 'Client error: no such runtime method');
      const version = chain.runtime.profile === 'v15' ? 15 : 16;
      return u8aToHex(u8aConcat(compactToU8a(1), Uint8Array.of(version, 0, 0, 0)));
    }
    case 'Metadata_metadata_at_version': {
      const version = chain.runtime.profile === 'v15' ? 15 : 16;
      if (Buffer.from(args).readUInt32LE(0) !== version) return '0x00';
      const raw = hexToU8a(chain.runtime.metadataHex);
      return u8aToHex(u8aConcat(Uint8Array.of(1), compactToU8a(raw.length), raw));
    }
    case 'Core_version':
      return u8aToHex(chain.runtime.constant('system', 'version').toU8a());
    case 'AccountNonceApi_account_nonce':
      return encode(
        (chain.runtime.item('system', 'account').read(db, args) as unknown as { nonce: unknown }).nonce,
      );
    case 'SubnetInfoRuntimeApi_get_selective_metagraph': {
      const subnet = new Subnet(chain.runtime, db, netuid);
      const totalStake = neuronsLite(subnet).map(({ stake }) => stake[0][1]);
      return encode(subnet.exists ? { netuid, totalStake } : null);
    }
    case 'NeuronInfoRuntimeApi_get_neurons_lite':
      return encode(neuronsLite(new Subnet(chain.runtime, db, netuid)));
    case 'NeuronInfoRuntimeApi_get_neuron_lite':
      return encode(
        neuronsLite(new Subnet(chain.runtime, db, netuid))[Buffer.from(args).readUInt16LE(2)] ?? null,
      );
    default:
      throw new RpcFailure(
        NOT_FOUND,
        `Client error: Execution failed: this development node has no runtime method ${name}`,
      );
  }
}
