import './fast-strings';
import { TypeRegistry } from '@polkadot/types';
import type { Codec } from '@polkadot/types/types';
import { hexToU8a } from '@polkadot/util';

// For runtimes whose metadata does not describe their methods (chain.md section 3.1).
const TYPES = {
  AxonInfoLite: {
    block: 'u64',
    version: 'u32',
    ip: 'u128',
    port: 'u16',
    ipType: 'u8',
    protocol: 'u8',
    placeholder1: 'u8',
    placeholder2: 'u8',
  },
  PrometheusInfoLite: { block: 'u64', version: 'u32', ip: 'u128', port: 'u16', ipType: 'u8' },
  NeuronInfoLite: {
    hotkey: 'AccountId32',
    coldkey: 'AccountId32',
    uid: 'Compact<u16>',
    netuid: 'Compact<u16>',
    active: 'bool',
    axonInfo: 'AxonInfoLite',
    prometheusInfo: 'PrometheusInfoLite',
    stake: 'Vec<(AccountId32, Compact<u64>)>',
    rank: 'Compact<u16>',
    emission: 'Compact<u64>',
    incentive: 'Compact<u16>',
    consensus: 'Compact<u16>',
    trust: 'Compact<u16>',
    validatorTrust: 'Compact<u16>',
    dividends: 'Compact<u16>',
    lastUpdate: 'Compact<u64>',
    validatorPermit: 'bool',
    pruningScore: 'Compact<u16>',
  },
};

let registry: TypeRegistry | null = null;

/** Decodes a `Vec<NeuronInfoLite>`. @throws Error when the bytes are of another shape */
export function decodeNeuronsLite(hex: string): Codec[] {
  if (!registry) {
    registry = new TypeRegistry();
    registry.register(TYPES);
  }
  const bytes = hexToU8a(hex);
  const list = registry.createType('Vec<NeuronInfoLite>', bytes);
  if (list.encodedLength !== bytes.length) throw new Error('neurons of a shape that is not known here');
  return [...(list as unknown as Iterable<Codec>)];
}
