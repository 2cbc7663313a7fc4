/** Images in a registry, for backends whose nodes pull what one engine has built. */
import type Docker from 'dockerode';
import { type BuildSpec, type BuiltImage, type ImageBuilder, OwnerFault } from '../types';
import { jsonLines } from './base-images';
import { buildDockerImage } from './build';
import type { DockerRuntimeConfig } from './config';
import { connectEngine, engineMessage, gone, isNotFound, owned, statusCode } from './engine';

export interface RegistryConfig {
  /** `host[:port][/path]`, as images are named by. */
  address: string;
  /** Null for a registry that takes pushes without a login. */
  login: { username: string; password: string } | null;
}

const REPOSITORY = 'eirel-agent';
const HEARTBEAT_MS = 2000;

/**
 * Builds on an engine and pushes. The tag is the archive's digest, so that the same archive is built and pushed once,
 * whichever worker asks; what is handed out names the image by its own digest, which no later push can change.
 */
export class RegistryBuilder implements ImageBuilder {
  private readonly docker: Docker;

  /** @throws OwnerFault when the engine's client certificates cannot be read */
  constructor(
    private readonly config: DockerRuntimeConfig,
    private readonly registry: RegistryConfig,
  ) {
    this.docker = connectEngine(config.engine);
  }

  /**
   * @throws what `buildDockerImage` does, and OwnerFault `registry_unreachable`, `registry_refused` or
   *   `registry_push_failed`: a registry is never the miner's
   */
  buildImage(spec: BuildSpec): Promise<BuiltImage> {
    return owned('build the image', spec.signal, async () => {
      const name = `${this.registry.address}/${REPOSITORY}`;
      const known = await this.pushedDigest(`${name}:${spec.archiveSha256}`);
      if (known !== null) {
        spec.onLog(`image ${name}@${known} is in the registry already`);
        return { imageRef: `${name}@${known}`, cached: true };
      }
      const built = await buildDockerImage(this.docker, this.config, spec);
      spec.onLog(`pushing to ${name}`);
      const beat = setInterval(() => spec.heartbeat?.(`pushing to ${name}`), HEARTBEAT_MS);
      try {
        const digest = await this.push(built.imageRef, name, spec);
        spec.onLog(`image ${name}@${digest} is ready`);
        return { imageRef: `${name}@${digest}`, cached: false };
      } finally {
        clearInterval(beat);
      }
    });
  }

  /** Digest under which the registry holds a tag, or null when it holds none. Layers are not fetched. */
  private async pushedDigest(reference: string): Promise<string | null> {
    try {
      const known = await this.docker.getImage(reference).distribution({ authconfig: this.auth() });
      return known.Descriptor.digest;
    } catch (error) {
      // Engines answer 404 for what is not there; podman has no such route and answers the same.
      if (isNotFound(error) || /manifest unknown|name unknown|not found/i.test(engineMessage(error)))
        return null;
      throw registryFault('asked', this.registry.address, error);
    }
  }

  private async push(local: string, name: string, spec: BuildSpec): Promise<string> {
    const tag = spec.archiveSha256;
    try {
      await this.docker.getImage(local).tag({ repo: name, tag });
      const stream = await this.docker
        .getImage(`${name}:${tag}`)
        .push({ authconfig: this.auth(), ...(spec.signal ? { abortSignal: spec.signal } : {}) });
      return await digestOf(stream, spec.signal);
    } catch (error) {
      if (spec.signal?.aborted) throw spec.signal.reason;
      throw registryFault('pushed to', this.registry.address, error);
    } finally {
      // The engine keeps the image under the builder's own name, which is what its next build finds.
      await gone(this.docker.getImage(`${name}:${tag}`).remove({ noprune: true }));
    }
  }

  /** Also without a login, since some engines refuse a push that carries none. */
  private auth(): Docker.AuthConfig {
    const { login, address } = this.registry;
    return { ...(login ?? { username: '', password: '' }), serveraddress: hostOf(address) };
  }
}

/** Reads a push's progress to its end. */
async function digestOf(stream: NodeJS.ReadableStream, signal: AbortSignal | undefined): Promise<string> {
  const abort = (): void => void (stream as NodeJS.ReadableStream & { destroy(): void }).destroy();
  signal?.addEventListener('abort', abort, { once: true });
  let digest: string | undefined;
  try {
    for await (const event of jsonLines(stream)) {
      if (typeof event.error === 'string') throw new Error(event.error);
      const said = (event.aux as { Digest?: unknown } | undefined)?.Digest;
      if (typeof said === 'string') digest = said;
    }
    signal?.throwIfAborted();
  } finally {
    signal?.removeEventListener('abort', abort);
  }
  if (digest === undefined) throw new Error('the registry did not say under which digest it keeps the image');
  return digest;
}

function registryFault(action: string, address: string, error: unknown): OwnerFault {
  const message = engineMessage(error);
  const host = hostOf(address);
  if (
    /unauthorized|denied|authentication required|no basic auth/i.test(message) ||
    statusCode(error) === 401
  ) {
    return new OwnerFault(
      'registry_refused',
      `the registry ${host} could not be ${action}: ${message}; check EIREL_OWNER_RUNTIME_REGISTRY_USERNAME and _PASSWORD`,
      { cause: error },
    );
  }
  const silent = /dial tcp|no such host|connection (refused|reset)|timeout|TLS|x509|HTTP response to HTTPS/i;
  const code = silent.test(message) ? 'registry_unreachable' : 'registry_push_failed';
  return new OwnerFault(code, `the registry ${host} could not be ${action}: ${message}`, { cause: error });
}

const hostOf = (address: string): string => address.split('/')[0] ?? address;
