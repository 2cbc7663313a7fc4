/** The chain, loaded only by commands that ask it: its client takes a while to start. */
export { connectChain } from '../adapters/chain/client';
export { chainConfigFromEnv } from '../adapters/chain/config';
