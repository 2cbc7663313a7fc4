/** What vectors are made for. */
export interface EmbeddingPurpose {
  /** Under which job the proxy records what they cost; an endpoint of a vendor is not told. */
  job: string;
  signal?: AbortSignal;
}

/** Makes vectors of texts. */
export interface Embedder {
  /** What the vectors are made by, as it is kept with them and shown: two names never share a corpus. */
  readonly name: string;
  /**
   * One vector for each text, all of the same length, of length 1 each (a vector of zeros stays one).
   * @throws EmbeddingError when they cannot be had
   */
  embed(texts: readonly string[], purpose: EmbeddingPurpose): Promise<Float32Array[]>;
}

/** Vectors could not be made; the message holds no secret and may go to the caller. */
export class EmbeddingError extends Error {
  override readonly name = 'EmbeddingError';
}

/** Scales a vector to length 1; a vector of zeros is left as it is. */
export function normalised(values: ArrayLike<number>): Float32Array {
  let squares = 0;
  for (let index = 0; index < values.length; index += 1) squares += (values[index] ?? 0) ** 2;
  const norm = Math.sqrt(squares) || 1;
  return Float32Array.from(values, (value) => value / norm);
}
