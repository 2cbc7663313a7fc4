export {
  CONTROL_PLANE_PORT_VARIABLES,
  controlPlaneEnv,
  controlPlaneProcesses,
  sandboxPossible,
} from './control-plane';
export type { ControlPlaneEnv } from './control-plane';
export { projectRoot } from '../project-root';
export { LockHeldError, acquireLock, lockHolder, withFileLock } from './file-lock';
export type { LockHolder } from './file-lock';
export { DEFAULT_PORTS, DataDirBusyError, dataDirFromEnv, runningStackEnv, startParts } from './parts';
export type { PartName, PartPorts, Parts, StartPartsOptions } from './parts';
export { choosePort, freePort, isPortFree } from './ports';
export { PartUnavailableError } from './programs';
export { ensurePythonVenv } from './python-venv';
export type { PythonVenv, PythonVenvOptions } from './python-venv';
export type { Readiness } from './readiness';
export { keptSecrets } from './secrets';
export type { ProcessEnd, ProcessSpec } from './supervised-process';
export { ProcessFailedError, Supervisor } from './supervisor';
export type { ProcessState, SupervisorEvents, SupervisorOptions } from './supervisor';
export { onTermination } from './termination';
export { obtainTemporal } from './tools';
export { VALIDATOR_PORT_VARIABLES, validatorEnv, validatorProcesses } from './validator';
export type { ValidatorEnv } from './validator';
