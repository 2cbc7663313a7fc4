export { type SandboxFile } from './answer';
export type { SandboxLimits } from './enclosure';
export { IsolationUnavailable, SandboxFailure } from './errors';
export { createIsolation } from './isolation';
export { Sandbox, type SandboxOutcome, type SandboxRequest } from './sandbox';
export type { Isolation, IsolationBackend, IsolationConfig } from './types';
