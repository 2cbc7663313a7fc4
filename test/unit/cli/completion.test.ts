import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { completionScript } from '../../../cli/commands/completion';
import { buildProgram } from '../../../cli/program';

const script = completionScript(buildProgram(), 'bash');

/** What bash offers for a command line; the last word is the one under the cursor. */
function complete(...words: string[]): string[] {
  const code = `${script}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _eirel_ai; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const output = execFileSync('bash', ['--norc', '-c', code, 'bash', 'eirel-ai', ...words], {
    encoding: 'utf8',
  });
  return output.split('\n').filter((word) => word !== '');
}

test('bash completes commands, verbs, options and their values', () => {
  expect(complete('r')).toEqual(['run', 'runs']);
  expect(complete('admin', 'v')).toEqual(['validators']);
  expect(complete('admin', 'validators', 're')).toEqual(['remove']);
  expect(complete('run', 'close', 'run-4', '--m')).toEqual(['--mode']);
  expect(complete('run', 'close', 'run-4', '--mode', '')).toEqual(['now', 'drain']);
  expect(complete('runs', 'list', '-o', 'js')).toEqual(['json', 'jsonl']);
  expect(complete('completion', 'z')).toEqual(['zsh']);
  expect(complete('-o', 'json', 'submission', 's')).toEqual(['show']);
});

test('the zsh script loads what it runs on first', () => {
  expect(completionScript(buildProgram(), 'zsh')).toBe(
    `autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n${script}`,
  );
});

test('the fish script asks one function', () => {
  const fish = completionScript(buildProgram(), 'fish');
  expect(fish).toMatch(/^complete -c eirel-ai -f -a '\(__eirel_ai_words\)'$/m);
  expect(fish).toMatch(/case "admin validators"\n {12}set words list add remove enable disable /);
});

test('the reference in docs is that of the commands', () => {
  const script = join(__dirname, '..', '..', '..', 'scripts', 'generate-cli-docs.mjs');
  expect(() => execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe' })).not.toThrow();
});

test('every command has a description', () => {
  const walk = (command: ReturnType<typeof buildProgram>): void => {
    for (const child of command.commands) {
      expect([child.name(), child.description()]).toEqual([child.name(), expect.stringMatching(/\S/)]);
      walk(child);
    }
  };
  walk(buildProgram());
});
