/**
 * Writes the reference of the command line from the command tree.
 * usage: node scripts/generate-cli-docs.mjs [--check]; with --check nothing is written, and the exit code is 1 on a difference
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import prettier from 'prettier';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const FILE = join(ROOT, 'docs', 'cli-commands.md');
const HEAD = `# Every command

Generated from the commands themselves by \`npm run generate:cli-docs\`; [cli.md](cli.md) says what they have in common.
`;

function optionText(option) {
  const words = option.argChoices ? `: ${option.argChoices.join(', ')}` : '';
  const fallback = option.defaultValue;
  const shown =
    fallback === undefined || fallback === '' || fallback === false ? '' : ` (${String(fallback)})`;
  return `- \`${option.flags}\`: ${option.description}${words}${shown}${option.mandatory ? ' (required)' : ''}`;
}

/** Leaves of the tree, each with the words that call it. */
function leaves(command, path) {
  const children = command.commands.filter((child) => child.name() !== 'help');
  if (children.length === 0) return [{ command, path }];
  return children.flatMap((child) => leaves(child, [...path, child.name()]));
}

function section(group) {
  const lines = [`## ${group.name()}`, '', group.description(), ''];
  for (const { command, path } of leaves(group, [group.name()])) {
    const usage = command
      .usage()
      .replace(/^\[options\] ?/, '')
      .replace(/ ?\[options\]/, '');
    lines.push(`### \`${['eirel-ai', ...path, usage].filter((part) => part !== '').join(' ')}\``, '');
    if (path.length > 1) lines.push(`${command.description()}.`, '');
    for (const option of command.options.filter(({ hidden }) => !hidden)) lines.push(optionText(option));
    lines.push('');
  }
  return lines.join('\n');
}

const load = createRequire(join(ROOT, 'build', 'index.js'));
const program = load('./cli/program').buildProgram();
const groups = [...program.commands]
  .filter((command) => command.name() !== 'help')
  .sort((a, b) => (a.name() < b.name() ? -1 : 1));
const common = program.options.map(optionText).join('\n');
const text = [HEAD, '## Options of every command', '', common, '', ...groups.map(section)].join('\n');
const formatted = await prettier.format(text, {
  ...(await prettier.resolveConfig(FILE)),
  parser: 'markdown',
});

if (existsSync(FILE) && readFileSync(FILE, 'utf8') === formatted) {
  process.stderr.write('the reference is up to date\n');
} else if (process.argv.includes('--check')) {
  process.stderr.write('the reference is not that of the commands: run `npm run generate:cli-docs`\n');
  process.exitCode = 1;
} else {
  writeFileSync(FILE, formatted);
  process.stderr.write(`wrote ${FILE}\n`);
}
