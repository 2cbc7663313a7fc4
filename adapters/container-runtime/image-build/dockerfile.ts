/** What a build must know of a Dockerfile before it hands it to an engine, and what it adds to it. */
import { type Arg, type Copy, DockerfileParser, type From } from 'dockerfile-ast';
import type { ImageBuildConfig } from './config';

/** Where the files of an SDK submission are in its image, and the owner's launcher beside them. */
const SUBMISSION = '/submission';
export const LAUNCHER = '/opt/eirel/launcher.py';
/** The context's name of the launcher; a leading dot and our name keep it clear of a miner's files. */
export const LAUNCHER_IN_CONTEXT = '.eirel-launcher.py';
/** Name of a Dockerfile that is made here, in the build context. */
export const GENERATED_DOCKERFILE = '.eirel.Dockerfile';

/**
 * The images that a Dockerfile takes from outside: of its FROM instructions and of `COPY --from`, stages, `scratch`
 * and unknown variables left out, each once.
 */
export function externalImages(text: string): string[] {
  const dockerfile = DockerfileParser.parse(text);
  const variables = new Map<string, string>();
  for (const arg of dockerfile.getInitialARGs() as Arg[]) {
    const property = arg.getProperty();
    if (property) variables.set(property.getName(), property.getValue() ?? '');
  }
  const stages = new Set<string>();
  const images = new Set<string>();
  const add = (name: string | null): void => {
    const image = expand(name ?? '', variables);
    if (image === '' || image === 'scratch' || image.includes('$')) return;
    if (stages.has(image.toLowerCase()) || /^\d+$/.test(image)) return;
    images.add(image);
  };
  for (const instruction of dockerfile.getInstructions()) {
    if (instruction.getKeyword() === 'FROM') {
      const from = instruction as From;
      add(from.getImage());
      const stage = from.getBuildStage();
      if (stage) stages.add(stage.toLowerCase());
    } else if (instruction.getKeyword() === 'COPY') {
      const flag = (instruction as Copy).getFlags().find((one) => one.getName() === 'from');
      if (flag) add(flag.getValue());
    }
  }
  return [...images];
}

/** The build arguments by which package managers learn of the owner's mirrors. */
export function mirrorArguments(
  config: Pick<ImageBuildConfig, 'pipIndex' | 'npmRegistry'>,
): Record<string, string> {
  const values: Record<string, string> = {};
  if (config.pipIndex !== '') {
    values.PIP_INDEX_URL = config.pipIndex;
    values.UV_INDEX_URL = config.pipIndex;
    if (config.pipIndex.startsWith('http:')) values.PIP_TRUSTED_HOST = new URL(config.pipIndex).hostname;
  }
  if (config.npmRegistry !== '') values.NPM_CONFIG_REGISTRY = config.npmRegistry;
  return values;
}

/**
 * Declares build arguments in every stage, so that RUN steps see their values. They do not stay in the image.
 * @returns the Dockerfile unchanged when there are none
 */
export function declareArguments(text: string, names: readonly string[]): string {
  if (names.length === 0) return text;
  const lines = text.split('\n');
  const froms = DockerfileParser.parse(text).getFROMs();
  for (const from of froms.reverse()) {
    lines.splice(from.getRange().end.line + 1, 0, ...names.map((name) => `ARG ${name}`));
  }
  return lines.join('\n');
}

/** The Dockerfile of an SDK submission. @param install whether its requirements.txt can be installed */
export function sdkDockerfile(image: string, module: string, object: string, install: boolean): string {
  return [
    `FROM ${image}`,
    `COPY ${LAUNCHER_IN_CONTEXT} ${LAUNCHER}`,
    `WORKDIR ${SUBMISSION}`,
    ...(install
      ? ['COPY requirements.txt ./', 'RUN python3 -m pip install --no-cache-dir -r requirements.txt']
      : []),
    'COPY . .',
    `RUN ["rm", "-f", "${LAUNCHER_IN_CONTEXT}", "${GENERATED_DOCKERFILE}"]`,
    'ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1',
    'ENTRYPOINT []',
    `CMD ${JSON.stringify(['python3', LAUNCHER, module, object])}`,
    '',
  ].join('\n');
}

function expand(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(
    /\$(?:(\w+)|\{(\w+)(?::-([^}]*))?\})/g,
    (whole, plain: string | undefined, braced: string | undefined, fallback: string | undefined) =>
      (variables.get(plain ?? braced ?? '') || fallback) ?? whole,
  );
}
