import type { Hotkey } from '../adapters/keys/types';
import type { OwnerApi } from '../adapters/owner-api';
import type { Address } from './settings';

export interface Signer {
  hotkey: Hotkey;
  /** In words. */
  source: string;
}

/** The owner API as one command sees it. */
export interface Api {
  /** Calls by path, typed by the OpenAPI document; each is sent once and ends after 30 s. */
  owner: OwnerApi;
  /** The same with another deadline, in milliseconds. */
  within(timeoutMs: number): OwnerApi;
  /** A public file of any size, to `file`; `timeoutMs` is for all of it. */
  download(path: string, file: string, timeoutMs: number): Promise<void>;
  address: Address;
  /** null for public routes. */
  signer: Signer | null;
}
