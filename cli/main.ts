/** Entry point of `eirel-ai`. */
import { CommanderError } from 'commander';
import { projectRoot } from '../adapters/project-root';
import { loadEnvFiles } from './env-file';
import { CliError, EXIT, exitCodeOf, kindOf } from './exit-codes';
import { printable } from './output';
import { buildProgram } from './program';

/**
 * Runs one command.
 * @param argv arguments after the program's name
 * @returns its exit code; undefined leaves the code to what the command itself set
 */
async function main(argv: string[], env: NodeJS.ProcessEnv): Promise<number | undefined> {
  try {
    loadEnvFiles(env, [process.cwd(), projectRoot()]);
    const program = buildProgram(argv);
    if (argv.length === 0) {
      program.outputHelp();
      return EXIT.usage;
    }
    await program.parseAsync(argv, { from: 'user' });
    return undefined;
  } catch (error) {
    // Commander has shown its own errors and help already.
    if (!(error instanceof CommanderError)) report(error, env);
    return exitCodeOf(error);
  }
}

/** Says what went wrong, what to do next, the error's code and whose turn it is; the stack only on demand. */
function report(error: unknown, env: NodeJS.ProcessEnv): void {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${printable(message)}\n`);
  for (const hint of error instanceof CliError ? error.hints : [])
    process.stderr.write(`  ${printable(hint)}\n`);
  const { code, owner } = kindOf(error);
  process.stderr.write(`  code=${code} owner=${owner}\n`);
  if (env.EIREL_DEBUG !== '1') return;
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    process.stderr.write(`${cause.stack}\n`);
}

// A reader that has seen enough, such as `head`, closes the pipe: nothing is left to be said then.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.ok);
});

main(process.argv.slice(2), process.env).then(
  (code) => {
    if (code !== undefined) process.exitCode = code;
  },
  (error: unknown) => {
    report(error, process.env);
    process.exitCode = EXIT.failed;
  },
);
