import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Command } from 'commander';
import { buildProgram } from '../../../cli/program';

const ROOT = join(__dirname, '..', '..', '..');
const GUIDES = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)].filter(
  (path) => path.endsWith('.md'),
);
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const program = buildProgram();

interface Place {
  file: string;
  line: number;
  text: string;
}

/** Spans in backquotes, and lines of shell in fences. Other fences show output, which is cut where it is long. */
function codeOf(file: string): Place[] {
  let fence: string | null = null;
  return read(file)
    .split('\n')
    .flatMap((text, index) => {
      const line = index + 1;
      const edge = /^\s*```(\w*)/.exec(text);
      if (edge) {
        fence = fence === null ? (edge[1] ?? '') : null;
        return [];
      }
      if (fence !== null) return fence === 'sh' ? [{ file, line, text: text.replace(/\s#.*$/, '') }] : [];
      return [...text.matchAll(/`([^`]+)`/g)].map(([, span = '']) => ({ file, line, text: span }));
    });
}

/** The words of each command that calls `eirel-ai`, without its name; quoted words are one. */
function callsIn(text: string): string[][] {
  return text
    .split(/&&|\||;/)
    .map((part) => /(?:^|\s)(?:node bin\/eirel-ai\.js|(?:npx )?eirel-ai)\s+(.*)$/.exec(part)?.[1] ?? '')
    .filter((rest) => rest !== '')
    .map((rest) => rest.match(/"[^"]*"|'[^']*'|\S+/g) ?? []);
}

/** What is wrong with a call, in words; null where the command line would take it. */
function faultOf(words: readonly string[]): string | null {
  let command: Command = program;
  const given: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (/^(\.\.\.|…|\[options\])$/.test(word)) return null;
    if (word.startsWith('-')) {
      const [flag] = word.split('=');
      if (flag === '--help' || flag === '-h') return null;
      const option = [...command.options, ...program.options].find(
        ({ short, long }) => flag === short || flag === long,
      );
      if (!option) return `${command.name()} has no option ${flag}`;
      if ((option.required || option.optional) && !word.includes('=')) at += 1;
      continue;
    }
    const child = given.length === 0 ? command.commands.find((sub) => sub.name() === word) : undefined;
    if (child) command = child;
    else if (command.commands.length > 0) return `${command.name()} has no command ${word}`;
    else given.push(word);
  }
  const { registeredArguments: taken } = command;
  const most = taken.some(({ variadic }) => variadic) ? Infinity : taken.length;
  return given.length > most ? `${command.name()} takes ${most} arguments, not ${given.length}` : null;
}

const calls = GUIDES.flatMap(codeOf).flatMap((place) =>
  callsIn(place.text).map((words) => ({ ...place, words })),
);

it('names only commands and options that the command line has', () => {
  const faults = calls.flatMap(({ file, line, words }) => {
    const fault = faultOf(words);
    return fault === null ? [] : [`${file}:${line}: eirel-ai ${words.join(' ')}: ${fault}`];
  });
  expect(faults).toEqual([]);
  // Were the calls no longer found, nothing would be checked.
  for (const guide of ['miner', 'validator'])
    expect(calls.filter(({ file }) => file === `docs/${guide}-guide.md`).length).toBeGreaterThanOrEqual(5);
  expect(calls.filter(({ file }) => file === 'docs/operations.md').length).toBeGreaterThanOrEqual(15);
});

it.each([
  ['run watch', null],
  ['-o json run verify run-7 --archives', null],
  ['run pause RUN --reason "a long one"', null],
  ['validator start', null],
  ['run stop RUN', 'run has no command stop'],
  ['run pause RUN --because x', 'pause has no option --because'],
  ['run watch a b c', expect.stringContaining('watch takes')],
])('reads "eirel-ai %s" as the command line would', (text, fault) => {
  expect(callsIn(`eirel-ai ${text}`).map(faultOf)).toEqual([fault]);
});

/** Text of everything that may read a variable: the product, its compose files and its tests' harness. */
function sources(): string {
  const skipped = new Set(['node_modules', 'build', 'docs', 'histories']);
  const filesBelow = (folder: string): string[] =>
    readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory())
        return skipped.has(entry.name) || entry.name.startsWith('.') ? [] : filesBelow(path);
      return /\.(tsx?|mjs|cjs|js|yml|yaml|toml|sh|py|prisma)$/.test(entry.name) || entry.name === 'Dockerfile'
        ? [path]
        : [];
    });
  return filesBelow('.').map(read).join('\n');
}

it('names only variables that something reads', () => {
  const text = sources();
  // Several settings exist for more than one side, and are read as prefix and rest.
  const prefixes = ['EIREL_VALIDATOR', 'EIREL_MINER', 'EIREL_OWNER', 'EIREL_ORACLE', 'EIREL'];
  const roles = /^EIREL_(?:VALIDATOR_)?(?:ORACLE_(?:OPENAI|GEMINI|GROK)|RECONCILER)_/;
  const isRead = (name: string): boolean =>
    new RegExp(`\\b${name}\\b`).test(text) ||
    prefixes.some(
      (prefix) => name.startsWith(`${prefix}_`) && text.includes(`}${name.slice(prefix.length)}\``),
    ) ||
    (roles.test(name) && text.includes(`}_${name.replace(roles, '')}\``));
  const unread = ['.env.compose.example', '.env.validator.example', ...GUIDES].flatMap((file) =>
    [
      ...new Set(
        read(file).match(/\b(?:EIREL|OWNER|BITTENSOR|METAGRAPH|TEMPORAL|POSTGRES)(?:_[A-Z0-9]+)+\b/g),
      ),
    ]
      .filter((name) => !isRead(name))
      .map((name) => `${file}: ${name}`),
  );
  expect(unread).toEqual([]);
});

/** A heading's anchor, as the forges make it. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

it('links only to what is there', () => {
  const broken = GUIDES.flatMap((file) =>
    [...read(file).matchAll(/\]\((?!https?:|mailto:)([^)\s]*)\)/g)].flatMap(([, target = '']) => {
      const [path = '', anchor] = target.split('#');
      const aim = path === '' ? file : relative(ROOT, join(ROOT, dirname(file), path));
      if (!existsSync(join(ROOT, aim))) return [`${file}: ${target}`];
      if (anchor === undefined) return [];
      const anchors = [...read(aim).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading));
      return anchors.includes(anchor) ? [] : [`${file}: ${target}`];
    }),
  );
  expect(broken).toEqual([]);
});
