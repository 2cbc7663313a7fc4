import { z } from 'zod';

/** Where a service listens. */
export interface ListenConfig {
  host: string;
  port: number;
  drainSeconds: number;
}

/** An environment variable that is unset or empty is missing. */
export function optionalEnv<T extends z.ZodType>(schema: T) {
  return z.preprocess(
    (value) => (typeof value === 'string' && value.trim() === '' ? undefined : value),
    schema,
  );
}

/** A whole number in an environment variable. */
export function intEnv(fallback: number, min: number, max: number) {
  return optionalEnv(z.coerce.number().int().min(min).max(max).default(fallback));
}

/** A number in an environment variable. */
export function numberEnv(fallback: number, min: number, max: number) {
  return optionalEnv(z.coerce.number().min(min).max(max).default(fallback));
}

/** A text in an environment variable, trimmed; undefined when empty. */
export function textEnv() {
  return optionalEnv(z.string().trim().optional());
}

/**
 * Parses named environment variables.
 * @throws Error with one line per variable that is missing or wrong; values are not repeated, they may be secrets
 */
export function parseEnv<S extends z.ZodRawShape>(
  shape: S,
  env: NodeJS.ProcessEnv,
): z.output<z.ZodObject<S>> {
  const parsed = z.object(shape).safeParse(env);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new Error(`configuration refused:\n  ${lines.join('\n  ')}`);
}

/**
 * Reads where to listen: `<portVariable>`, `EIREL_BIND_HOST` (127.0.0.1) and `EIREL_DRAIN_SECONDS` (20).
 * @throws Error that names the variable which is wrong
 */
export function listenConfigFromEnv(
  portVariable: string,
  defaultPort: number,
  env: NodeJS.ProcessEnv,
): ListenConfig {
  const values = parseEnv(
    {
      [portVariable]: intEnv(defaultPort, 0, 65_535),
      EIREL_BIND_HOST: optionalEnv(z.string().trim().default('127.0.0.1')),
      EIREL_DRAIN_SECONDS: numberEnv(20, 0, 3600),
    },
    env,
  ) as Record<string, unknown>;
  return {
    host: values.EIREL_BIND_HOST as string,
    port: values[portVariable] as number,
    drainSeconds: values.EIREL_DRAIN_SECONDS as number,
  };
}
