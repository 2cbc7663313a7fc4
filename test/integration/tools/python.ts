import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Runs a Python program with one JSON argument and reads the JSON that it prints. */
export async function run(python: string, program: string, argument: object): Promise<unknown> {
  const { stdout } = await execute(python, ['-c', program, JSON.stringify(argument)], { timeout: 60_000 });
  return JSON.parse(stdout);
}
