import type { Hotkey } from '../adapters/keys/types';
import type { OwnerClient } from '../adapters/owner-client';
import type { Address } from './settings';

export interface Signer {
  hotkey: Hotkey;
  /** In words. */
  source: string;
}

/** The owner API as one command sees it. */
export interface Api {
  client: OwnerClient;
  address: Address;
  /** null for public routes. */
  signer: Signer | null;
}
