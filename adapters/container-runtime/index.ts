export { containerRuntimeFromEnv } from './from-env';
export {
  FAULT_LOG_LINES,
  MinerFault,
  OwnerFault,
  RuntimeBackendUnavailable,
  type BuildSpec,
  type BuiltImage,
  type ContainerRuntime,
  type NodeCapacity,
  type PlacementSpec,
  type RuntimeBackendName,
  type RuntimePlacement,
  type RuntimeStatus,
} from './types';
