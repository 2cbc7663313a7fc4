/**
 * The contract of `submission.yaml` as the miner SDK validates it (runtime-and-tools.md section 1.3): the same
 * documents pass, with the same coercions, defaults and key order, so that what a miner checked locally is what
 * the owner stores and serves.
 */
import { z } from 'zod';
import type { Tags } from 'yaml';
import { parseDocument } from 'yaml';
import { describeIssues } from './manifest-errors';

/** Families that submissions may join. */
export const FAMILY_IDS = ['general_chat'] as const;
/** The model that a manifest names when it names none. */
export const DEFAULT_MODEL = 'moonshotai/Kimi-K2.5-TEE';
/** The one path that the `agent_invocation_v1` protocol answers on. */
export const AGENT_INVOKE_PATH = '/v1/agent/infer';
/** How many times one YAML anchor may be multiplied before the document is refused. */
const MAX_ALIASES = 50;

// Whole numbers and decimals may be written as strings, and a decimal without a fraction is a whole number:
// the SDK's validation library is lenient in exactly these ways, and strict for strings.
const INTEGER_TEXT = /^\s*[+-]?\d+(_\d+)*(\.0*)?\s*$/;
const NUMBER_TEXT = /^\s*[+-]?(\d+(_\d+)*\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;
const asNumber = (text: string): number => Number(text.replace(/_/g, ''));

const text = z.string();
const whole = z.preprocess((value) => {
  if (typeof value === 'boolean') return Number(value);
  return typeof value === 'string' && INTEGER_TEXT.test(value) ? asNumber(value) : value;
}, z.int());
const decimal = z.preprocess((value) => {
  if (typeof value === 'boolean') return Number(value);
  return typeof value === 'string' && NUMBER_TEXT.test(value) ? asNumber(value) : value;
}, z.number());
const TRUE_TEXT = new Set(['1', 'true', 't', 'yes', 'y', 'on']);
const FALSE_TEXT = new Set(['0', 'false', 'f', 'no', 'n', 'off']);
const flag = z.preprocess((value) => {
  const word =
    typeof value === 'string' ? value.toLowerCase() : typeof value === 'number' ? String(value) : '';
  if (TRUE_TEXT.has(word)) return true;
  return FALSE_TEXT.has(word) ? false : value;
}, z.boolean());
const positive = decimal.refine((value) => value > 0, {
  abort: true,
  params: { type: 'greater_than' },
  error: 'Input should be greater than 0',
});
const positiveWhole = whole.refine((value) => value > 0, {
  abort: true,
  params: { type: 'greater_than' },
  error: 'Input should be greater than 0',
});

/** A rule of ours on top of the types; `abort` keeps later rules from piling up on a value known to be bad. */
const rule = (error: string) => ({
  abort: true,
  params: { type: 'value_error' },
  error: `Value error, ${error}`,
});

const httpPath = text.refine((value) => value.startsWith('/'), rule("runtime paths must start with '/'"));

const providers = z
  .array(text)
  .transform((items) => items.map((item) => item.trim()))
  .refine((items) => items.every((item) => item !== ''), rule('provider identifiers must be non-empty'))
  .refine((items) => new Set(items).size === items.length, rule('provider identifiers must be unique'))
  .default(() => ['chutes']);

const agent = z.object({ name: text, version: text.default('1.0.0') });

const build = z.object({ context: text.default('.'), dockerfile: text.default('Dockerfile') });

const runtime = z.object({
  port: whole.default(8080),
  health_path: httpPath.default('/healthz'),
  invoke_path: httpPath.default('/v1/chat/completions'),
  kind: z.enum(['base_agent', 'graph']).default('base_agent'),
});

const resources = z.object({
  cpu: positive.default(1),
  memory_gb: positive.default(1),
  gpu: flag.default(false),
  gpu_memory_gb: positive.nullable().default(null),
});

const inference = z
  .object({
    providers,
    fallback_order: providers,
    protocol: z
      .enum(['openai_chat_completions_subset_v1', 'agent_invocation_v1'])
      .default('openai_chat_completions_subset_v1'),
    requires_subnet_provider_proxy: flag.default(true),
    model: text.nullable().default(DEFAULT_MODEL),
    provider_mode: z.enum(['direct', 'proxy', 'auto']).default('proxy'),
  })
  .refine(
    (value) => value.requires_subnet_provider_proxy,
    rule('managed subnet submissions must require subnet provider proxy'),
  )
  .refine(
    (value) => value.provider_mode !== 'direct',
    rule('managed subnet submissions may not use direct provider mode'),
  );

const sdkRuntime = z.object({
  package_mode: z.enum(['single_file', 'package']).default('package'),
  entry_module: text.nullable().default(null),
  app_object: text.default('app'),
  dependency_group: text.nullable().default(null),
});

const familyId = z.preprocess(
  (value) => (typeof value === 'string' ? value.trim() : value),
  z.enum(FAMILY_IDS),
);

const capabilities = z
  .array(text)
  .transform((items) => [...new Set(items.map((item) => item.trim()).filter((item) => item !== ''))])
  .default(() => []);

/** The manifest as stored and served; also accepts what it has produced. */
export const submissionManifestSchema = z
  .object({
    schema_version: z.preprocess((value) => (value === true ? 1 : value), z.literal(1)).default(1),
    agent,
    family_id: familyId,
    build: build.prefault({}),
    runtime: runtime.prefault({}),
    capabilities,
    resources: resources.prefault({}),
    timeout_seconds: positiveWhole.default(30),
    inference: inference.prefault({}),
    sdk_runtime: sdkRuntime.prefault({}),
  })
  .refine(
    (value) =>
      value.inference.protocol !== 'agent_invocation_v1' || value.runtime.invoke_path === AGENT_INVOKE_PATH,
    rule(`agent_invocation_v1 submissions must expose ${AGENT_INVOKE_PATH}`),
  );

export type SubmissionManifest = z.output<typeof submissionManifestSchema>;

export type ManifestResult = { ok: true; manifest: SubmissionManifest } | { ok: false; message: string };

type Mapping = Record<string, unknown>;
const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);

/** Values that a family fills in before validation, so that miners need not write them. */
const FAMILY_DEFAULTS: Record<
  string,
  Record<'runtime' | 'resources' | 'inference', Mapping> & { timeout: number }
> = {
  general_chat: {
    runtime: { invoke_path: AGENT_INVOKE_PATH, port: 8080, health_path: '/healthz' },
    resources: { cpu: 2, memory_gb: 2 },
    inference: {
      protocol: 'agent_invocation_v1',
      model: DEFAULT_MODEL,
      providers: ['chutes'],
      fallback_order: ['chutes'],
    },
    timeout: 75,
  },
};

function withFamilyDefaults(document: Mapping): Mapping {
  const family = String((document.family_id ?? '') as string).trim();
  const defaults = FAMILY_DEFAULTS[family];
  if (defaults === undefined) return document;
  const filled: Mapping = { ...document };
  for (const section of ['runtime', 'resources', 'inference'] as const) {
    const given = section in document ? document[section] : {};
    // A section that is not a mapping is left as it is for the validation to name.
    filled[section] = isMapping(given) ? { ...defaults[section], ...given } : given;
  }
  if (!('timeout_seconds' in document)) filled.timeout_seconds = defaults.timeout;
  const listed = document.capabilities;
  const empty = typeof listed === 'object' && listed !== null && Object.keys(listed).length === 0;
  if (!listed || empty) filled.capabilities = [family];
  return filled;
}

// Python's loader knows fewer spellings of booleans and floats than YAML 1.1 has: `y` and `1e3` are text to it.
const PYTHON_SPELLINGS: Record<string, RegExp> = {
  'tag:yaml.org,2002:bool':
    /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/,
  'tag:yaml.org,2002:float':
    /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|[-+]?\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/,
};

const pythonTags = (tags: Tags): Tags =>
  tags.map((tag) => {
    const spelling = typeof tag === 'object' ? PYTHON_SPELLINGS[tag.tag] : undefined;
    if (spelling === undefined || typeof tag !== 'object' || !('test' in tag) || tag.test === undefined)
      return tag;
    const original = tag.test;
    return { ...tag, test: both(original, spelling) };
  });

/** A pattern that matches where both do. */
function both(first: RegExp, second: RegExp): RegExp {
  return new RegExp(`(?=${first.source})(?=${second.source})`);
}

/** Reads YAML 1.1 data as Python's safe loader does: no application tags, no runaway aliases, one document. */
function readYaml(yamlText: string): { ok: true; value: unknown } | { ok: false; message: string } {
  try {
    const document = parseDocument(yamlText, {
      version: '1.1',
      customTags: pythonTags,
      uniqueKeys: false,
      strict: true,
      logLevel: 'error',
      prettyErrors: true,
    });
    const problem = document.errors[0] ?? document.warnings[0];
    if (problem !== undefined) return { ok: false, message: problem.message };
    return { ok: true, value: document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown };
  } catch (error) {
    // The library throws for aliases beyond the limit, unresolved ones, and nesting deeper than the stack.
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Parses and validates the text of a `submission.yaml`.
 * @param yamlText the file's content
 * @returns the manifest with every default filled in, its keys in wire order; or a message that lists each
 *   problem with its path, without the prefix `invalid submission manifest: ` that the API puts before it
 */
export function parseManifest(yamlText: string): ManifestResult {
  const read = readYaml(yamlText);
  if (!read.ok) return { ok: false, message: `submission.yaml is not valid YAML: ${read.message}` };
  if (!isMapping(read.value)) {
    return { ok: false, message: 'submission.yaml must be a mapping of field names to values' };
  }
  const document = withFamilyDefaults(read.value);
  const parsed = submissionManifestSchema.safeParse(document);
  if (parsed.success) return { ok: true, manifest: parsed.data };
  return { ok: false, message: describeIssues('SubmissionManifest', parsed.error.issues, document) };
}
