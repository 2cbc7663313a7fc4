export { BuildLog } from './build-log';
export { imageBuildConfigFromEnv, type ImageBuildConfig } from './config';
export { contextStream } from './context';
export {
  declareArguments,
  externalImages,
  GENERATED_DOCKERFILE,
  LAUNCHER_IN_CONTEXT,
  mirrorArguments,
  sdkDockerfile,
} from './dockerfile';
export { planBuild, type BuildPlan } from './source';
export { unpackSource } from '../unpack';
