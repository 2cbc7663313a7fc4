/** How a deployment's objects are called and found. */
import { createHash } from 'node:crypto';
import { OwnerFault } from '../types';

export const MANAGED_BY = { 'app.kubernetes.io/managed-by': 'eirel-owner-runtime' } as const;
export const ID_LABEL = 'eirel.dev/deployment-id';
export const REVISION_LABEL = 'eirel.dev/revision';
export const SUBMISSION_LABEL = 'eirel.dev/submission-id';
export const FAMILY_LABEL = 'eirel.dev/family-id';

/** Label values have at most 63 characters; ids and digests may be longer, so the whole value is an annotation. */
export const ANNOTATIONS = {
  id: 'eirel.dev/deployment-id',
  revision: 'eirel.dev/revision',
  image: 'eirel.dev/image-ref',
  port: 'eirel.dev/port',
  limits: 'eirel.dev/limits',
  node: 'eirel.dev/chosen-node',
  /** How often it was started again after it failed, beside what the kubelet counts. */
  restarts: 'eirel.dev/restarts',
  stopped: 'eirel.dev/stopped-at',
  /** Why it was ended, where nobody asked for it. */
  end: 'eirel.dev/end',
} as const;

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
/** `miner-` and the longest suffix of ours fit beside it into the 63 characters of a Service's name. */
const ID_MAX = 48;

export interface DeploymentNames {
  /** Value of `ID_LABEL`. */
  id: string;
  deployment: string;
  service: string;
  policy: string;
  /** Secret with the agent's environment. */
  env: string;
  /** Secret with the address of the source, which only the init container sees. */
  source: string;
  /** ConfigMap with the last lines of a stopped agent's log. */
  log: string;
}

/**
 * @param deploymentId any printable id; one that no label may hold is replaced by a digest
 * @throws OwnerFault for an empty id
 */
export function namesOf(deploymentId: string): DeploymentNames {
  if (deploymentId === '') throw new OwnerFault('bad_deployment_id', 'a deployment id must not be empty');
  const id = LABEL.test(deploymentId) && deploymentId.length <= ID_MAX ? deploymentId : digest(deploymentId);
  const base = `miner-${id}`;
  return {
    id,
    deployment: base,
    service: base,
    policy: base,
    env: `${base}-env`,
    source: `${base}-src`,
    log: `${base}-log`,
  };
}

/** A value that a label may hold and that differs where the given one does. */
export function labelValue(value: string): string {
  return /^[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$/.test(value) ? value : digest(value);
}

export function selectorOf(names: DeploymentNames): string {
  return `${ID_LABEL}=${names.id}`;
}

function digest(value: string): string {
  return createHash('sha256').update(value).digest('hex').slice(0, 40);
}
