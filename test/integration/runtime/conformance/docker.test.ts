import { BASE_IMAGE, DockerBed, startEngine, stopEngine } from './docker-bed';
import { conformance } from './suite';

// The samples' images are made when they are first asked for.
jest.setTimeout(400_000);

const engine = startEngine();
const unavailable = 'problem' in engine ? `no engine: ${engine.problem}` : null;

conformance(
  'docker',
  () => {
    if ('problem' in engine) throw new Error(engine.problem);
    return Promise.resolve(new DockerBed(engine));
  },
  {
    unavailable,
    runsContainers: true,
    buildsImages: true,
    baseImage: BASE_IMAGE,
    loop: { count: 30, parallel: 3 },
  },
);

afterAll(() => {
  if (!('problem' in engine)) stopEngine(engine);
}, 60_000);
