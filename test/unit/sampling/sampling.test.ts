import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { EvaluationTask } from '../../../domain/contracts/dataset';
import { BUNDLE_KIND, parseBundle } from '../../../domain/contracts/dataset';
import {
  DEFAULT_RETRIEVAL_ENVIRONMENT,
  freezeBundle,
  poolDigest,
  poolIndex,
  samplerPromise,
  taskDigest,
} from '../../../domain/sampling/freeze';
import { drawMatrix, sampleMatrix, SAMPLER_ALGORITHM } from '../../../domain/sampling/matrix';
import type { MatrixItem } from '../../../domain/sampling/matrix';
import { drawWithoutReplacement, randomStream } from '../../../domain/sampling/prng';
import { commitment, deriveSeed, verifyCommitment } from '../../../domain/sampling/seed';

const SECRET = 'a secret of the owner';
const SEED = deriveSeed('general_chat', 7, SECRET);

describe('seed and commitment', () => {
  test('the seed is SHA-256 of family, sequence and secret with U+2016 between', () => {
    const bytes = Buffer.concat([
      Buffer.from('general_chat'),
      Buffer.from([0xe2, 0x80, 0x96]),
      Buffer.from('7'),
      Buffer.from([0xe2, 0x80, 0x96]),
      Buffer.from(SECRET),
    ]);
    expect(SEED).toBe(createHash('sha256').update(bytes).digest('hex'));
  });
  test('the commitment verifies, another seed does not', () => {
    expect(commitment(SEED)).toBe(createHash('sha256').update(SEED, 'ascii').digest('hex'));
    expect(verifyCommitment(SEED, commitment(SEED))).toBe(true);
    expect(verifyCommitment(deriveSeed('general_chat', 8, SECRET), commitment(SEED))).toBe(false);
  });
  test('refuses what would make the seed ambiguous or guessable, without repeating the secret', () => {
    expect(() => deriveSeed('a\u2016b', 1, SECRET)).toThrow('U+2016');
    expect(() => deriveSeed('a', 0, SECRET)).toThrow('sequence');
    expect(() => deriveSeed('a', 1, 'hunter2')).toThrow('shorter than 16');
    expect(() => deriveSeed('a', 1, 'hunter2')).not.toThrow('hunter2');
  });
});

describe('random stream', () => {
  test('is SHA-256 in counter mode, as documented', () => {
    const block = createHash('sha256')
      .update(
        Buffer.concat([Buffer.from(SEED, 'hex'), Buffer.from('label'), Buffer.alloc(1), Buffer.alloc(8)]),
      )
      .digest();
    const random = randomStream(SEED, 'label');
    expect([random.below(2 ** 32), random.below(2 ** 32)]).toEqual([
      block.readUInt32BE(0),
      block.readUInt32BE(4),
    ]);
  });
  test('agrees with the same algorithm written in Python', () => {
    const random = randomStream('00'.repeat(32), 'order');
    expect(Array.from({ length: 10 }, () => random.below(10))).toEqual([8, 0, 9, 7, 5, 6, 8, 5, 1, 0]);
  });
  test('every value of a small range is reached about equally often', () => {
    const random = randomStream(SEED, 'fair');
    const counts = [0, 0, 0, 0, 0, 0];
    for (let i = 0; i < 6000; i += 1) counts[random.below(6)]! += 1;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
  test('refuses a bad seed and a bad range', () => {
    expect(() => randomStream('xyz', 'l')).toThrow('64 lower-case hex');
    expect(() => randomStream(SEED, 'l').below(0)).toThrow(RangeError);
  });
  test('drawing everything is a permutation and leaves the input alone', () => {
    const items = [1, 2, 3, 4, 5];
    expect(drawWithoutReplacement(items, 5, randomStream(SEED, 'p')).sort()).toEqual(items);
    expect(items).toEqual([1, 2, 3, 4, 5]);
  });
});

const item = (id: number | string, capability: string, domain: string): MatrixItem => ({
  task_id: `t${id}`,
  capability,
  domain,
});
const pool = fc
  .array(fc.record({ capability: fc.constantFrom('a', 'b', 'c'), domain: fc.constantFrom('x', 'y') }), {
    minLength: 1,
    maxLength: 40,
  })
  .map((tags) => tags.map((tag, i) => item(i, tag.capability, tag.domain)));
const seed = fc.nat().map((n) => createHash('sha256').update(String(n)).digest('hex'));
const poolAndSize = pool.chain((items) =>
  fc.tuple(fc.constant(items), fc.integer({ min: 1, max: items.length })),
);

describe('matrix draw', () => {
  test('property: the exact number, no duplicates, all from the pool and from the right cell', () => {
    fc.assert(
      fc.property(poolAndSize, seed, ([items, size], seedHex) => {
        const draw = drawMatrix(items, size, seedHex);
        expect(draw.task_ids).toHaveLength(size);
        expect(new Set(draw.task_ids).size).toBe(size);
        expect(draw.cells.flatMap((cell) => cell.task_ids).sort()).toEqual([...draw.task_ids].sort());
        for (const cell of draw.cells) {
          expect(cell.task_ids).toHaveLength(cell.quota);
          for (const id of cell.task_ids) {
            expect(items).toContainEqual({ task_id: id, capability: cell.capability, domain: cell.domain });
          }
        }
      }),
    );
  });
  test('property: quotas are as even as the pool allows', () => {
    fc.assert(
      fc.property(poolAndSize, seed, ([items, size], seedHex) => {
        const { cells } = drawMatrix(items, size, seedHex);
        const floor = Math.floor(size / cells.length);
        for (const cell of cells) {
          expect(cell.quota).toBeGreaterThanOrEqual(Math.min(floor, cell.available));
          expect(cell.quota).toBeLessThanOrEqual(cell.available);
          // nobody who could have had more is behind another by more than one, and ties favour the first key
          for (const other of cells) {
            if (cell.quota < cell.available) {
              expect(other.quota).toBeLessThanOrEqual(cell.quota + (other.key < cell.key ? 1 : 0));
            }
          }
        }
      }),
    );
  });
  test('property: the order of the pool does not matter, the same seed gives the same draw', () => {
    fc.assert(
      fc.property(poolAndSize, seed, ([items, size], seedHex) => {
        const draw = drawMatrix(items, size, seedHex);
        expect(drawMatrix([...items].reverse(), size, seedHex)).toEqual(draw);
        expect(drawMatrix(items, size, seedHex)).toEqual(draw);
      }),
    );
  });
  test('property: items added to one cell do not change what another cell draws, while its quota stays', () => {
    const base = [
      item(1, 'a', 'x'),
      item(2, 'a', 'x'),
      item(3, 'a', 'x'),
      item(4, 'b', 'x'),
      item(5, 'b', 'x'),
    ];
    fc.assert(
      fc.property(seed, (seedHex) => {
        const before = drawMatrix(base, 4, seedHex).cells[0];
        expect(drawMatrix([...base, item(6, 'b', 'x')], 4, seedHex).cells[0]).toEqual(before);
      }),
    );
  });
  test('a remainder goes to the first keys; a short cell hands its share on', () => {
    const quotas = (items: MatrixItem[], size: number) =>
      drawMatrix(items, size, SEED).cells.map((c) => [c.key, c.quota]);
    const even = ['c', 'a', 'b'].flatMap((c) => [1, 2, 3, 4].map((n) => item(`${c}${n}`, c, 'x')));
    expect(quotas(even, 5)).toEqual([
      ['a|x', 2],
      ['b|x', 2],
      ['c|x', 1],
    ]);
    const short = [item('a1', 'a', 'x'), ...even.filter((i) => i.capability !== 'a')];
    expect(quotas(short, 7)).toEqual([
      ['a|x', 1],
      ['b|x', 3],
      ['c|x', 3],
    ]);
    expect(quotas(even, 2)).toEqual([
      ['a|x', 1],
      ['b|x', 1],
      ['c|x', 0],
    ]);
  });
  test('different seeds draw differently', () => {
    const items = Array.from({ length: 100 }, (_, i) => item(i, 'a', 'x'));
    const draws = new Set(
      [1, 2, 3, 4, 5].map((n) => drawMatrix(items, 10, deriveSeed('f', n, SECRET)).task_ids.join()),
    );
    expect(draws.size).toBe(5);
  });
  test('refuses what cannot be drawn', () => {
    expect(() => drawMatrix([item(1, 'a', 'x')], 2, SEED)).toThrow('the pool has 1 tasks, but 2');
    expect(() => drawMatrix([item(1, 'a', 'x')], 0, SEED)).toThrow('whole number');
    expect(() => drawMatrix([item(1, 'a', 'x'), item(1, 'a', 'y')], 1, SEED)).toThrow('repeated task id');
    expect(() => drawMatrix([item(1, 'a|b', 'x')], 1, SEED)).toThrow('rename the tag');
  });
});

describe('freezing', () => {
  const loaded = parseBundle(
    {
      kind: BUNDLE_KIND,
      family_id: 'general_chat',
      tasks: [
        {
          task_id: 'b',
          prompt: 'p',
          execution_mode: 'live_web',
          allowed_tools: ['web_search'],
          metadata: { capability: 'c' },
        },
        {
          task_id: 'a',
          prompt: 'p',
          allowed_tools: ['url_fetch', 'web_search'],
          metadata: { evaluation_track: 'hidden' },
        },
      ],
      metadata: { dataset_generator: { name: 'x' } },
    },
    'general_chat',
    'test',
  );
  const sample = sampleMatrix({ pool: loaded.tasks, size: 2, seedHex: SEED });
  const index = poolIndex(loaded.tasks);
  const promise = samplerPromise(sample, index, commitment(SEED));
  const frozen = freezeBundle(loaded, sample.tasks, 'run-7', promise);
  const task = (tasks: EvaluationTask[], id: string) => tasks.find((t) => t.task_id === id)!;

  test('pins versions, stamps tasks in claim order, keeps the pool untouched', () => {
    expect(frozen).toMatchObject({
      run_id: 'run-7',
      benchmark_version: 'general_chat_v1',
      rubric_version: 'general_chat_rubric_v1',
      policy_version: 'general_chat_scoring_v1',
      retrieval_environment: DEFAULT_RETRIEVAL_ENVIRONMENT,
      allowed_tool_policy: { allowed_tools: ['url_fetch', 'web_search'] },
      metadata: {
        dataset_generator: { name: 'x', sampler: { algorithm: SAMPLER_ALGORITHM, pool_size: 2, size: 2 } },
      },
    });
    expect(frozen.tasks.map((t) => t.task_id)).toEqual(sample.task_ids);
    expect(task(frozen.tasks, 'b')).toMatchObject({
      inputs: { retrieval_environment: DEFAULT_RETRIEVAL_ENVIRONMENT },
      metadata: {
        capability: 'c',
        owner_frozen: true,
        run_id: 'run-7',
        benchmark_version: 'general_chat_v1',
        evaluation_track: 'public',
      },
    });
    expect(task(frozen.tasks, 'a').metadata.evaluation_track).toBe('hidden');
    expect(task(frozen.tasks, 'a').inputs).toEqual({});
    expect(loaded.tasks[0]?.inputs).toEqual({});
  });
  test('a bundle served whole still has a dataset_generator object', () => {
    const whole = freezeBundle({ ...loaded, metadata: {} }, loaded.tasks, 'run-1', null);
    expect(whole.metadata.dataset_generator).toEqual({ sampler: null });
  });
  test('a task keeps its digest through freezing, a changed word changes it', () => {
    for (const t of loaded.tasks) {
      expect(taskDigest(task(frozen.tasks, t.task_id))).toBe(taskDigest(t));
      expect(taskDigest({ ...t, prompt: 'q' })).not.toBe(taskDigest(t));
    }
    expect(poolDigest([...index].reverse())).toBe(poolDigest(poolIndex([...loaded.tasks].reverse())));
  });
});
