import { Argument, type Command } from 'commander';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** Adds `eirel-ai completion bash|zsh|fish`: a script for the shell, made from the commands themselves. */
export function registerCompletion(program: Command): void {
  program
    .command('completion')
    .description('print a completion script: source <(eirel-ai completion bash)')
    .addArgument(new Argument('<shell>', 'which shell').choices([...SHELLS]))
    .action((shell: Shell) => {
      process.stdout.write(completionScript(program, shell));
    });
}

interface Node {
  /** Command names from the program on, e.g. `admin runs`. */
  path: string;
  subcommands: string[];
  /** Long and short flags. */
  flags: string[];
  /** Words that an option or the first argument takes, by flag (empty for the argument). */
  choices: [string, readonly string[]][];
}

/** The script for a shell; zsh runs the bash one through its own `bashcompinit`. */
export function completionScript(program: Command, shell: Shell): string {
  if (shell === 'fish') return fishScript(program);
  const nodes = walk(program, '');
  const globalFlags = flagsOf(program);
  const name = program.name();
  const words = nodes.map(({ path, subcommands, flags, choices }) => {
    const own = choices.find(([flag]) => flag === '')?.[1] ?? [];
    return `    ${quoted(path)}) words="${[...subcommands, ...own, ...flags, ...globalFlags].join(' ')}" ;;`;
  });
  const values = [...new Map([...walkChoices(program), ...nodes.flatMap((node) => node.choices)])]
    .filter(([flag]) => flag !== '')
    .map(
      ([flag, items]) =>
        `    ${flag}) COMPREPLY=($(compgen -W "${items.join(' ')}" -- "$current")); return ;;`,
    );
  const paths = nodes.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  const lines = [
    ...(shell === 'zsh'
      ? ['autoload -U +X compinit && compinit', 'autoload -U +X bashcompinit && bashcompinit']
      : []),
    '_eirel_ai() {',
    '  local current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" path="" words="" i',
    '  COMPREPLY=()',
    '  case "$before" in',
    ...values,
    '  esac',
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    '    case "${path:+$path }${COMP_WORDS[i]}" in',
    `      ${paths.join('|')}) path="\${path:+$path }\${COMP_WORDS[i]}" ;;`,
    '    esac',
    '  done',
    '  case "$path" in',
    ...words,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    `complete -o default -F _eirel_ai ${name}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** fish asks a function for the words that may follow what was typed. */
function fishScript(program: Command): string {
  const nodes = walk(program, '');
  const name = program.name();
  const globalFlags = flagsOf(program);
  const cases = nodes.map(({ path, subcommands, flags, choices }) => {
    const own = choices.find(([flag]) => flag === '')?.[1] ?? [];
    return `        case ${quoted(path)}\n            set words ${[...subcommands, ...own, ...flags, ...globalFlags].join(' ')}`;
  });
  const values = [...new Map([...walkChoices(program), ...nodes.flatMap((node) => node.choices)])]
    .filter(([flag]) => flag !== '')
    .map(
      ([flag, items]) =>
        `        case ${quoted(flag)}\n            printf '%s\\n' ${items.join(' ')}\n            return`,
    );
  const paths = nodes.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  return [
    'function __eirel_ai_words',
    '    set -l typed (commandline -opc)',
    '    set -l words',
    '    switch "$typed[-1]"',
    ...values,
    '    end',
    "    set -l path ''",
    '    for word in $typed[2..-1]',
    '        switch (string trim "$path $word")',
    `            case ${paths.join(' ')}`,
    '                set path (string trim "$path $word")',
    '        end',
    '    end',
    '    switch "$path"',
    ...cases,
    '    end',
    "    printf '%s\\n' $words",
    'end',
    `complete -c ${name} -f -a '(__eirel_ai_words)'`,
    '',
  ].join('\n');
}

const quoted = (text: string): string => `"${text}"`;

function walk(command: Command, path: string): Node[] {
  const children = command.commands.filter((child) => child.name() !== 'help');
  const node: Node = {
    path,
    subcommands: children.map((child) => child.name()),
    flags: path === '' ? [] : flagsOf(command),
    choices: walkChoices(command),
  };
  return [
    node,
    ...children.flatMap((child) => walk(child, path === '' ? child.name() : `${path} ${child.name()}`)),
  ];
}

function walkChoices(command: Command): Node['choices'] {
  const ofOptions = command.options.flatMap((option): Node['choices'] =>
    option.argChoices
      ? [option.short, option.long].flatMap((flag) => (flag ? [[flag, option.argChoices as string[]]] : []))
      : [],
  );
  const argument = command.registeredArguments[0]?.argChoices;
  return argument ? [...ofOptions, ['', argument]] : ofOptions;
}

const flagsOf = (command: Command): string[] =>
  command.options.flatMap(({ short, long }) =>
    [short, long].filter((flag) => flag !== undefined && flag !== null),
  ) as string[];
