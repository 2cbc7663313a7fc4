/** Words validation problems the way the miner SDK does, so that a miner meets the same text on both sides. */
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/** Model names by field, which the SDK mentions when a section is not a mapping. */
const MODELS: Record<string, string> = {
  agent: 'AgentInfo',
  build: 'BuildInfo',
  runtime: 'RuntimeInfo',
  resources: 'ResourceInfo',
  inference: 'InferenceInfo',
  sdk_runtime: 'SdkRuntimeInfo',
};

/** Fields that hold whole numbers; zod names both kinds `number` where the value is none. */
const WHOLE_FIELDS = new Set<PropertyKey>(['port', 'timeout_seconds']);

/** How much of an offending value is shown: its first 25 and last 24 characters. */
const SHOWN_HEAD = 25;
const SHOWN_TAIL = 24;

/**
 * One line with the count, then two lines per problem: its path, and what is wrong with which value.
 * @param model name of the validated model
 * @param issues zod's issues
 * @param document the validated value, from which the offending values are shown
 */
export function describeIssues(model: string, issues: readonly Issue[], document: unknown): string {
  const lines = issues.map((issue) => {
    const value = valueAt(document, issue.path);
    const { type, message } = word(issue, value);
    // A missing field is shown in what surrounds it.
    const shown = type === 'missing' ? valueAt(document, issue.path.slice(0, -1)) : value;
    const path = issue.path.length === 0 ? '' : `${issue.path.join('.')}\n`;
    return `${path}  ${message} [type=${type}, input_value=${abridge(pythonRepr(shown))}, input_type=${pythonType(shown)}]`;
  });
  return `${issues.length} validation error${issues.length === 1 ? '' : 's'} for ${model}\n${lines.join('\n')}`;
}

function word(issue: Issue, value: unknown): { type: string; message: string } {
  if (value === undefined) return { type: 'missing', message: 'Field required' };
  if (issue.code === 'custom')
    return { type: String(issue.params?.type ?? 'value_error'), message: issue.message };
  if (issue.code === 'invalid_value') {
    if (issue.path.at(-1) === 'family_id') {
      const allowed = issue.values.map(String).join(', ');
      return {
        type: 'value_error',
        message: `Value error, unsupported family_id ${pythonRepr(value)}; expected one of ${allowed}`,
      };
    }
    const choices = issue.values.map(pythonRepr);
    const list = choices.length > 1 ? `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}` : choices[0];
    return { type: 'literal_error', message: `Input should be ${list}` };
  }
  if (issue.code === 'too_big' || issue.code === 'too_small') {
    return { type: 'int_parsing_size', message: 'Input should be a whole number of at most 15 digits' };
  }
  if (issue.code === 'invalid_type') return wordType(issue, value);
  return { type: issue.code, message: issue.message };
}

function wordType(issue: z.core.$ZodIssueInvalidType, value: unknown): { type: string; message: string } {
  const quoted = typeof value === 'string';
  const wholeField = WHOLE_FIELDS.has(issue.path.at(-1) ?? '');
  switch (issue.expected === 'number' && wholeField ? 'int' : issue.expected) {
    case 'string':
      return { type: 'string_type', message: 'Input should be a valid string' };
    case 'int':
      if (quoted) {
        const message = 'Input should be a valid integer, unable to parse string as an integer';
        return { type: 'int_parsing', message };
      }
      if (typeof value === 'number') {
        return {
          type: 'int_from_float',
          message: 'Input should be a valid integer, got a number with a fractional part',
        };
      }
      return { type: 'int_type', message: 'Input should be a valid integer' };
    case 'number':
      if (quoted) {
        return {
          type: 'float_parsing',
          message: 'Input should be a valid number, unable to parse string as a number',
        };
      }
      if (Number.isNaN(value)) return { type: 'greater_than', message: 'Input should be greater than 0' };
      if (typeof value === 'number')
        return { type: 'finite_number', message: 'Input should be a finite number' };
      return { type: 'float_type', message: 'Input should be a valid number' };
    case 'boolean':
      return quoted || Number.isInteger(value)
        ? { type: 'bool_parsing', message: 'Input should be a valid boolean, unable to interpret input' }
        : { type: 'bool_type', message: 'Input should be a valid boolean' };
    case 'array':
      return { type: 'list_type', message: 'Input should be a valid list' };
    case 'object': {
      const name = MODELS[String(issue.path.at(-1))] ?? 'SubmissionManifest';
      return { type: 'model_type', message: `Input should be a valid dictionary or instance of ${name}` };
    }
    default:
      return { type: `${issue.expected}_type`, message: `Input should be a valid ${issue.expected}` };
  }
}

function valueAt(document: unknown, path: readonly PropertyKey[]): unknown {
  let value = document;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

/** How Python would print the value, because the miner reads the SDK's output in that form. */
function pythonRepr(value: unknown, depth = 0): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') {
    const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
    const escaped = value
      .slice(0, 2000)
      .replace(/\\/g, '\\\\')
      .replace(/\n/g, '\\n')
      .replace(/\r/g, '\\r')
      .replace(/\t/g, '\\t')
      .replaceAll(quote, `\\${quote}`);
    return `${quote}${escaped}${quote}`;
  }
  if (value instanceof Date) return value.toISOString();
  if (depth > 4) return '...';
  if (Array.isArray(value))
    return `[${value
      .slice(0, 50)
      .map((item) => pythonRepr(item, depth + 1))
      .join(', ')}]`;
  const pairs = Object.entries(value).slice(0, 50);
  return `{${pairs.map(([key, item]) => `${pythonRepr(key)}: ${pythonRepr(item, depth + 1)}`).join(', ')}}`;
}

function abridge(repr: string): string {
  const characters = [...repr];
  if (characters.length <= SHOWN_HEAD + SHOWN_TAIL + 1) return repr;
  return `${characters.slice(0, SHOWN_HEAD).join('')}...${characters.slice(-SHOWN_TAIL).join('')}`;
}

function pythonType(value: unknown): string {
  if (value === null || value === undefined) return 'NoneType';
  if (typeof value === 'string') return 'str';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  if (value instanceof Date) return 'datetime';
  return Array.isArray(value) ? 'list' : 'dict';
}
