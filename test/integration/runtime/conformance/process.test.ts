import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Bench } from '../harness';
import { sdkPython } from './samples';
import { type Bed, conformance } from './suite';

jest.setTimeout(120_000);

class ProcessBed extends Bench implements Bed {
  /** All of the machine's files would take too long; these are the ones that the backend makes. */
  readonly searchRoots = [this.root];

  objects(): Promise<string[]> {
    const directory = join(this.root, 'deployments');
    return Promise.resolve(existsSync(directory) ? readdirSync(directory) : []);
  }

  async prepareSamples(): Promise<NodeJS.ProcessEnv> {
    return { EIREL_PROCESS_RUNTIME_PYTHON: await sdkPython() };
  }

  serviceHost(): Promise<string> {
    return Promise.resolve('127.0.0.1');
  }

  reach(endpointUrl: string): Promise<string> {
    return Promise.resolve(endpointUrl);
  }

  sabotage(deploymentId: string): Promise<void> {
    const run = join(this.root, 'deployments', deploymentId, 'run');
    const file = readdirSync(run).find((name) => name.endsWith('.pid'));
    const [pid = ''] = readFileSync(join(run, file ?? ''), 'utf8').split(' ');
    // The supervisor's whole session, as an operator would who found it in a list of processes.
    execFileSync('kill', ['-KILL', '--', `-${pid}`]);
    return Promise.resolve();
  }
}

conformance('process', () => Promise.resolve(new ProcessBed()), {
  unavailable: process.platform === 'linux' ? null : 'no engine: the process backend needs Linux',
  runsContainers: true,
  buildsImages: false,
  baseImage: 'python:3.12-slim',
  loop: { count: 30, parallel: 2 },
});
