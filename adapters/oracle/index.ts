export { createOracleClient } from './client';
export {
  enrichmentSide,
  layerConfigured,
  missingVariables,
  ORACLE_ROLES,
  oracleConfigFromEnv,
  vendorsOf,
  type OracleConfig,
  type OracleEndpoint,
  type OracleRole,
} from './config';
export { OracleFailure, type Again, type OracleClient } from './types';
