/** The owner API as this validator finds it. */
import type { Hotkey } from '../../adapters/keys/types';
import { OwnerClient, OwnerRefused } from '../../adapters/owner-client';
import { EXIT } from '../exit-codes';
import { Finding, warning } from './check';

/** The owner refuses signatures that are further off than this. */
const MAX_SKEW_SECONDS = 60;
const WORRYING_SKEW_SECONDS = 10;
const TIMEOUT_MS = 10_000;

/** What `reachOwner` learned. */
export interface OwnerReached {
  url: string;
  /** How far this machine's clock is ahead of the owner's, in seconds; null when it did not say. */
  aheadSeconds: number | null;
}

/** @throws Finding */
export async function reachOwner(url: string): Promise<OwnerReached> {
  const before = Date.now();
  let response: Response;
  try {
    response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    await response.arrayBuffer();
  } catch (error) {
    const cause = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).message;
    throw new Finding(
      `the owner API at ${url} was not reached (${cause})`,
      'set OWNER_API_URL to the address that the owner names; check the network and any firewall',
      EXIT.temporary,
    );
  }
  if (!response.ok) {
    throw new Finding(
      `${url}/healthz answered ${response.status}`,
      'wait for the owner to be well again, or correct OWNER_API_URL',
      EXIT.temporary,
    );
  }
  const date = Date.parse(response.headers.get('date') ?? '');
  // The header has whole seconds: its middle is the best guess.
  const now = (before + Date.now()) / 2;
  return { url, aheadSeconds: Number.isFinite(date) ? (now - date - 500) / 1000 : null };
}

/** @throws Finding for a clock that the owner will refuse, or nearly */
export function judgeSkew(aheadSeconds: number | null, against: string): string {
  if (aheadSeconds === null)
    throw warning(`${against} does not tell its time`, 'keep the clock in step with NTP');
  const words = `${Math.abs(aheadSeconds).toFixed(1)} s ${aheadSeconds >= 0 ? 'ahead of' : 'behind'} ${against}`;
  const fix = 'set the clock: timedatectl set-ntp true (or your system’s NTP service), then run this again';
  if (Math.abs(aheadSeconds) >= MAX_SKEW_SECONDS) {
    throw new Finding(`this machine is ${words}; requests are refused from ${MAX_SKEW_SECONDS} s on`, fix);
  }
  if (Math.abs(aheadSeconds) >= WORRYING_SKEW_SECONDS) throw warning(`this machine is ${words}`, fix);
  return words;
}

/** Sends one signed read. @throws Finding */
export async function trySignature(url: string, hotkey: Hotkey): Promise<string> {
  const client = new OwnerClient({ baseUrl: url, hotkey, attempts: 1 });
  try {
    const self = await client.validatorSelf();
    if (!self.is_active) {
      throw new Finding(
        `the owner knows ${hotkey.ss58}, but has switched it off`,
        'ask the owner to enable it: eirel-ai admin validators add ' + hotkey.ss58,
        EXIT.refused,
      );
    }
    return `accepted; ${hotkey.ss58} is on the owner's list of validators`;
  } catch (error) {
    if (!(error instanceof OwnerRefused)) throw error;
    if (error.status === 401) {
      throw new Finding(
        `the owner does not accept the signature: ${String(error.detail)}`,
        'check the clock (above) and that the wallet is the one you registered',
        EXIT.authentication,
      );
    }
    if (error.status === 403) {
      throw new Finding(
        `the signature is good, but ${hotkey.ss58} is not on the owner's list of validators`,
        `ask the owner to add it: eirel-ai admin validators add ${hotkey.ss58}`,
        EXIT.refused,
      );
    }
    throw new Finding(error.message, 'try again later', EXIT.temporary);
  } finally {
    await client.close();
  }
}
