/** Which interpreter runs untrusted code, and the few files of this machine that it needs to see. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { IsolationUnavailable } from './errors';

const run = promisify(execFile);
const ASK_TIMEOUT_MS = 20_000;

const QUESTION = `
import json, os, sys, sysconfig
paths = sysconfig.get_paths()
print(json.dumps({
    "executable": os.path.realpath(sys.executable),
    "version": list(sys.version_info[:3]),
    "prefix": sys.base_prefix,
    "libraries": sorted({paths["stdlib"], paths["platstdlib"]}),
}))
`;
// Terminals, network names, foreign databases, windows: what is listed here only costs a mount for each library.
const USELESS = /^(readline|nis|_ssl|_curses|_curses_panel|_tkinter|_dbm|_gdbm)\./;
const answerSchema = z.object({
  executable: z.string().min(1),
  version: z.tuple([z.int(), z.int(), z.int()]),
  prefix: z.string().min(1),
  libraries: z.array(z.string().min(1)).min(1),
});

/** An interpreter, and what must be visible where for it to run. */
export interface PythonRuntime {
  /** Path of the program, the same inside and outside. */
  executable: string;
  version: string;
  /** Files and directories to show read-only at their own paths. */
  visible: string[];
  /** Directories below those to be covered: packages that somebody installed on this machine. */
  covered: string[];
}

/** Interpreters to try, in order: the configured one alone, or those of the system before that of the PATH. */
export function pythonCandidates(configured: string | undefined, path = process.env.PATH ?? ''): string[] {
  if (configured) return [configured];
  const found = [
    '/usr/bin/python3',
    '/usr/local/bin/python3',
    ...path
      .split(delimiter)
      .filter(Boolean)
      .map((directory) => join(directory, 'python3')),
  ];
  return [...new Set(found.filter((file) => existsSync(file)))];
}

/**
 * Asks an interpreter where its standard library is and the dynamic linker what it loads.
 * @throws IsolationUnavailable when it does not run, is too old or cannot be laid open
 */
export async function describePython(program: string): Promise<PythonRuntime> {
  const answer = await ask(program);
  const [major, minor] = answer.version;
  const version = answer.version.join('.');
  if (major !== 3 || minor < 9) {
    throw new IsolationUnavailable(`${program} is Python ${version}; 3.9 or newer is needed`);
  }
  const extensions = answer.libraries
    .map((library) => join(library, 'lib-dynload'))
    .filter((directory) => existsSync(directory))
    .flatMap((directory) =>
      readdirSync(directory)
        .filter((file) => file.endsWith('.so') && !USELESS.test(file))
        .map((file) => join(directory, file)),
    );
  const shared = await sharedLibraries([answer.executable, ...extensions]);
  return {
    executable: answer.executable,
    version,
    visible: [answer.executable, ...answer.libraries, ...shared],
    covered: answer.libraries
      .flatMap((library) => ['site-packages', 'dist-packages', 'test'].map((name) => join(library, name)))
      .filter((directory) => existsSync(directory)),
  };
}

async function ask(program: string): Promise<z.infer<typeof answerSchema>> {
  try {
    const { stdout } = await run(program, ['-I', '-S', '-c', QUESTION], {
      timeout: ASK_TIMEOUT_MS,
      cwd: '/',
      // Its own environment only: a shim of a version manager needs HOME and PATH to find the real program.
      env: { PATH: process.env.PATH, HOME: process.env.HOME },
    });
    return answerSchema.parse(JSON.parse(stdout));
  } catch (error) {
    throw new IsolationUnavailable(
      `the Python interpreter ${program} could not be run: ${(error as Error).message.split('\n')[0]}`,
    );
  }
}

/** The libraries that `ldd` names for these files, under the paths by which the loader opens them. */
async function sharedLibraries(files: readonly string[]): Promise<string[]> {
  let stdout: string;
  try {
    ({ stdout } = await run('ldd', [...files], { timeout: ASK_TIMEOUT_MS, maxBuffer: 16 * 1024 * 1024 }));
  } catch (error) {
    // A statically linked interpreter makes ldd fail, with the answers for the other files on its output.
    stdout = (error as { stdout?: string }).stdout ?? '';
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new IsolationUnavailable('ldd was not found; it tells which libraries Python needs (libc-bin)');
    }
  }
  const paths = new Set<string>();
  for (const line of stdout.split('\n')) {
    const path = /^\s+(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)$/.exec(line)?.[1];
    if (path && existsSync(path)) paths.add(path);
  }
  return [...paths].sort();
}

/** The path behind all links, for bind mounts whose source must not be one. */
export const realPath = (path: string): string => realpathSync(path);
