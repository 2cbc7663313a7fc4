/** Where the password of an encrypted key file is found. */
import { readFile } from 'node:fs/promises';
import { KeyConfigError } from './errors';

export interface PasswordSource {
  /** The password of one key file, null where there is none. */
  find(file: string): Promise<string | null>;
  /** What to set, for messages. */
  advice(file: string): string;
}

/**
 * The password that the environment holds: `<PREFIX>_WALLET_PASSWORD`, the file that `<PREFIX>_WALLET_PASSWORD_FILE`
 * names (without its last line break), or the variable in which bittensor-wallet itself keeps it.
 * @param prefix e.g. `EIREL_OWNER`
 * @throws KeyConfigError when the named file cannot be read
 */
export function passwordFromEnv(env: NodeJS.ProcessEnv, prefix: string): PasswordSource {
  const [variable, fileVariable] = [`${prefix}_WALLET_PASSWORD`, `${prefix}_WALLET_PASSWORD_FILE`];
  return {
    async find(file) {
      if (env[variable]) return env[variable];
      const passwordFile = env[fileVariable]?.trim();
      if (!passwordFile) return bittensorPassword(env, file);
      try {
        return (await readFile(passwordFile, 'utf8')).replace(/\r?\n$/, '');
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
        throw new KeyConfigError(`${fileVariable}: cannot read ${passwordFile}: ${code}`);
      }
    },
    advice: (file) =>
      `set ${fileVariable} to a file that holds the password, or ${variable}, or bittensor's own ${bittensorVariable(file)}`,
  };
}

/** The variable's name is made of the key file's path, and its value is base64 of the password XOR that name. */
function bittensorPassword(env: NodeJS.ProcessEnv, file: string): string | null {
  const variable = bittensorVariable(file);
  const veiled = env[variable];
  if (!veiled) return null;
  const name = Buffer.from(variable);
  const bytes = Buffer.from(veiled, 'base64').map((byte, at) => byte ^ (name[at % name.length] as number));
  return Buffer.from(bytes).toString('utf8');
}

function bittensorVariable(file: string): string {
  return `BT_PW_${file.replace(/[/.]/g, '_').toUpperCase()}`;
}
