/** The same attacks where there is no bubblewrap, and a container engine takes its place. */
import { createIsolation } from '../../../adapters/isolation';
import { startEngine, stopEngine } from '../runtime/conformance/docker-bed';
import { attackSuite } from './attack-suite';

jest.setTimeout(120_000);

const engine = startEngine({ bare: true });

if ('problem' in engine) {
  it.skip(`attacks on containers: ${engine.problem}`, () => undefined);
} else {
  afterAll(() => stopEngine(engine));
  const container = { host: engine.host };

  describe('a container', () => {
    attackSuite('container', () => ({
      backend: 'container',
      bwrap: undefined,
      python: undefined,
      container,
    }));
  });

  it('is what is taken where bubblewrap is missing, and said so', async () => {
    const path = process.env.PATH;
    process.env.PATH = '/nowhere';
    try {
      const isolation = await createIsolation({
        bwrap: undefined,
        python: '/usr/bin/python3',
        tag: `fallback-${process.pid}`,
        container,
      });
      expect(isolation.facts).toMatchObject({
        backend: 'container',
        image: expect.stringMatching(/^eirel-sandbox:/),
      });
      expect(isolation.warnings.join()).toContain('bubblewrap (bwrap) was not found on the PATH');
    } finally {
      process.env.PATH = path;
    }
  });

  it('is not taken without an engine, and both reasons are told', async () => {
    const nowhere = { host: 'unix:///nowhere/docker.sock' };
    const only = createIsolation({
      backend: 'container',
      bwrap: undefined,
      python: undefined,
      tag: 't',
      container: nowhere,
    });
    await expect(only).rejects.toThrow(/no container engine answers.*EIREL_DOCKER_HOST/s);
  });

  it('names an image that is not there', async () => {
    const missing = createIsolation({
      backend: 'container',
      bwrap: undefined,
      python: undefined,
      tag: 't',
      container: { ...container, image: 'nobody/none:1' },
    });
    await expect(missing).rejects.toThrow(/EIREL_SANDBOX_IMAGE names nobody\/none:1/);
  });
}
