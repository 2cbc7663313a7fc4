/** Thread that verifies signatures by WebAssembly, so that the event loop does not stand still meanwhile. */
import { parentPort } from 'node:worker_threads';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { verifyPackedWasm } from './wasm-verify';

parentPort?.on('message', ({ id, jobs }: { id: number; jobs: Uint8Array }) => {
  cryptoWaitReady().then(
    () => parentPort?.postMessage({ id, verdicts: verifyPackedWasm(jobs) }),
    (error: unknown) => parentPort?.postMessage({ id, error: String(error) }),
  );
});
