import type { SandboxLauncher, SandboxLimits } from './enclosure';
import type { Sandbox } from './sandbox';

export type IsolationBackend = 'auto' | 'bubblewrap' | 'container';

/** Settings of the isolation. */
export interface IsolationConfig {
  /** `auto`, which it is unless given, takes bubblewrap where that works and a container engine where it does not. */
  backend?: IsolationBackend;
  /** Path of bubblewrap, and of no other way then; looked for on the PATH when undefined. */
  bwrap: string | undefined;
  /** Path of the interpreter; one of the system when undefined. */
  python: string | undefined;
  /** Tells the control groups and containers of one service from another's. */
  tag: string;
  container?: {
    /** As in `DOCKER_HOST`; the engine's usual socket when undefined. */
    host?: string | undefined;
    certificates?: string | undefined;
    /** An image with Python 3.9 or newer; one is made of this machine's interpreter when undefined. */
    image?: string | undefined;
  };
}

/** A way to isolate that has been seen to work. */
export interface Isolation {
  launcher: SandboxLauncher;
  /** For `/healthz` and logs. */
  facts: { backend: 'bubblewrap' | 'container'; python: string } & Readonly<Record<string, string>>;
  /** Sentences on what is not limited here, for the log. */
  warnings: string[];
  /** Starts a sandbox. */
  start(limits: SandboxLimits): Sandbox;
}
