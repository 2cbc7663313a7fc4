/** Counted beside the other backends: what the suite asks needs running containers, which kwok only simulates. */
import { kubernetesMissing } from '../../harness/kubernetes';
import { conformance } from '../runtime/conformance/suite';

conformance('kubernetes', () => Promise.reject(new Error('no case can run')), {
  unavailable: kubernetesMissing() ?? 'no kubelet; objects and states are tested in kubernetes.test.ts',
  runsContainers: false,
  buildsImages: false,
  baseImage: 'python:3.12-slim',
  loop: { count: 30, parallel: 3 },
});
