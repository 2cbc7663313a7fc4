import * as fc from 'fast-check';
import {
  deploymentJobId,
  mintDeploymentToken,
  mintJobToken,
  newJobId,
  secretsEqual,
  verifyDeploymentToken,
  verifyJobToken,
} from '../../../domain/job-token';

const SECRET = 'a-secret-of-sufficient-length';
const NOW = new Date('2026-01-01T00:00:00Z');
const CLAIMS = {
  jobId: 'job-abc',
  deploymentId: '7b0cd1a8-5c5e-4f4c-9d0c-0e6a3a0c1f11',
  runId: 'run-7',
  expiresAt: new Date('2026-01-01T00:15:00.123Z'),
};

describe('job ids', () => {
  it('are opaque, short enough for the ledger, and never repeat', () => {
    const ids = new Set(Array.from({ length: 2000 }, () => newJobId()));
    expect(ids.size).toBe(2000);
    for (const id of ids) expect(id).toMatch(/^job-[A-Za-z0-9_-]{24}$/);
  });

  it('of a deployment fit 64 characters too', () => {
    expect(deploymentJobId(CLAIMS.deploymentId).length).toBeLessThanOrEqual(64);
  });
});

describe('job tokens', () => {
  it('give back the claims they were minted with', () => {
    expect(verifyJobToken(mintJobToken(CLAIMS, SECRET), SECRET, NOW)).toEqual({ ok: true, claims: CLAIMS });
  });

  it('round-trip for every id and date', () => {
    const id = fc.stringMatching(/^[\x21-\x7e]{1,64}$/);
    fc.assert(
      fc.property(id, id, id, fc.integer({ min: 1, max: 4e12 }), (jobId, deploymentId, runId, ms) => {
        const claims = { jobId, deploymentId, runId, expiresAt: new Date(ms) };
        const token = mintJobToken(claims, SECRET);
        expect(verifyJobToken(token, SECRET, new Date(ms - 1))).toEqual({ ok: true, claims });
        expect(verifyJobToken(token, SECRET, new Date(ms))).toEqual({ ok: false, refusal: 'expired' });
      }),
    );
  });

  it('are refused as forged or malformed after any change of one character', () => {
    const token = mintJobToken(CLAIMS, SECRET);
    fc.assert(
      fc.property(
        fc.nat(token.length - 1),
        fc.constantFrom('A', 'b', '9', '-', '_', '.', ' '),
        (at, char) => {
          fc.pre(token[at] !== char);
          const changed = token.slice(0, at) + char + token.slice(at + 1);
          const verdict = verifyJobToken(changed, SECRET, NOW);
          expect(verdict.ok).toBe(false);
          expect(['forged', 'malformed']).toContain(verdict.ok ? '' : verdict.refusal);
        },
      ),
    );
  });

  it('of another secret are forged', () => {
    const token = mintJobToken(CLAIMS, 'another-secret-of-good-length');
    expect(verifyJobToken(token, SECRET, NOW)).toEqual({ ok: false, refusal: 'forged' });
  });

  it('tell an expired token from a forged expired one', () => {
    const later = new Date('2026-01-02T00:00:00Z');
    expect(verifyJobToken(mintJobToken(CLAIMS, SECRET), SECRET, later)).toEqual({
      ok: false,
      refusal: 'expired',
    });
    const forged = mintJobToken(CLAIMS, 'another-secret-of-good-length');
    expect(verifyJobToken(forged, SECRET, later)).toEqual({ ok: false, refusal: 'forged' });
  });

  it.each([
    ['an empty string', ''],
    ['a word', 'x'],
    ['empty parts', 'ejt1..'],
    ['a missing signature', 'ejt1.e30'],
    ['a JWT-like text', 'a.b.c'],
    ['5000 characters', 'x'.repeat(5000)],
  ])('call %s malformed', (_what, token) => {
    expect(verifyJobToken(token, SECRET, NOW)).toEqual({ ok: false, refusal: 'malformed' });
  });

  it('are not minted for ids that no ledger could hold', () => {
    expect(() => mintJobToken({ ...CLAIMS, jobId: 'j'.repeat(65) }, SECRET)).toThrow(/jobId/);
    expect(() => mintJobToken({ ...CLAIMS, runId: 'run 7' }, SECRET)).toThrow(/runId/);
    expect(() => mintJobToken({ ...CLAIMS, expiresAt: new Date(Number.NaN) }, SECRET)).toThrow(/expiresAt/);
  });

  it('need a secret worth the name, and the message does not repeat it', () => {
    expect(() => mintJobToken(CLAIMS, 'short')).toThrow(/EIREL_JOB_TOKEN_SECRET/);
    expect(() => mintJobToken(CLAIMS, 'short')).not.toThrow(/short/);
  });
});

describe('deployment tokens', () => {
  it('give back their deployment', () => {
    const token = mintDeploymentToken({ deploymentId: CLAIMS.deploymentId }, SECRET);
    expect(verifyDeploymentToken(token, SECRET)).toEqual({
      ok: true,
      claims: { deploymentId: CLAIMS.deploymentId },
    });
  });

  it('never pass for a job token, nor the reverse, even with the kind rewritten', () => {
    const job = mintJobToken(CLAIMS, SECRET);
    const deployment = mintDeploymentToken({ deploymentId: CLAIMS.deploymentId }, SECRET);
    expect(verifyDeploymentToken(job, SECRET).ok).toBe(false);
    expect(verifyJobToken(deployment, SECRET, NOW).ok).toBe(false);
    expect(verifyDeploymentToken(job.replace('ejt1', 'edt1'), SECRET)).toEqual({
      ok: false,
      refusal: 'forged',
    });
    expect(verifyJobToken(deployment.replace('edt1', 'ejt1'), SECRET, NOW)).toEqual({
      ok: false,
      refusal: 'forged',
    });
  });
});

describe('secretsEqual', () => {
  it('is equality of non-empty strings', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(secretsEqual(a, b)).toBe(a === b && a !== '');
        expect(secretsEqual(a, a)).toBe(a !== '');
      }),
    );
  });
});
