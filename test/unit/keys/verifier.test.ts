import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  cryptoWaitReady,
  ed25519PairFromSeed,
  ed25519Sign,
  sr25519PairFromSeed,
  sr25519Sign,
} from '@polkadot/util-crypto';
import { threads, type VerifyEngine } from '../../../adapters/keys/engines';
import { nativeSr25519 } from '../../../adapters/keys/native';
import { NOT_SIGNED, packJobs, unpackJobs, type VerifyJob } from '../../../adapters/keys/packed';
import { Verifier, VerifierBusy } from '../../../adapters/keys/verifier';
import { verifyPackedWasm } from '../../../adapters/keys/wasm-verify';

beforeAll(() => cryptoWaitReady());

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

describe('packed jobs', () => {
  it('unpack to what was packed', () => {
    const job = fc.record({
      publicKey: bytes(32),
      signature: bytes(64),
      messages: fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 }),
    });
    fc.assert(
      fc.property(fc.array(job, { maxLength: 8 }), (jobs) => {
        const plain = (list: readonly VerifyJob[]) =>
          list.map(({ publicKey, signature, messages }) =>
            [publicKey, signature, ...messages].map((b) => Buffer.from(b).toString('hex')),
          );
        expect(plain(unpackJobs(packJobs(jobs)))).toEqual(plain(jobs));
      }),
    );
  });

  it('refuses keys and signatures of other lengths', () => {
    const good = { publicKey: new Uint8Array(32), signature: new Uint8Array(64), messages: [] };
    expect(() => packJobs([{ ...good, publicKey: new Uint8Array(31) }])).toThrow(RangeError);
    expect(() => packJobs([{ ...good, signature: new Uint8Array(65) }])).toThrow(RangeError);
  });
});

/** The order of the group, little endian: scalars from here on are not canonical. */
const ORDER = Buffer.from('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010', 'hex');

/** A job of each kind that a client or an attacker can send. */
function vector(index: number): VerifyJob {
  const pair = sr25519PairFromSeed(randomBytes(32));
  const message = randomBytes(1 + (index % 200));
  const signature = Buffer.from(sr25519Sign(message, pair));
  const job = { publicKey: pair.publicKey, signature, messages: [message] };
  const flipped = (buffer: Uint8Array, bit: number) => {
    const copy = Buffer.from(buffer);
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return copy;
  };
  switch (index % 14) {
    case 0:
      return job;
    case 1: // any bit of the signature, the marker and the spare bits of the scalar included
      return { ...job, signature: flipped(signature, (index * 37) % 512) };
    case 2:
      return { ...job, publicKey: flipped(pair.publicKey, (index * 11) % 256) };
    case 3:
      return { ...job, messages: [flipped(message, 0)] };
    case 4:
      return {
        ...job,
        signature: Buffer.from(
          sr25519Sign(Buffer.from(`<Bytes>${message.toString('latin1')}</Bytes>`, 'latin1'), pair),
        ),
      };
    case 5:
      return { ...job, messages: [randomBytes(20), message, randomBytes(20)] };
    case 6: {
      // another scheme
      const other = ed25519PairFromSeed(randomBytes(32));
      return { publicKey: other.publicKey, signature: ed25519Sign(message, other), messages: [message] };
    }
    case 7: // points that are none, and those that have no inverse
      return {
        ...job,
        publicKey: [randomBytes(32), Buffer.alloc(32), Buffer.alloc(32, 255)][index % 3] as Buffer,
      };
    case 8:
      return {
        ...job,
        signature: Buffer.concat([
          [randomBytes(32), Buffer.alloc(32), Buffer.alloc(32, 255)][index % 3] as Buffer,
          signature.subarray(32),
        ]),
      };
    case 9: {
      // the same scalar plus the order of the group: a second spelling
      const second = Buffer.from(signature);
      let carry = 0;
      for (let at = 0; at < 32; at += 1) {
        const sum = (second[32 + at] ?? 0) + (ORDER[at] ?? 0) + carry;
        second[32 + at] = sum & 255;
        carry = sum >> 8;
      }
      return { ...job, signature: second };
    }
    case 10: // without schnorrkel's marker
      return { ...job, signature: flipped(signature, 511) };
    case 11:
      return { ...job, signature: randomBytes(64) };
    case 12:
      return { ...job, messages: [Buffer.alloc(0)] };
    default:
      return { ...job, messages: [] };
  }
}

// Ten thousand take minutes in WebAssembly: EIREL_VECTORS=10000 npx jest test/unit/keys/verifier
const VECTORS = Number(process.env.EIREL_VECTORS ?? 420);
const { module: native } = nativeSr25519();

(native ? describe : describe.skip)('the native module', () => {
  if (!native) return;

  it(`gives the verdict of WebAssembly on ${VECTORS} vectors`, async () => {
    const jobs = Array.from({ length: VECTORS }, (_, index) => vector(index));
    const packed = packJobs(jobs);
    const expected = [...verifyPackedWasm(packed)];
    expect([...native.verifyPackedSync(packed)]).toEqual(expected);
    expect([...(await native.verifyPacked(packed))]).toEqual(expected);
    // The vectors are worth something only if both verdicts are among them.
    expect(expected).toContain(NOT_SIGNED);
    expect(expected).toContain(0);
    expect(expected).toContain(1);
  }, 600_000);

  it('refuses jobs that end early instead of reading past them', async () => {
    const packed = packJobs([vector(0)]);
    expect(() => native.verifyPackedSync(packed.subarray(0, packed.length - 1))).toThrow('end early');
    await expect(native.verifyPacked(packed.subarray(0, 40))).rejects.toThrow('end early');
  });

  it('makes signatures that WebAssembly accepts', () => {
    const pair = sr25519PairFromSeed(randomBytes(32));
    const message = randomBytes(77);
    const signature = native.sign(Buffer.from(pair.publicKey), Buffer.from(pair.secretKey), message);
    expect([
      ...verifyPackedWasm(packJobs([{ publicKey: pair.publicKey, signature, messages: [message] }])),
    ]).toEqual([0]);
  });
});

describe('Verifier', () => {
  /** An engine that calls a signature valid when its first byte is 1, and waits to be let go. */
  function engine(parallel: number) {
    const gates: (() => void)[] = [];
    const sizes: number[] = [];
    let running = 0;
    let most = 0;
    const made: VerifyEngine = {
      name: 'wasm',
      reason: '',
      parallel,
      queue: 100,
      verify: async (packed) => {
        const jobs = unpackJobs(packed);
        sizes.push(jobs.length);
        most = Math.max(most, (running += 1));
        await new Promise<void>((resolve) => gates.push(resolve));
        running -= 1;
        if (jobs.some(({ signature }) => signature[0] === 9)) throw new Error('thread lost');
        return Uint8Array.from(jobs, ({ signature }) => (signature[0] === 1 ? 0 : NOT_SIGNED));
      },
      close: async () => undefined,
    };
    const drain = async () => {
      for (let idle = 0; idle < 3;) {
        await new Promise((resolve) => setImmediate(resolve));
        const gate = gates.shift();
        gate?.();
        idle = gate ? 0 : idle + 1;
      }
    };
    return { made, drain, sizes, most: () => most };
  }
  const job = (first: number): VerifyJob => ({
    publicKey: new Uint8Array(32),
    signature: Uint8Array.from({ length: 64 }, (_, at) => (at === 0 ? first : 0)),
    messages: [Buffer.from('m')],
  });

  it('answers each caller with its own verdict, in batches, never more at once than the engine takes', async () => {
    const { made, drain, sizes, most } = engine(2);
    const verifier = new Verifier(made);
    const wanted = Array.from({ length: 90 }, (_, index) => index % 3);
    const verdicts = Promise.all(wanted.map((first) => verifier.verify(job(first))));
    await drain();
    expect(await verdicts).toEqual(wanted.map((first) => (first === 1 ? 0 : -1)));
    expect(most()).toBe(2);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(32);
    expect(verifier.stats).toMatchObject({ valid: 30, invalid: 60, refused: 0 });
  });

  it('turns away what exceeds its queue, at once, and recovers', async () => {
    const { made, drain } = engine(1);
    const verifier = new Verifier(made, 4);
    const first = Array.from({ length: 4 }, () => verifier.verify(job(1)));
    await expect(verifier.verify(job(1))).rejects.toThrow(VerifierBusy);
    await drain();
    expect(await Promise.all(first)).toEqual([0, 0, 0, 0]);
    const later = verifier.verify(job(1));
    await drain();
    expect(await later).toBe(0);
    expect(verifier.stats.refused).toBe(1);
  });

  it('passes on the failure of an engine and goes on', async () => {
    const { made, drain } = engine(1);
    const verifier = new Verifier(made);
    const lost = expect(verifier.verify(job(9))).rejects.toThrow('thread lost');
    await drain();
    await lost;
    const next = verifier.verify(job(1));
    await drain();
    expect(await next).toBe(0);
  });
});

const script = join(__dirname, '..', '..', '..', 'build', 'adapters', 'keys', 'verify-worker.js');

(existsSync(script) ? describe : describe.skip)('the fallback in threads', () => {
  it('gives the verdicts of the event loop, on two threads, and outlives the loss of one', async () => {
    const engine = threads(script, 'for a test', 2);
    try {
      const verifier = new Verifier(engine);
      const jobs = Array.from({ length: 40 }, (_, index) => vector(index));
      const expected = [...verifyPackedWasm(packJobs(jobs))].map((verdict) =>
        verdict === NOT_SIGNED ? -1 : verdict,
      );
      expect(await Promise.all(jobs.map((job) => verifier.verify(job)))).toEqual(expected);
      await engine.close();
      expect(await verifier.verify(jobs[0] as VerifyJob)).toBe(expected[0]);
    } finally {
      await engine.close();
    }
  }, 60_000);
});
