import { lookup as systemLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { refusedKind } from './addresses';
import { FetchFailed, SsrfBlocked } from './errors';

/** An address that was checked. */
export interface CheckedAddress {
  address: string;
  family: 4 | 6;
}

/** Turns a name into all its addresses. */
export type Resolve = (hostname: string) => Promise<{ address: string; family: number }[]>;

/** A hop that may be connected to: the URL as it was parsed, and the only addresses that its socket may have. */
export interface CheckedHop {
  url: URL;
  addresses: readonly CheckedAddress[];
}

export interface GuardOptions {
  /** `host:port` pairs that are exempt from the address check, for tests and demos. */
  allowedTargets: ReadonlySet<string>;
  /** Longest time that a name may take, in milliseconds. */
  resolveMs: number;
  /** The system's resolver unless given. */
  resolve?: Resolve;
}

const MAX_URL_LENGTH = 8192;
const MAX_ADDRESSES = 16;
const REFUSED_NAMES = new Set(['metadata', 'instance-data', 'localhost', 'localhost.localdomain']);
// Names that no public resolver answers, or that clouds and home networks answer with their own insides.
const REFUSED_SUFFIXES = ['.internal', '.localhost', '.local', '.localdomain', '.home.arpa', '.onion'];

/**
 * Parses a URL as the connection will use it. Every spelling of an IPv4 address (decimal, octal, hexadecimal, short,
 * full-width digits) comes out of the WHATWG parser as the plain one, so that there is only one form to check.
 * @param base for relative references
 * @throws SsrfBlocked for another scheme, no host, credentials, or no URL at all
 */
export function parseTarget(text: string, base?: URL): URL {
  if (text.length > MAX_URL_LENGTH) throw new SsrfBlocked(`url is longer than ${MAX_URL_LENGTH} characters`);
  let url: URL;
  try {
    url = new URL(text, base);
  } catch {
    throw new SsrfBlocked('not a valid absolute URL');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new SsrfBlocked('scheme must be http or https');
  if (!url.hostname) throw new SsrfBlocked('url has no host');
  if (url.username || url.password) throw new SsrfBlocked('url must not carry credentials');
  return url;
}

/** `host:port` of a URL with the port always there. */
export function targetOf(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === 'https:' ? '443' : '80')}`;
}

/**
 * Checks where a URL leads, and resolves its name exactly once: the socket must be given the addresses returned here.
 * @throws SsrfBlocked when any address is not public; FetchFailed when the name cannot be resolved in time
 */
export async function checkHop(url: URL, options: GuardOptions): Promise<CheckedHop> {
  const exempt = options.allowedTargets.has(targetOf(url));
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const literal = isIP(host);
  if (literal) {
    const kind = exempt ? null : refusedKind(host);
    if (kind) throw new SsrfBlocked(`${host} is a ${kind} address`);
    return { url, addresses: [{ address: host, family: literal as 4 | 6 }] };
  }
  const name = host.toLowerCase().replace(/\.+$/, '');
  if (name === '' || name.includes('..') || host.endsWith('..'))
    throw new SsrfBlocked('the host name has an empty label');
  if (!exempt && (REFUSED_NAMES.has(name) || REFUSED_SUFFIXES.some((suffix) => name.endsWith(suffix)))) {
    throw new SsrfBlocked(`${name} is a private name`);
  }
  const found = await resolveInTime(host, options);
  const addresses: CheckedAddress[] = [];
  for (const { address } of found) {
    // One private address among public ones is refused too: which of them is connected would be left to chance.
    if (!exempt && refusedKind(address) !== null) {
      throw new SsrfBlocked(`${name} resolves to an address that is not public`);
    }
    const family = isIP(address);
    if (family) addresses.push({ address, family: family as 4 | 6 });
  }
  if (addresses.length === 0) throw new FetchFailed('the host name has no address', 'network');
  return { url, addresses: addresses.slice(0, MAX_ADDRESSES) };
}

async function resolveInTime(
  host: string,
  { resolve, resolveMs }: GuardOptions,
): Promise<{ address: string; family: number }[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new FetchFailed('the host name could not be resolved in time', 'timeout')),
      resolveMs,
    );
  });
  try {
    const answer = (resolve ?? ((name: string) => systemLookup(name, { all: true, verbatim: true })))(host);
    return await Promise.race([answer, late]);
  } catch (error) {
    if (error instanceof FetchFailed) throw error;
    throw new FetchFailed('the host name could not be resolved', 'network');
  } finally {
    clearTimeout(timer);
  }
}
