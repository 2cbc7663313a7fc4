/** The suite of every backend, against a control plane, a kubelet and containers of the tests' own. */
import { BASE_IMAGE } from '../runtime/conformance/docker-bed';
import { conformance } from '../runtime/conformance/suite';
import { RunningBed, runningBedMissing } from './running-bed';

jest.setTimeout(300_000);
// A kubelet on two busy cores sometimes ends a container before its last line was read: each failure is logged, and a case
// that fails twice fails.
jest.retryTimes(2, { logErrorsBeforeRetry: true });

conformance('kubernetes', () => RunningBed.start(), {
  unavailable: runningBedMissing(),
  runsContainers: true,
  buildsImages: true,
  baseImage: BASE_IMAGE,
  loop: { count: 30, parallel: 2 },
});
