import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { compactAddLength, compactStripLength } from '@polkadot/util';
import { QUICKNET, roundAt } from '../../../adapters/chain/timelock/beacon';
import {
  beaconKeyOf,
  signRound,
  timelockDecrypt,
  timelockEncrypt,
} from '../../../adapters/chain/timelock/encrypt';
import { weightsPayload } from '../../../adapters/chain/timelock/payload';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

// The public signature of drand quicknet's round 1000.
const ROUND = 1000;
const SIGNATURE = hex(
  'b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39',
);

// Made by bittensor-drand 2.0.0 (`encrypt_at_round`) from the payload of a hotkey 00 01 .. 1f, weights 0:1, 2:65535, key 5.
const REFERENCE = hex(
  'b16d924e47dd022ab1443a75f610dd0a0e322268d0cf0d5ba61498e2d3bcf2c8953ee36aae83b5f6ffffb06c4cae6522003765c50093c393' +
    '97492bc9eabc19d6084416daa08756a6fba7a80638a12af175a07bcfa69842c8adb395b7dcce918820000000000000004621d589dd32b045' +
    'e9fb84d46ca81d9904ed3594fa33377d8ee3ffa8d164496020000000000000002afb818ca929f36938a9824f433acfdb352fbb2b16b56ac6' +
    'ee369285f8f89af05f000000000000004300000000000000d9b6a2b2c842be0829d044114d9ca45d2807a0cb5183ad6981145859ef7e71b1' +
    '4f728b2bbd6dcc0e6a868d16eef80883935b2bd42bb8a9f64fe4d3385562afd7a2542d0c00000000000000c1f79d8d09c9831df794c1bc08' +
    '000000000000004145535f47434d5f',
);
const PAYLOAD = weightsPayload({
  hotkey: Uint8Array.from({ length: 32 }, (_, i) => i),
  uids: [0, 2],
  values: [1, 65_535],
  versionKey: 5n,
});

describe('a time-locked commit', () => {
  it('opens with the signature of its round, what the reference made too', () => {
    expect(Buffer.from(timelockDecrypt(REFERENCE, SIGNATURE))).toEqual(Buffer.from(PAYLOAD));
    const own = timelockEncrypt(PAYLOAD, ROUND, QUICKNET);
    expect(Buffer.from(timelockDecrypt(own, SIGNATURE))).toEqual(Buffer.from(PAYLOAD));
    // The same shape, byte for byte in length, and never the same bytes twice.
    expect(own.length).toBe(REFERENCE.length);
    expect(timelockEncrypt(PAYLOAD, ROUND, QUICKNET)).not.toEqual(own);
  });

  it('stays closed under another round, another beacon and when it was touched', () => {
    const own = timelockEncrypt(PAYLOAD, ROUND + 1, QUICKNET);
    expect(() => timelockDecrypt(own, SIGNATURE)).toThrow(/another round/);
    expect(() => timelockDecrypt(REFERENCE, signRound(ROUND, 7n))).toThrow(/another round/);
    for (const at of [100, 200, REFERENCE.length - 30]) {
      const touched = Uint8Array.from(REFERENCE);
      touched[at] = (touched[at] as number) ^ 1;
      expect(() => timelockDecrypt(touched, SIGNATURE)).toThrow();
    }
    expect(() => timelockDecrypt(REFERENCE.subarray(0, 150), SIGNATURE)).toThrow(/ends too early/);
    expect(() => timelockDecrypt(Buffer.concat([REFERENCE, Buffer.of(0)]), SIGNATURE)).toThrow(/goes on/);
  });

  it('serves a development chain with a beacon of its own', () => {
    const beacon = { publicKey: beaconKeyOf(12_345n), genesisSeconds: 0, periodSeconds: 1 };
    const commit = timelockEncrypt(PAYLOAD, 42, beacon);
    expect(Buffer.from(timelockDecrypt(commit, signRound(42, 12_345n)))).toEqual(Buffer.from(PAYLOAD));
  });

  it('writes the payload of older runtimes without the hotkey', () => {
    const legacy = weightsPayload({ uids: [0, 2], values: [1, 65_535], versionKey: 5n });
    expect(Buffer.from(legacy).toString('hex')).toBe('0800000200080100ffff0500000000000000');
    expect(Buffer.from(PAYLOAD).toString('hex')).toMatch(
      /^80000102.*1f0800000200080100ffff0500000000000000$/,
    );
  });

  it('counts rounds as the Bittensor clients do', () => {
    expect(roundAt(QUICKNET, 0)).toBe(1);
    expect(roundAt(QUICKNET, QUICKNET.genesisSeconds + 3_002)).toBe(1000);
  });
});

// Run where the reference is installed: `pip install bittensor-drand`, and its interpreter in EIREL_TEST_BITTENSOR_PYTHON.
const python = process.env.EIREL_TEST_BITTENSOR_PYTHON ?? '';
(existsSync(python) ? describe : describe.skip)('the reference itself', () => {
  const run = (code: string): Buffer =>
    hex(
      execFileSync(python, ['-c', `import bittensor_drand as b\n${code}`])
        .toString()
        .trim(),
    );
  const wrap = (commit: Uint8Array): string => {
    const round = Buffer.alloc(8);
    round.writeBigUInt64LE(BigInt(ROUND));
    return Buffer.concat([compactAddLength(commit), round]).toString('hex');
  };

  it('opens what is made here, and makes what is opened here', () => {
    for (let size = 0; size < 1_100; size += 157) {
      const text = Buffer.alloc(size, size);
      const made = wrap(timelockEncrypt(text, ROUND, QUICKNET));
      expect(
        run(
          `print(b.decrypt_with_signature(bytes.fromhex("${made}"), "${SIGNATURE.toString('hex')}").hex())`,
        ).equals(text),
      ).toBe(true);
      const theirs = run(
        `print(b.encrypt_at_round(bytes.fromhex("${text.toString('hex')}"), ${ROUND})[0].hex())`,
      );
      const [, commit] = compactStripLength(theirs.subarray(0, -8));
      expect(Buffer.from(timelockDecrypt(commit, SIGNATURE)).equals(text)).toBe(true);
    }
  });
});
