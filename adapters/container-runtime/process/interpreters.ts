/** The programs that agents are run by, found once and asked where they live. */
import { execFile } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { OwnerFault } from '../types';

const run = promisify(execFile);

const QUESTION = `
import importlib.util, json, sys
print(json.dumps({
    "executable": sys.executable,
    "paths": [sys.prefix, sys.base_prefix, *[p for p in sys.path if p]],
    "uvicorn": importlib.util.find_spec("uvicorn") is not None,
    "eirel": importlib.util.find_spec("eirel") is not None,
}))
`;
const answerSchema = z.object({
  executable: z.string().min(1),
  paths: z.array(z.string()),
  uvicorn: z.boolean(),
  eirel: z.boolean(),
});

export interface PythonInfo {
  /** The real program, behind any shim of a version manager. */
  executable: string;
  /** Directories it needs to read. */
  paths: string[];
  /** True when it can serve SDK submissions. */
  uvicorn: boolean;
  /** True when the miner SDK is installed. */
  eirel: boolean;
}

/** @throws OwnerFault `python_missing` when the program cannot be run */
export async function askPython(python: string): Promise<PythonInfo> {
  try {
    const { stdout } = await run(python, ['-c', QUESTION], { timeout: 20_000, cwd: '/' });
    return answerSchema.parse(JSON.parse(stdout));
  } catch (error) {
    throw new OwnerFault(
      'python_missing',
      `EIREL_PROCESS_RUNTIME_PYTHON (${python}) could not be run: ${(error as Error).message.split('\n')[0]}`,
      { cause: error },
    );
  }
}

/** Directories that the Node program needs to read: its installation. */
export function nodePaths(): string[] {
  const real = realpathSync(process.execPath);
  return [dirname(real), dirname(dirname(real))];
}
