/** The randomness beacon that opens time-locked commits: one signature each period, which nobody knows beforehand. */
export interface Beacon {
  /** Compressed G2 point, 96 bytes. */
  publicKey: Uint8Array;
  /** Unix time of round 1, in seconds. */
  genesisSeconds: number;
  /** Seconds between two rounds. */
  periodSeconds: number;
}

/** drand quicknet, the beacon of every public Bittensor network. */
export const QUICKNET: Beacon = {
  publicKey: Buffer.from(
    '83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c' +
      '8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb' +
      '5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a',
    'hex',
  ),
  genesisSeconds: 1_692_803_367,
  periodSeconds: 3,
};

/** The round of a beacon at a moment in Unix seconds, as the Bittensor clients count it; never below 1. */
export function roundAt(beacon: Beacon, seconds: number): number {
  return Math.max(1, Math.floor((seconds - beacon.genesisSeconds) / beacon.periodSeconds));
}
