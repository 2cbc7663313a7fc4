/** The capability x domain sampler and the freezing of what it drew. */
export { drawMatrix, sampleMatrix, SAMPLER_ALGORITHM } from './matrix';
export type { MatrixCell, MatrixDraw, MatrixItem, MatrixSample } from './matrix';
export { commitment, deriveSeed, verifyCommitment } from './seed';
export { drawWithoutReplacement, randomStream } from './prng';
export type { RandomStream } from './prng';
export {
  DEFAULT_RETRIEVAL_ENVIRONMENT,
  freezeBundle,
  poolDigest,
  poolIndex,
  samplerPromise,
  taskDigest,
} from './freeze';
export type { PoolItem, SamplerPromise } from './freeze';
