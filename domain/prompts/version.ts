import { createHash } from 'node:crypto';

/**
 * The version of a prompt as it is stored with what it gave: a name that people raise, and eight digits of the text's
 * SHA-256, which tell when somebody forgot to.
 */
export function promptVersion(name: string, text: string): string {
  return `${name}#${createHash('sha256').update(text).digest('hex').slice(0, 8)}`;
}
