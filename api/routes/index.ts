import { pageRoutes } from '../page/routes';
import type { Route } from '../route';
import { adminRoutes } from './admin';
import { checkpointRoutes } from './checkpoints';
import { consumerRuntimeRoutes } from './consumer-runtime';
import { dashboardRoutes } from './dashboard';
import { dashboardMinerRoutes } from './dashboard-miners';
import { deploymentRoutes } from './deployments';
import { evalRoutes } from './eval';
import { familyRoutes } from './families';
import { healthRoutes } from './health';
import { publicRecordRoutes } from './public-record';
import { internalRoutes } from './internal';
import { operatorRoutes } from './operators';
import { runRoutes } from './runs';
import { orderRoutes } from './orders';
import { runSteeringRoutes } from './run-steering';
import { runtimeProxyRoutes } from './runtime-proxy';
import { submissionRoutes } from './submissions';
import { submitRoutes } from './submit';
import { taskRoutes } from './tasks';

/** Every route of the owner API, in the order in which paths are tried. */
export const allRoutes: readonly (readonly Route[])[] = [
  healthRoutes,
  submitRoutes,
  submissionRoutes,
  deploymentRoutes,
  taskRoutes,
  familyRoutes,
  runRoutes,
  evalRoutes,
  adminRoutes,
  runSteeringRoutes,
  orderRoutes,
  runtimeProxyRoutes,
  consumerRuntimeRoutes,
  internalRoutes,
  checkpointRoutes,
  operatorRoutes,
  dashboardRoutes,
  publicRecordRoutes,
  pageRoutes,
  dashboardMinerRoutes,
];
