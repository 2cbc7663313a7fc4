import type { Logger } from '../logging';
import { dockerRuntimeConfigFromEnv } from './docker/config';
import { RegistryBuilder } from './docker/registry';
import { DockerRuntime } from './docker/runtime';
import { kubernetesConfigFromEnv } from './kubernetes/config';
import { createKubernetesRuntime } from './kubernetes/runtime';
import { processRuntimeConfigFromEnv } from './process/config';
import { ProcessRuntime } from './process/runtime';
import { type ContainerRuntime, RuntimeBackendUnavailable } from './types';

/**
 * The runtime that `OWNER_RUNTIME_BACKEND` names; `process` when it is empty.
 * @throws RuntimeBackendUnavailable for a backend that does not exist or that this system cannot run; Error naming the
 *   variable with a bad value
 */
export function containerRuntimeFromEnv(env: NodeJS.ProcessEnv, logger: Logger): ContainerRuntime {
  const name = (env.OWNER_RUNTIME_BACKEND ?? '').trim().toLowerCase() || 'process';
  if (name === 'docker') return new DockerRuntime(dockerRuntimeConfigFromEnv(env), logger);
  if (name === 'kubernetes' || name === 'k3s') {
    return kubernetesRuntimeFromEnv(env, logger);
  }
  if (name !== 'process') {
    throw new RuntimeBackendUnavailable(
      `OWNER_RUNTIME_BACKEND=${JSON.stringify(env.OWNER_RUNTIME_BACKEND)} is unknown; set it to process, docker or kubernetes`,
    );
  }
  if (process.platform !== 'linux') {
    throw new RuntimeBackendUnavailable(
      `the process backend needs Linux (it reads /proc), this is ${process.platform}; run the control plane in a Linux container`,
    );
  }
  return new ProcessRuntime(processRuntimeConfigFromEnv(env), logger);
}

/** Where a registry is set, images are built on the engine that `EIREL_DOCKER_HOST` names, and pushed. */
export function kubernetesRuntimeFromEnv(env: NodeJS.ProcessEnv, logger: Logger): ContainerRuntime {
  const config = kubernetesConfigFromEnv(env);
  if (config.source.kind !== 'registry') return createKubernetesRuntime(config, logger);
  const { registry: address, login } = config.source;
  const build = dockerRuntimeConfigFromEnv({
    ...env,
    OWNER_MINER_RUNTIME_IMAGE: env.OWNER_MINER_RUNTIME_IMAGE || config.runtimeImage,
  });
  return createKubernetesRuntime(config, logger, new RegistryBuilder(build, { address, login }));
}
