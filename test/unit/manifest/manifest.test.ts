import fc from 'fast-check';
import { stringify } from 'yaml';
import { parseManifest, submissionManifestSchema } from '../../../domain/contracts/manifest';
import vectors from './vectors.json';

interface Vector {
  yaml: string;
  ok: boolean;
  manifest?: unknown;
  errors?: { loc: string; type: string; msg: string }[];
}

const MINIMAL = 'agent:\n  name: demo\nfamily_id: general_chat\n';

describe('the manifest contract', () => {
  // What SDK 0.5.2 answered for each document.
  test.each((vectors as Vector[]).map((vector) => [vector.yaml, vector] as const))(
    'agrees with the SDK on %j',
    (_, vector) => {
      const result = parseManifest(vector.yaml);
      if (vector.ok) {
        expect(result).toEqual({ ok: true, manifest: vector.manifest });
        // Key order is part of the wire format.
        if (result.ok) expect(JSON.stringify(result.manifest)).toBe(JSON.stringify(vector.manifest));
        return;
      }
      if (result.ok) throw new Error('accepted what the SDK refuses');
      for (const error of vector.errors ?? []) {
        if (error.loc !== '') expect(result.message.split('\n')).toContain(error.loc);
        expect(result.message).toContain(error.msg);
        expect(result.message).toContain(`[type=${error.type}, `);
      }
      if (vector.errors)
        expect(result.message).toMatch(new RegExp(`^${vector.errors.length} validation errors? for`));
    },
  );

  test('words a missing field like the SDK', () => {
    expect(parseManifest('schema_version: 1\nfamily_id: general_chat\n')).toEqual({
      ok: false,
      message: expect.stringMatching(
        /^1 validation error for SubmissionManifest\nagent\n {2}Field required \[type=missing, input_value=\{'schema_version': 1, 'fa\.\.\..{24}, input_type=dict\]$/,
      ) as string,
    });
  });

  test('refuses an alias bomb quickly', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 12; level += 1) {
      lines.push(
        `a${level}: &a${level} [${Array(10)
          .fill(`*a${level - 1}`)
          .join(', ')}]`,
      );
    }
    const started = Date.now();
    const result = parseManifest(`${lines.join('\n')}\n${MINIMAL}`);
    expect(result).toEqual({ ok: false, message: expect.stringContaining('alias') as string });
    expect(Date.now() - started).toBeLessThan(30_000);
  });

  test('refuses nesting deeper than the stack rather than crashing', () => {
    const result = parseManifest(`${MINIMAL}deep: ${'['.repeat(60_000)}${']'.repeat(60_000)}\n`);
    expect(result.ok).toBe(false);
  });

  test('does not let a document reach the prototype of objects', () => {
    const result = parseManifest(`${MINIMAL}__proto__: {polluted: true}\nruntime: {__proto__: {port: 1}}\n`);
    expect(result.ok && result.manifest.runtime.port).toBe(8080);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('is a fixed point: what it produced is accepted unchanged', () => {
    fc.assert(
      fc.property(
        fc.record({
          name: fc.string(),
          port: fc.integer({ min: -5, max: 70_000 }),
          cpu: fc.double({ min: 0.001, max: 512, noNaN: true }),
          kind: fc.constantFrom('base_agent', 'graph'),
          capabilities: fc.array(fc.stringMatching(/^[a-z_ ]*[a-z]$/), { minLength: 1, maxLength: 4 }),
          mode: fc.constantFrom('proxy', 'auto'),
        }),
        ({ name, port, cpu, kind, capabilities, mode }) => {
          const result = parseManifest(
            stringify(
              {
                agent: { name },
                family_id: 'general_chat',
                runtime: { port, kind },
                resources: { cpu },
                capabilities,
                inference: { provider_mode: mode },
              },
              { version: '1.1' },
            ),
          );
          if (!result.ok) throw new Error(result.message);
          expect(result.manifest.agent.name).toBe(name);
          expect(result.manifest.runtime.port).toBe(port);
          expect(submissionManifestSchema.parse(result.manifest)).toEqual(result.manifest);
          expect(parseManifest(stringify(result.manifest, { version: '1.1' }))).toEqual(result);
        },
      ),
      { numRuns: 100 },
    );
  });

  test('never throws, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200, unit: 'binary' }), (noise) => {
        expect(typeof parseManifest(noise).ok).toBe('boolean');
        expect(typeof parseManifest(MINIMAL + noise).ok).toBe('boolean');
      }),
      { numRuns: 200 },
    );
  });
});
