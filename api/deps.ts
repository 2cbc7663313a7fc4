import type { Client } from '@temporalio/client';
import type { Redis } from 'ioredis';
import type { Registry } from 'prom-client';
import type { ChainClient } from '../adapters/chain/types';
import type { Logger } from '../adapters/logging';
import type { ObjectStore } from '../adapters/object-store/types';
import type { PrismaClient } from '../adapters/postgres';
import type { ApiConfig } from './config';

/** Everything outside that handlers reach; made once at boot by `main.ts`, or by a test. */
export interface ApiDeps {
  config: ApiConfig;
  db: PrismaClient;
  redis: Redis;
  temporal: Client;
  objectStore: ObjectStore;
  /** null where no chain is configured: fees cannot be verified then. */
  chain: ChainClient | null;
  logger: Logger;
  /** Address of the owner's hotkey, null when none is configured. */
  ownerHotkey: string | null;
  /** The present; a test may hold it still. */
  clock: () => Date;
  metrics: Registry;
}
