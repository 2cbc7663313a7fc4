export {
  intEnv,
  listenConfigFromEnv,
  numberEnv,
  optionalEnv,
  parseEnv,
  textEnv,
  type ListenConfig,
} from './config';
export { parseBody } from './errors';
export { serve, type RunningService, type ServeOptions } from './serve';
export { createService, type ReadinessCheck, type Service, type ServiceOptions } from './service';
