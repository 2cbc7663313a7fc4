import type Docker from 'dockerode';
import { engineAddress } from '../container-runtime/docker/config';
import { connectEngine, engineMessage, isNotFound } from '../container-runtime/docker/engine';
import { containerLauncher, removeLeftovers } from './container-enclosure';
import { ensurePythonImage } from './container-image';
import { containerSeccompProfile } from './container-seccomp';
import { IsolationUnavailable } from './errors';
import type { Isolation, IsolationConfig } from './types';
import { probe } from './probe';
import { describePython, pythonCandidates } from './python-runtime';
import { Sandbox } from './sandbox';

const HOW_TO =
  'Start a container engine and name it in EIREL_DOCKER_HOST or DOCKER_HOST (unix:///path or tcp://host:port).';

/**
 * Looks for a container engine, makes or takes an image with Python, and runs a program in it that looks for holes.
 * @param runner text of the first program inside
 * @throws IsolationUnavailable with what is missing and how to get it
 */
export async function containerIsolation(config: IsolationConfig, runner: string): Promise<Isolation> {
  const { host, certificates, image: asked } = config.container ?? {};
  const seccomp = containerSeccompProfile();
  let docker: Docker;
  let version: string;
  try {
    docker = connectEngine(engineAddress(host, certificates));
    ({ Version: version } = await docker.version());
  } catch (error) {
    throw new IsolationUnavailable(`no container engine answers: ${engineMessage(error)}. ${HOW_TO}`);
  }
  const { image, python } = asked ? await presentImage(docker, asked) : await ownImage(docker, config.python);
  const options = { docker, image, python: python.executable, runner, seccomp, tag: config.tag };
  await removeLeftovers(options);
  const launcher = containerLauncher(options);
  try {
    await probe(launcher);
  } catch (error) {
    throw new IsolationUnavailable(
      `containers of the engine ${version} do not isolate: ${(error as Error).message}`,
    );
  }
  return {
    launcher,
    facts: { backend: 'container', engine: version, image, python: python.version },
    warnings: [],
    start: (limits) => new Sandbox(launcher, limits),
  };
}

interface ImageWithPython {
  image: string;
  python: { executable: string; version: string };
}

async function presentImage(docker: Docker, image: string): Promise<ImageWithPython> {
  try {
    await docker.getImage(image).inspect();
  } catch (error) {
    if (!isNotFound(error)) throw new IsolationUnavailable(engineMessage(error));
    throw new IsolationUnavailable(
      `EIREL_SANDBOX_IMAGE names ${image}, which the engine does not have; pull it, or unset the variable to have one ` +
        "made of this machine's Python",
    );
  }
  return { image, python: { executable: 'python3', version: `of ${image}` } };
}

async function ownImage(docker: Docker, configured: string | undefined): Promise<ImageWithPython> {
  if (process.platform !== 'linux') {
    throw new IsolationUnavailable(
      `this is ${process.platform}, whose Python does not run in a Linux container; name an image with Python in ` +
        'EIREL_SANDBOX_IMAGE, such as python:3.12-slim',
    );
  }
  const failures: string[] = [];
  for (const program of pythonCandidates(configured)) {
    try {
      const python = await describePython(program);
      return { image: await ensurePythonImage(docker, python), python };
    } catch (error) {
      failures.push(`${program}: ${engineMessage(error)}`);
    }
  }
  throw new IsolationUnavailable(
    failures.length > 0
      ? `no image could be made of an interpreter here. Tried with\n  ${failures.join('\n  ')}`
      : 'no Python interpreter was found to make an image of; install python3 (3.9 or newer), or name an image with ' +
          'Python in EIREL_SANDBOX_IMAGE',
  );
}
