export { ledgerAway } from './ledger';
export { toolConfigFromEnv, type ToolEnvNames } from './config';
export { runToolService, type BuiltToolService, type ToolResources } from './run';
export { createToolService, type ToolService, type ToolServiceOptions } from './service';
export {
  defineRoute,
  defineTool,
  type Caller,
  type SideRoute,
  type ToolCall,
  type ToolDefinition,
  type ToolResult,
  type ToolServiceConfig,
  type ToolServiceWords,
} from './types';
export { ownJob } from './usage';
