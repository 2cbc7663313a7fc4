export { type SandboxFile } from './answer';
export { IsolationUnavailable, SandboxFailure } from './errors';
export { createIsolation, type Isolation, type IsolationConfig } from './isolation';
export { Sandbox, type SandboxLimits, type SandboxOutcome, type SandboxRequest } from './sandbox';
