import winston from 'winston';

/** What every part of the product logs through: a sentence, and fields that a machine can filter. */
export interface Logger {
  debug(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

// Key names whose values are credentials wherever they appear; the value is replaced before anything is written.
const SECRET_KEY =
  /(authorization|api[-_]?key|secret|mnemonic|password|seed(phrase)?$|private|(^|[-_a-z])token$)/i;

const redact = winston.format((info) => redactObject(info) as winston.Logform.TransformableInfo);

function redactObject(value: unknown, depth = 0): unknown {
  if (value === null || typeof value !== 'object' || depth > 6) return value;
  if (value instanceof Error) return { name: value.name, message: value.message, stack: value.stack };
  if (value instanceof Date) return value;
  if (Array.isArray(value)) return value.map((item) => redactObject(item, depth + 1));
  const out: Record<string | symbol, unknown> = {};
  for (const key of Reflect.ownKeys(value)) {
    const item = (value as Record<string | symbol, unknown>)[key];
    out[key] =
      typeof key === 'string' && SECRET_KEY.test(key) && item ? '[redacted]' : redactObject(item, depth + 1);
  }
  return out;
}

/**
 * A logger that writes one JSON object a line to standard error, so that standard output stays for data.
 * @param name the process or part that speaks, shown as `service`
 * @param level lowest level written; `LOG_LEVEL` in the environment, `info` without one
 */
export function createLogger(name: string, level = process.env.LOG_LEVEL ?? 'info'): Logger {
  return winston.createLogger({
    level,
    defaultMeta: { service: name },
    format: winston.format.combine(
      redact(),
      winston.format.timestamp(),
      winston.format.json({ bigint: true }),
    ),
    transports: [new winston.transports.Console({ stderrLevels: ['debug', 'info', 'warn', 'error'] })],
  });
}

/** Says what went wrong in one line, without a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
