import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { FORMATS } from './output';
import { UsageError } from './exit-codes';

const profileSchema = z.strictObject({
  api_url: z.string().min(1).optional(),
  wallet_name: z.string().min(1).optional(),
  hotkey_name: z.string().min(1).optional(),
  wallet_path: z.string().min(1).optional(),
  output: z.enum(FORMATS).optional(),
});
const fileSchema = z.record(z.string(), profileSchema);

/** Settings that `--profile NAME` stands for. Secrets have no place here. */
export type Profile = z.output<typeof profileSchema>;

/** `$XDG_CONFIG_HOME/eirel/profiles.yaml`, or the same below `~/.config`. */
export function profilesFile(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'eirel', 'profiles.yaml');
}

/**
 * Reads one profile.
 * @throws UsageError when the file or the profile is missing, or holds something else than the five known settings;
 *   the message never repeats a value
 */
export function loadProfile(name: string, env: NodeJS.ProcessEnv): Profile {
  const file = profilesFile(env);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new UsageError(`profile "${name}": cannot read ${file} (${code})`, [
      `write it, for example:\n  ${name}:\n    api_url: https://api.example.org\n    wallet_name: owner\n    hotkey_name: op1`,
    ]);
  }
  const document = parseDocument(text);
  const fault = document.errors[0];
  if (fault) {
    const line = fault.linePos?.[0].line;
    throw new UsageError(`${file} is not valid YAML${line ? ` (line ${line})` : ''}: ${fault.code}`);
  }
  const parsed = fileSchema.safeParse(document.toJS() ?? {});
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UsageError(`${file}: ${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'invalid'}`, [
      `a profile may set ${Object.keys(profileSchema.shape).join(', ')}`,
    ]);
  }
  const profile = Object.hasOwn(parsed.data, name) ? parsed.data[name] : undefined;
  if (!profile) {
    const known = Object.keys(parsed.data).sort();
    throw new UsageError(
      `there is no profile "${name}" in ${file}; ${known.length > 0 ? `there are: ${known.join(', ')}` : 'it has none'}`,
    );
  }
  return profile;
}
