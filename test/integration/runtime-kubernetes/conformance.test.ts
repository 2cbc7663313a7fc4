/** The suite of every backend, against a control plane, a kubelet and containers of the tests' own. */
import { BASE_IMAGE } from '../runtime/conformance/docker-bed';
import { conformance } from '../runtime/conformance/suite';
import { RunningBed, runningBedMissing } from './running-bed';

jest.setTimeout(300_000);
// A whole cluster on two busy cores sometimes falls behind by more than a case waits: each failure is logged, and a case that
// fails three times fails.
jest.retryTimes(2, { logErrorsBeforeRetry: true });

conformance('kubernetes', () => RunningBed.start(), {
  unavailable: runningBedMissing(),
  runsContainers: true,
  buildsImages: true,
  baseImage: BASE_IMAGE,
  loop: { count: 30, parallel: 2 },
});
