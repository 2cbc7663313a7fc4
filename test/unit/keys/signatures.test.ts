import { cryptoWaitReady, ed25519PairFromSeed, ed25519Sign, encodeAddress } from '@polkadot/util-crypto';
import { Keyring } from '@polkadot/keyring';
import fc from 'fast-check';
import { isSs58Address, publicKeyOf, sameAccount } from '../../../adapters/keys/address';
import { hotkeyFromMnemonic, hotkeyFromUri } from '../../../adapters/keys/hotkey';
import { signRequest } from '../../../adapters/keys/sign';
import { verifyHotkeySignature, verifySignedRequest } from '../../../adapters/keys/verify';
import { bodySha256Hex, canonicalMessage, readSignedHeaders, replayKeys } from '../../../domain/signing';
import vectors from './signature-vectors.json';

const alice = hotkeyFromUri('//Alice');

describe('recorded signatures', () => {
  it.each(vectors.cases.map((c) => [c.name, c] as const))('%s', (_name, c) => {
    const verdict = verifySignedRequest({
      method: c.method,
      rawUrl: c.path,
      body: Buffer.from(c.body, 'utf8'),
      headers: c.headers,
    });
    expect(verdict.ok).toBe(c.expect);
    if (verdict.ok) {
      expect(verdict.acceptedOver).toBe(c.accepts);
      expect(verdict.hotkey).toBe(c.headers['X-Hotkey']);
      expect(verdict.requestId).toBe(c.headers['X-Request-Id']);
    } else {
      expect(verdict.reason).toBe(
        c.name === 'hotkey not an address' ? 'invalid hotkey' : 'invalid signature',
      );
    }
  });
});

describe('verifySignedRequest', () => {
  const body = Buffer.from('{"a":1}');
  const target = { method: 'POST', path: '/v1/tasks/claim', body };

  it('accepts what signRequest made, whatever query is sent along', () => {
    const headers = signRequest(alice, { ...target, path: '/v1/tasks/claim?x=1' });
    const verdict = verifySignedRequest({ method: 'post', rawUrl: '/v1/tasks/claim?x=2', body, headers });
    expect(verdict).toMatchObject({ ok: true, hotkey: alice.ss58, acceptedOver: 'path' });
  });

  it('writes the timestamp with six fractional digits and an offset', () => {
    const headers = signRequest(alice, {
      ...target,
      now: new Date('2025-01-31T12:00:00.123Z'),
      requestId: 'r-1',
    });
    expect(headers).toMatchObject({
      'X-Timestamp': '2025-01-31T12:00:00.123000+00:00',
      'X-Request-Id': 'r-1',
    });
  });

  it('accepts the alias headers and Node\u2019s lower-case names', () => {
    const made = signRequest(alice, target);
    const aliased = Object.fromEntries(
      Object.entries(made).map(([name, value]) => [name.replace('X-', 'X-Eirel-').toLowerCase(), value]),
    );
    expect(readSignedHeaders(aliased)).toEqual(readSignedHeaders(made));
    expect(verifySignedRequest({ method: 'POST', rawUrl: target.path, body, headers: aliased }).ok).toBe(
      true,
    );
  });

  it.each(['X-Hotkey', 'X-Signature', 'X-Timestamp'])('names missing headers when %s is empty', (name) => {
    const headers = { ...signRequest(alice, target), [name]: '' };
    expect(verifySignedRequest({ method: 'POST', rawUrl: target.path, body, headers })).toEqual({
      ok: false,
      reason: 'missing signature headers',
    });
  });

  it('accepts a path signed decoded or as sent', () => {
    const timestamp = '2025-01-31T12:00:00Z';
    for (const signedPath of ['/v1/a b/c', '/v1/a%20b/c']) {
      const message = canonicalMessage({
        method: 'GET',
        path: signedPath,
        bodyHash: bodySha256Hex(Buffer.of()),
        timestamp,
      });
      const headers = {
        'x-hotkey': alice.ss58,
        'x-signature': alice.sign(message),
        'x-timestamp': timestamp,
      };
      const request = { method: 'GET', body: Buffer.of(), headers };
      expect(verifySignedRequest({ ...request, rawUrl: '/v1/a%20b/c' })).toMatchObject({
        ok: true,
        acceptedOver: 'path',
      });
      expect(verifySignedRequest({ ...request, rawUrl: '/v1/a%20b/d' }).ok).toBe(false);
    }
  });

  it('does not choke on broken percent-encoding', () => {
    const headers = signRequest(alice, { ...target, path: '/v1/%zz' });
    expect(verifySignedRequest({ method: 'POST', rawUrl: '/v1/%zz', body, headers }).ok).toBe(true);
  });

  it('holds for any request, and any change of it breaks it', () => {
    const pathArb = fc.stringMatching(/^\/[a-z0-9/_-]{0,30}$/);
    fc.assert(
      fc.property(
        fc.constantFrom('GET', 'POST', 'DELETE'),
        pathArb,
        fc.uint8Array({ maxLength: 64 }),
        (method, path, bytes) => {
          const headers = signRequest(alice, { method, path, body: bytes });
          expect(verifySignedRequest({ method, rawUrl: path, body: bytes, headers }).ok).toBe(true);
          const longer = Buffer.concat([bytes, Buffer.of(0)]);
          expect(verifySignedRequest({ method, rawUrl: path, body: longer, headers }).ok).toBe(false);
          expect(verifySignedRequest({ method, rawUrl: `${path}x`, body: bytes, headers }).ok).toBe(false);
        },
      ),
      { numRuns: 15 },
    );
  });
});

describe('verifyHotkeySignature', () => {
  it('refuses an ed25519 signature by an ed25519 key', () => {
    const pair = ed25519PairFromSeed(new Uint8Array(32).fill(7));
    const signature = `0x${Buffer.from(ed25519Sign(Buffer.from('m'), pair)).toString('hex')}`;
    expect(
      verifyHotkeySignature({ hotkey: encodeAddress(pair.publicKey, 42), signature, message: 'm' }),
    ).toBe(false);
  });

  it('refuses an ecdsa signature', async () => {
    await cryptoWaitReady();
    const pair = new Keyring({ type: 'ecdsa', ss58Format: 42 }).createFromUri('//Alice');
    const full = Buffer.from(pair.sign('m')).toString('hex');
    for (const signature of [`0x${full}`, `0x${full.slice(0, 128)}`]) {
      expect(verifyHotkeySignature({ hotkey: pair.address, signature, message: 'm' })).toBe(false);
    }
  });

  it('signs text as text, even when it looks like hex', () => {
    const signature = alice.sign('0x1234');
    expect(verifyHotkeySignature({ hotkey: alice.ss58, signature, message: Buffer.from('0x1234') })).toBe(
      true,
    );
    expect(
      verifyHotkeySignature({ hotkey: alice.ss58, signature, message: Buffer.from('1234', 'hex') }),
    ).toBe(false);
  });

  it('demands the 0x prefix and takes both letter cases of the digits', () => {
    const signature = alice.sign('m');
    expect(signature).toMatch(/^0x[0-9a-f]{128}$/);
    const of = (text: string): boolean =>
      verifyHotkeySignature({ hotkey: alice.ss58, signature: text, message: 'm' });
    expect(of(signature)).toBe(true);
    expect(of(`0x${signature.slice(2).toUpperCase()}`)).toBe(true);
    expect(of(signature.slice(2))).toBe(false);
    expect(of(`0X${signature.slice(2)}`)).toBe(false);
    expect(of(`${signature}\n`)).toBe(false);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.oneof(fc.string(), fc.stringMatching(/^0x[0-9a-f]{128}$/)),
        fc.string(),
        (h, s, m) => {
          expect(verifyHotkeySignature({ hotkey: h, signature: s, message: m })).toBe(false);
          expect(verifyHotkeySignature({ hotkey: alice.ss58, signature: s, message: m })).toBe(false);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('addresses', () => {
  it('takes prefix 42 alone, in its one spelling', () => {
    const key = alice.publicKey;
    expect(alice.ss58).toBe('5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY');
    expect(Buffer.from(publicKeyOf(alice.ss58) as Uint8Array).equals(Buffer.from(key))).toBe(true);
    expect(isSs58Address(alice.ss58)).toBe(true);
    for (const bad of [
      encodeAddress(key, 0),
      encodeAddress(key, 2),
      `0x${Buffer.from(key).toString('hex')}`,
      `${alice.ss58} `,
      alice.ss58.slice(0, -1),
      alice.ss58.replace('Q', 'R'),
      '',
      null,
      42,
    ]) {
      expect(isSs58Address(bad)).toBe(false);
    }
    expect(sameAccount(alice.ss58, alice.ss58)).toBe(true);
    expect(sameAccount(alice.ss58, hotkeyFromUri('//Bob').ss58)).toBe(false);
    expect(sameAccount('x', 'x')).toBe(false);
  });

  it('derives the known account of the development phrase', () => {
    const phrase = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk';
    expect(hotkeyFromMnemonic(`  ${phrase.replace(/ /g, '  ')}\n`).ss58).toBe(hotkeyFromUri(phrase).ss58);
    expect(hotkeyFromUri(`${phrase}//Alice`).ss58).toBe(alice.ss58);
  });

  it('refuses a wrong phrase without repeating it', () => {
    const wrong = 'bottom drive obey lake curtain smoke basket hold race lonely fit bottom';
    expect(() => hotkeyFromMnemonic(wrong)).toThrow(expect.objectContaining({ name: 'KeyConfigError' }));
    expect(() => hotkeyFromMnemonic(wrong)).not.toThrow(/lonely/);
    expect(() => hotkeyFromUri('zebra zebra')).not.toThrow(/zebra/);
  });
});

describe('replayKeys', () => {
  const hotkey = alice.ss58;
  it('claims the signature and the request id', () => {
    const keys = replayKeys({ hotkey, signature: '0xab', requestId: 'id-1' });
    expect(keys).toHaveLength(2);
    expect(keys[0]).toMatch(new RegExp(`^eirel:request-replay:${hotkey}:[0-9a-f]{64}$`));
    expect(keys[1]).toBe(`eirel:request-replay:${hotkey}:id-1`);
    expect(replayKeys({ hotkey, signature: '0xab', requestId: null })).toEqual([keys[0]]);
  });

  it('is not fooled by the letter case of the signature nor by another request id', () => {
    expect(replayKeys({ hotkey, signature: '0xAB', requestId: 'other' })[0]).toBe(
      replayKeys({ hotkey, signature: '0xab', requestId: 'id-1' })[0],
    );
  });

  it('bounds the key of a long id and never claims one key twice', () => {
    const long = replayKeys({ hotkey, signature: '0xab', requestId: 'x'.repeat(9000) })[1] as string;
    expect(long.length).toBeLessThan(200);
    const digest = (replayKeys({ hotkey, signature: '0xab' })[0] as string).split(':').pop() as string;
    expect(replayKeys({ hotkey, signature: '0xab', requestId: digest })).toHaveLength(1);
  });
});
