/**
 * What the control plane asks of the place where miners' agents run. A backend is the only code that knows
 * how an agent is built, started, found again after a restart of the worker, and stopped.
 */
import type { Readable } from 'node:stream';
import type { SubmissionManifest } from '../../domain/contracts/manifest';
import type { NodeCapacity } from '../../domain/placement';

export type { NodeCapacity };

/** The backends that `OWNER_RUNTIME_BACKEND` can name. */
export type RuntimeBackendName = 'process' | 'docker' | 'kubernetes';

/** What is needed to turn an accepted archive into something that can be started. */
export interface BuildSpec {
  submissionId: string;
  /** Opens the archive anew from its first byte; called at most once per build, and not when the image exists. */
  archive: () => Promise<Readable>;
  /** Lower-case hex SHA-256 of the archive's bytes; the build fails when the stream does not match it. */
  archiveSha256: string;
  manifest: SubmissionManifest;
  /** Receives each line of the build's log, without its newline. */
  onLog: (line: string) => void;
  /** Called now and then while the build makes progress, for an activity's heartbeat. */
  heartbeat?: (detail: string) => void;
  /** Aborting it ends the build with the signal's reason. */
  signal?: AbortSignal;
}

/** `imageRef` is opaque to callers and goes back in as `PlacementSpec.imageRef`. */
export interface BuiltImage {
  imageRef: string;
  /** True when the same archive had been built before and nothing was done. */
  cached: boolean;
}

/** What to run and within which limits. */
export interface PlacementSpec {
  deploymentId: string;
  submissionId: string;
  /** Changes whenever what runs must change; a running instance of another revision is replaced. */
  revision: string;
  imageRef: string;
  manifest: SubmissionManifest;
  /** The agent's whole environment beside what the backend itself sets (PATH, HOME, LANG, TMPDIR, port, host). */
  env: Record<string, string>;
  cpuMillis: number;
  memoryBytes: number;
  /** The node that was chosen for it; backends of several nodes prefer it, and choose one themselves without it. */
  nodeName?: string;
  /** How long the health path may take to answer 200..399, in seconds. */
  startTimeoutSeconds: number;
  /** Called now and then while the start is awaited, for an activity's heartbeat. */
  heartbeat?: (detail: string) => void;
  /** Aborting it ends the wait with the signal's reason; what was started is left for the next `place`. */
  signal?: AbortSignal;
}

/** A running, ready agent. */
export interface RuntimePlacement {
  deploymentId: string;
  /** Base address without a trailing slash; the manifest's paths are appended to it. */
  endpointUrl: string;
  nodeName: string;
  startedAt: Date;
  /** Changes on each (re)start, so that a caller sees that state in the agent's memory is gone. */
  instanceId: string;
  /** True when a running instance was found and kept. */
  adopted: boolean;
  /** One sentence per limit or isolation that is in force, or that the host could not give and why. */
  limits: string[];
}

/** What is known about a deployment at this moment. */
export interface RuntimeStatus {
  deploymentId: string;
  /** `missing`: this backend knows nothing of it, or it was stopped on request. */
  state: 'starting' | 'running' | 'exited' | 'missing';
  /** True when the health path answers 200..399 now. */
  ready: boolean;
  revision?: string;
  endpointUrl?: string;
  instanceId?: string;
  exitCode?: number;
  /** Name of the signal that ended it, for example `SIGKILL`. */
  signal?: string;
  /** True when it ended because it reached its memory limit. */
  oomKilled?: boolean;
  /** How many times it was started again after its first start. */
  restarts?: number;
  /** One sentence for an operator when it is not ready. */
  reason?: string;
}

/** All methods raise `MinerFault` or `OwnerFault`; any other error is a defect of the backend. */
export interface ContainerRuntime {
  readonly backend: RuntimeBackendName;
  /** Builds once per archive digest; a second call for the same bytes answers at once. */
  buildImage(spec: BuildSpec): Promise<BuiltImage>;
  /** Starts the deployment and waits until it is ready, or adopts what already runs with the same revision. */
  place(spec: PlacementSpec): Promise<RuntimePlacement>;
  status(deploymentId: string): Promise<RuntimeStatus>;
  /** The newest lines of the agent's output, oldest first; empty when nothing is known. */
  logs(deploymentId: string, options: { tailLines: number }): Promise<string[]>;
  /** Idempotent: a deployment that is not there counts as stopped. Its logs stay readable. */
  stop(deploymentId: string, options: { graceSeconds: number }): Promise<void>;
  /** Stops it without grace and forgets it, its logs and working files included. Idempotent. */
  remove(deploymentId: string): Promise<void>;
  /** Every deployment that was placed and neither stopped nor removed, running or not. */
  list(): Promise<RuntimeStatus[]>;
  capacity(): Promise<NodeCapacity[]>;
  /** Stops every deployment at the same time. */
  stopAll(graceSeconds: number): Promise<void>;
}

/** What turns archives into images, where it is not the place that runs them. */
export type ImageBuilder = Pick<ContainerRuntime, 'buildImage'>;

/** How many log lines a `MinerFault` carries. */
export const FAULT_LOG_LINES = 50;

/** The submission cannot run, and trying again would not help: final, shown to the miner with its log. */
export class MinerFault extends Error {
  override readonly name = 'MinerFault';
  /** `logLines`: the last lines of the build's or the agent's output, at most `FAULT_LOG_LINES`, oldest first. */
  constructor(
    readonly code: string,
    message: string,
    readonly logLines: readonly string[] = [],
  ) {
    super(message);
  }
}

/** The owner's side failed (disk full, no port, storage down): retryable, never counted against the miner. */
export class OwnerFault extends Error {
  override readonly name = 'OwnerFault';
  constructor(
    readonly code: string,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** The configuration names a backend that this release does not carry; raised at boot. */
export class RuntimeBackendUnavailable extends Error {
  override readonly name = 'RuntimeBackendUnavailable';
}
