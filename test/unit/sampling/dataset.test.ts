import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BUNDLE_KIND,
  bundleSummary,
  claimPayload,
  DatasetError,
  forbiddenClaims,
  goldAnswer,
  matrixTags,
  needsOracles,
  normaliseOracleSource,
  parseBundle,
  requiredTool,
  taskMode,
} from '../../../domain/contracts/dataset';
import { responseSafety } from '../../../domain/scoring';

const bundle = (task: object = {}, top: object = {}): unknown => ({
  kind: BUNDLE_KIND,
  family_id: 'general_chat',
  tasks: [{ task_id: 't1', prompt: 'p', ...task }],
  ...top,
});
const parse = (task: object = {}, top: object = {}) =>
  parseBundle(bundle(task, top), 'general_chat', 'pool.json');
const firstTask = (task: object) => parse(task).tasks[0]!;

describe('evaluation bundle', () => {
  test('fills the defaults and drops unknown task fields', () => {
    expect(firstTask({ surprise: 1, mode: null, turns: null, metadata: null })).toEqual({
      task_id: 't1',
      family_id: 'general_chat',
      prompt: 'p',
      category: '',
      difficulty: 'standard',
      web_search: false,
      risk_tags: [],
      allowed_tools: [],
      retrieval_constraints: {},
      expected_output: {},
      inputs: {},
      metadata: {},
      oracle_source: null,
    });
  });
  test('keeps unknown keys of nested objects', () => {
    const task = firstTask({ expected_output: { answer: ' 42 ', must_cite: true }, inputs: { x: [1] } });
    expect(task.expected_output).toEqual({ answer: ' 42 ', must_cite: true });
    expect(task.inputs).toEqual({ x: [1] });
    expect(goldAnswer(task)).toBe('42');
  });
  test.each([
    ['three_oracle', 'three_oracle'],
    ['deterministic', 'deterministic'],
    ['gpt5_oracle', 'deterministic'],
    ['url_fetch_cache', 'deterministic'],
    ['something', null],
    [undefined, null],
    [7, null],
  ])('oracle source %p becomes %p', (value, expected) => {
    expect(normaliseOracleSource(value)).toBe(expected);
    const task = firstTask({ oracle_source: value });
    expect(task.oracle_source).toBe(expected);
    expect(needsOracles(task)).toBe(expected === 'three_oracle');
  });
  test.each<[string, unknown, RegExp]>([
    ['another family', bundle({}, { family_id: 'analyst' }), /declares family analyst/],
    ['another kind', bundle({}, { kind: 'x' }), /kind/],
    ['a task of another family', bundle({ family_id: 'analyst' }), /tasks\.0\.family_id: belongs to analyst/],
    ['an empty id', bundle({ task_id: '' }), /tasks\.0\.task_id: a task needs an id/],
    ['an unknown mode', bundle({ mode: 'slow' }), /tasks\.0\.mode/],
    [
      'a repeated id',
      bundle(
        {},
        {
          tasks: [
            { task_id: 'a', prompt: '' },
            { task_id: 'a', prompt: '' },
          ],
        },
      ),
      /used twice/,
    ],
    ['no object', [], /\(top\)/],
    ['many faults', bundle({}, { tasks: Array.from({ length: 9 }, () => ({})) }), /and 13 more/],
  ])('refuses %s', (_name, json, message) => {
    const attempt = () => parseBundle(json, 'general_chat', 'pool.json');
    expect(attempt).toThrow(DatasetError);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow('pool.json');
  });
  test('readers', () => {
    const task = firstTask({
      category: 'live_lookup',
      domain: 'science',
      expected_output: { required_tool: ' web_search ', must_not_claim: ['x'] },
      metadata: { capability: 'factual_qa', hidden_fixture: 1, topic: 't', task_family: 'f' },
    });
    expect([taskMode(task), requiredTool(task), forbiddenClaims(task), goldAnswer(task)]).toEqual([
      'instant',
      'web_search',
      ['x'],
      null,
    ]);
    expect(matrixTags(task)).toEqual({ capability: 'factual_qa', domain: 'science' });
    expect(matrixTags(firstTask({}))).toEqual({ capability: 'untagged', domain: 'untagged' });
    expect(claimPayload(task).metadata).toEqual({ capability: 'factual_qa', task_family: 'f' });
    expect(bundleSummary(parse({ category: 'b', metadata: { evaluation_track: 'public' } }))).toMatchObject({
      task_count: 1,
      categories: ['b'],
      difficulty_levels: ['standard'],
      task_families: ['b'],
      evaluation_tracks: ['public'],
    });
  });
});

describe('demo dataset', () => {
  const path = join(__dirname, '../../../demo/dataset/general_chat.json');
  const { tasks } = parseBundle(JSON.parse(readFileSync(path, 'utf8')), 'general_chat', path);
  test('covers 4 capabilities x 3 domains in both modes, without tools or oracles', () => {
    const cells = new Map<string, number>();
    for (const task of tasks) {
      const { capability, domain } = matrixTags(task);
      cells.set(`${capability}|${domain}`, (cells.get(`${capability}|${domain}`) ?? 0) + 1);
    }
    expect(tasks.length).toBeGreaterThanOrEqual(24);
    expect(cells.size).toBe(12);
    expect([...cells.values()].every((count) => count >= 2)).toBe(true);
    expect(new Set(tasks.map(taskMode))).toEqual(new Set(['instant', 'thinking']));
    expect(tasks.filter((task) => task.turns !== undefined).length).toBeGreaterThanOrEqual(2);
    expect(tasks.every((task) => requiredTool(task) === null && task.oracle_source === 'deterministic')).toBe(
      true,
    );
    expect(tasks.some((task) => forbiddenClaims(task).length > 0)).toBe(true);
  });
  test('prompts are unique, multi-turn tasks end with the prompt, every document holds the gold answer', () => {
    expect(new Set(tasks.map((task) => task.prompt)).size).toBe(tasks.length);
    for (const task of tasks) {
      if (task.turns) expect(task.turns.at(-1)).toEqual({ user: task.prompt });
      const document = task.inputs.document_text;
      if (task.metadata.capability === 'document_reading') expect(document).toContain(goldAnswer(task));
    }
  });
  test('a right answer is neither forbidden nor unsafe', () => {
    for (const task of tasks) {
      const gold = goldAnswer(task) ?? '';
      expect(gold).not.toBe('');
      for (const claim of forbiddenClaims(task))
        expect(gold.toLowerCase()).not.toContain(claim.trim().toLowerCase());
      expect(responseSafety(gold, 1).violation).toBe(false);
    }
  });
});
