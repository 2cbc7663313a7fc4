/** The native sr25519 module, built from `native/` where Rust is installed (scripts/native.mjs). */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../project-root';

/** What the module offers; the format of packed jobs is in `packed.ts`. */
export interface NativeSr25519 {
  /** Verifies packed jobs on a thread of Node's pool. */
  verifyPacked(jobs: Buffer): Promise<Buffer>;
  /** The same on the calling thread. */
  verifyPackedSync(jobs: Buffer): Buffer;
  /** @throws Error for key material that is none */
  sign(publicKey: Buffer, secretKey: Buffer, message: Buffer): Buffer;
}

let loaded: { module: NativeSr25519 | null; reason: string } | undefined;

/**
 * The native module and where it is from, or null and why there is none. `EIREL_SR25519=wasm` leaves it alone.
 * Looked for once for each process.
 */
export function nativeSr25519(env: NodeJS.ProcessEnv = process.env): {
  module: NativeSr25519 | null;
  reason: string;
} {
  loaded ??= find(env);
  return loaded;
}

function find(env: NodeJS.ProcessEnv): { module: NativeSr25519 | null; reason: string } {
  if (env.EIREL_SR25519 === 'wasm') return { module: null, reason: 'EIREL_SR25519 is wasm' };
  const path = env.EIREL_SR25519_MODULE ?? join(projectRoot(), 'build', 'native', 'sr25519.node');
  if (!existsSync(path)) {
    return {
      module: null,
      reason: `${path} was not built: that needs Rust's cargo on the PATH at build time`,
    };
  }
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- a module of this kind cannot be imported
    return { module: require(path) as NativeSr25519, reason: path };
  } catch (error) {
    // Built for another system, or against another libc.
    return { module: null, reason: `${path} cannot be loaded: ${(error as Error).message}` };
  }
}
