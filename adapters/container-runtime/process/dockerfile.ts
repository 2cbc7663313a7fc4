/** Reads from a Dockerfile what a plain process can follow: which files go where, and what is started how. */
import {
  type Copy,
  DockerfileParser,
  type Env,
  type Instruction,
  JSONInstruction,
  type ModifiableInstruction,
} from 'dockerfile-ast';

/** A command in exec form (a list of words) or shell form (a line for `/bin/sh -c`). */
export type Command = { words: string[] } | { line: string };

export interface CopyStep {
  sources: string[];
  /** Absolute path in the image; a trailing slash marks a directory. */
  destination: string;
}

export interface DockerfilePlan {
  /** Absolute path in the image. */
  workdir: string;
  env: Record<string, string>;
  copies: CopyStep[];
  entrypoint: Command | null;
  command: Command | null;
  /** One sentence for each instruction that the process backend does not carry out. */
  notes: string[];
}

const NOT_EXECUTED = new Set([
  'FROM',
  'RUN',
  'USER',
  'VOLUME',
  'HEALTHCHECK',
  'SHELL',
  'ONBUILD',
  'STOPSIGNAL',
]);

/** Parses a Dockerfile; of several stages the last one counts. Never throws: what makes no sense is noted. */
export function readDockerfile(text: string): DockerfilePlan {
  const plan: DockerfilePlan = {
    workdir: '/',
    env: {},
    copies: [],
    entrypoint: null,
    command: null,
    notes: [],
  };
  const variables: Record<string, string> = {};
  for (const instruction of DockerfileParser.parse(text).getInstructions()) {
    const keyword = instruction.getKeyword();
    const content = instruction.getArgumentsContent() ?? '';
    if (keyword === 'FROM') {
      // A new stage starts from an image that is not here.
      Object.assign(plan, { workdir: '/', env: {}, copies: [], entrypoint: null, command: null });
    }
    if (NOT_EXECUTED.has(keyword)) {
      plan.notes.push(
        `not executed by the process backend: ${keyword} ${content.split('\n')[0]?.slice(0, 160)}`,
      );
    } else if (keyword === 'WORKDIR') {
      plan.workdir = absolute(plan.workdir, expand(content, { ...variables, ...plan.env }));
    } else if (keyword === 'ENV' || keyword === 'ARG') {
      for (const property of (instruction as Env).getProperties()) {
        const value = expand(property.getValue() ?? '', { ...variables, ...plan.env });
        if (keyword === 'ENV') plan.env[property.getName()] = value;
        else if (property.getValue() !== null) variables[property.getName()] = value;
      }
    } else if (keyword === 'COPY' || keyword === 'ADD') {
      readCopy(instruction as Copy, plan, { ...variables, ...plan.env });
    } else if (keyword === 'CMD') {
      plan.command = readCommand(instruction);
    } else if (keyword === 'ENTRYPOINT') {
      plan.entrypoint = readCommand(instruction);
      // As in Docker, an inherited CMD does not survive a new ENTRYPOINT; one that follows does.
    }
  }
  return plan;
}

/** True when the Dockerfile itself says in exec form how to start. */
export function startsInExecForm(plan: DockerfilePlan): boolean {
  return [plan.entrypoint, plan.command].some((command) => command !== null && 'words' in command);
}

/** The whole argument vector; null when there is neither ENTRYPOINT nor CMD. */
export function startWords(plan: DockerfilePlan): string[] | null {
  const words = (command: Command): string[] =>
    'words' in command ? command.words : ['/bin/sh', '-c', command.line];
  if (plan.entrypoint === null) return plan.command === null ? null : words(plan.command);
  // Docker passes no CMD to an ENTRYPOINT in shell form.
  if ('line' in plan.entrypoint || plan.command === null) return words(plan.entrypoint);
  return [...plan.entrypoint.words, ...words(plan.command)];
}

function readCommand(instruction: Instruction): Command | null {
  if (instruction instanceof JSONInstruction && instruction.getClosingBracket() !== null) {
    const words = instruction.getJSONStrings().map((item) => item.getJSONValue());
    return words.length === 0 ? null : { words };
  }
  const line = (instruction.getRawArgumentsContent() ?? '').replace(/\\\r?\n/g, ' ').trim();
  return line === '' ? null : { line };
}

function readCopy(instruction: Copy, plan: DockerfilePlan, variables: Record<string, string>): void {
  const shown = `${instruction.getKeyword()} ${instruction.getArgumentsContent() ?? ''}`.slice(0, 160);
  const flags = (instruction as ModifiableInstruction).getFlags().map((flag) => flag.getName());
  const paths = copyPaths(instruction).map((path) => expand(path, variables));
  const destination = paths.pop();
  if (flags.includes('from') || destination === undefined || paths.length === 0) {
    plan.notes.push(`not executed by the process backend: ${shown}`);
    return;
  }
  const local = paths.filter((path) => !/^[a-z]+:\/\//i.test(path) && !path.startsWith('<<'));
  if (local.length < paths.length) plan.notes.push(`not executed by the process backend: ${shown}`);
  if (local.length === 0) return;
  const target = absolute(plan.workdir, destination);
  const directory =
    destination.endsWith('/') || destination === '.' || destination.endsWith('/.') || local.length > 1;
  plan.copies.push({ sources: local, destination: directory && target !== '/' ? `${target}/` : target });
}

function copyPaths(instruction: Copy): string[] {
  if (instruction.getClosingBracket() !== null)
    return instruction.getJSONStrings().map((item) => item.getJSONValue());
  return instruction
    .getArguments()
    .map((argument) => argument.getValue())
    .filter((value) => !value.startsWith('--'));
}

/** Resolves a path of the image against its working directory; `..` stops at the root. */
function absolute(workdir: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${workdir}/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

function expand(text: string, variables: Record<string, string>): string {
  return text.replace(
    /\$(?:(\w+)|\{(\w+)(?::-([^}]*))?\})/g,
    (_, plain: string | undefined, braced: string | undefined, fallback: string | undefined) =>
      variables[plain ?? braced ?? ''] ?? fallback ?? '',
  );
}
