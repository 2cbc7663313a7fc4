import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Which addresses may be connected to. What is not known to be a public unicast address is refused: the list names
 * what is allowed, so that a range that somebody sets aside tomorrow is refused unless it lies in public space.
 */

// Public by their numbers, yet special: a cloud's metadata service, and ranges that ipaddr.js has no name for.
const REFUSED_V4: [network: string, kind: string][] = [
  ['168.63.129.16/32', 'metadata'],
  ['192.88.99.0/24', '6to4'],
  ['192.0.0.0/24', 'reserved'],
  ['192.0.2.0/24', 'documentation'],
  ['198.51.100.0/24', 'documentation'],
  ['203.0.113.0/24', 'documentation'],
  ['198.18.0.0/15', 'benchmarking'],
];
const REFUSED_V6: [network: string, kind: string][] = [
  ['64:ff9b::/96', 'nat64'],
  ['64:ff9b:1::/48', 'nat64'],
  ['::ffff:0:0:0/96', 'nat64'],
  ['2002::/16', '6to4'],
  ['2001::/32', 'teredo'],
  ['2001::/23', 'reserved'],
  ['2001:db8::/32', 'documentation'],
  ['3fff::/20', 'documentation'],
  ['2620:4f:8000::/48', 'reserved'],
];
const GLOBAL_V6 = ipaddr.IPv6.parseCIDR('2000::/3');
const v4Table = REFUSED_V4.map(([network, kind]) => [ipaddr.IPv4.parseCIDR(network), kind] as const);
const v6Table = REFUSED_V6.map(([network, kind]) => [ipaddr.IPv6.parseCIDR(network), kind] as const);

const WORDS: Readonly<Record<string, string>> = {
  linkLocal: 'link-local',
  carrierGradeNat: 'carrier-grade NAT',
  uniqueLocal: 'private',
  ipv4Mapped: 'IPv4-mapped',
  rfc6145: 'nat64',
  rfc6052: 'nat64',
};

/**
 * Says what kind of address this is when it may not be connected to.
 * @param address a textual IPv4 or IPv6 address
 * @returns null for a public unicast address, else a word such as `loopback` or `private`
 */
export function refusedKind(address: string): string | null {
  // Stricter than ipaddr.js, which also reads short and octal forms and zone ids.
  if (isIP(address) === 0 || address.includes('%')) return 'malformed';
  const parsed = ipaddr.parse(address);
  if (parsed instanceof ipaddr.IPv4) {
    const special = v4Table.find(([network]) => parsed.match(network));
    return special?.[1] ?? refusedRange(parsed.range());
  }
  const special = v6Table.find(([network]) => parsed.match(network));
  if (special) return special[1];
  const range = refusedRange(parsed.range());
  if (range) return range;
  // Only this eighth of the space has ever been handed out; site-local and IPv4-compatible addresses lie outside it.
  return parsed.match(GLOBAL_V6) ? null : 'reserved';
}

function refusedRange(range: string): string | null {
  return range === 'unicast' ? null : (WORDS[range] ?? range);
}
