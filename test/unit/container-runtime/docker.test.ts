import fc from 'fast-check';
import { OwnerFault } from '../../../adapters/container-runtime';
import { dockerRuntimeConfigFromEnv } from '../../../adapters/container-runtime/docker/config';
import { planEgress } from '../../../adapters/container-runtime/docker/egress';
import { objectNames } from '../../../adapters/container-runtime/docker/names';
import {
  BuildLog,
  declareArguments,
  externalImages,
  imageBuildConfigFromEnv,
  mirrorArguments,
} from '../../../adapters/container-runtime/image-build';

describe('egress', () => {
  const names = ['A_URL', 'B_URL', 'C_URL'];

  test('plain addresses become the relay, one port for each service', () => {
    const plan = planEgress(
      {
        A_URL: 'http://proxy:8092',
        B_URL: 'http://proxy:8092/v1/?x=1',
        C_URL: 'http://127.0.0.1:9',
        D: 'kept',
      },
      names,
    );
    expect(plan.env).toEqual({
      A_URL: 'http://eirel-relay:18100',
      B_URL: 'http://eirel-relay:18100/v1/?x=1',
      C_URL: 'http://eirel-relay:18101',
      D: 'kept',
    });
    expect(plan.routes).toEqual([
      { listen: 18100, host: 'proxy', port: 8092 },
      { listen: 18101, host: 'host.docker.internal', port: 9 },
    ]);
  });

  test('secure addresses stay, and their names lead to the relay', () => {
    const env = { A_URL: 'https://proxy.example.org/v1', B_URL: 'https://tools.example.org:8443' };
    const plan = planEgress(env, names);
    expect(plan.env).toEqual(env);
    expect(plan.aliases).toEqual(['proxy.example.org', 'tools.example.org']);
    expect(plan.routes).toEqual([
      { listen: 443, host: 'proxy.example.org', port: 443 },
      { listen: 8443, host: 'tools.example.org', port: 8443 },
    ]);
  });

  test.each([
    [{ A_URL: 'ftp://x' }],
    [{ A_URL: 'not an address' }],
    [{ A_URL: 'https://10.0.0.1' }],
    [{ A_URL: 'https://a.example', B_URL: 'https://b.example' }],
    [{ A_URL: 'https://a.example:18150' }],
  ])('%j is refused by name', (env) => {
    expect(() => planEgress(env, names)).toThrow(OwnerFault);
    expect(() => planEgress(env, names)).toThrow(/_URL/);
  });

  test('law: every listening port belongs to one service', () => {
    const url = fc
      .tuple(
        fc.constantFrom('http', 'https'),
        fc.constantFrom('a.test', 'b.test'),
        fc.integer({ min: 1, max: 9 }),
      )
      .map(([protocol, host, port]) => `${protocol}://${host}:${port}`);
    fc.assert(
      fc.property(fc.array(url, { minLength: 1, maxLength: 3 }), (urls) => {
        const env = Object.fromEntries(urls.map((value, index) => [names[index] ?? '', value]));
        let plan;
        try {
          plan = planEgress(env, names);
        } catch (error) {
          expect(error).toBeInstanceOf(OwnerFault);
          return;
        }
        const ports = plan.routes.map(({ listen }) => listen);
        expect(new Set(ports).size).toBe(ports.length);
        for (const value of urls) {
          const { hostname, port } = new URL(value);
          expect(plan.routes).toContainEqual(expect.objectContaining({ host: hostname, port: Number(port) }));
        }
      }),
    );
  });
});

describe('Dockerfiles', () => {
  const text = [
    'ARG VERSION=3.12',
    'FROM python:${VERSION}-slim AS base',
    'RUN true',
    'FROM scratch AS empty',
    'FROM base AS next',
    'COPY --from=ghcr.io/tools/uv:1 /uv /bin/',
    'COPY --from=base /a /b',
    'COPY --from=0 /a /c',
    'CMD ["x"]',
  ].join('\n');

  test('images from outside are found, stages are not', () => {
    expect(externalImages(text)).toEqual(['python:3.12-slim', 'ghcr.io/tools/uv:1']);
  });

  test('mirrors are declared in every stage', () => {
    const lines = declareArguments(text, ['PIP_INDEX_URL']).split('\n');
    expect(lines.filter((line) => line === 'ARG PIP_INDEX_URL')).toHaveLength(3);
    expect(lines[lines.indexOf('FROM base AS next') + 1]).toBe('ARG PIP_INDEX_URL');
    expect(declareArguments(text, [])).toBe(text);
  });

  test('a mirror without encryption is trusted by name', () => {
    expect(mirrorArguments({ pipIndex: 'http://mirror:3141/simple', npmRegistry: '' })).toEqual({
      PIP_INDEX_URL: 'http://mirror:3141/simple',
      UV_INDEX_URL: 'http://mirror:3141/simple',
      PIP_TRUSTED_HOST: 'mirror',
    });
  });
});

test('a build log is cut into lines, whatever the pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'bc\n', '\n', 'd\r\n', 'e')), (pieces) => {
      const seen: string[] = [];
      const log = new BuildLog((line) => seen.push(line));
      for (const piece of pieces) log.append(piece);
      log.flush();
      expect(seen).toEqual(
        pieces
          .join('')
          .split(/\r\n|\n/)
          .filter((line) => line !== ''),
      );
      expect(log.tail()).toEqual(seen.slice(-50));
    }),
  );
});

describe('names', () => {
  test('are short, differ by scope and deployment, and never change', () => {
    const { agent, stopped, relay, network } = objectNames('default', 'x'.repeat(128));
    for (const name of [agent, stopped, relay, network]) expect(name.length).toBeLessThanOrEqual(63);
    expect(objectNames('default', 'd1')).toEqual(objectNames('default', 'd1'));
    expect(objectNames('other', 'd1').agent).not.toBe(objectNames('default', 'd1').agent);
    expect(() => objectNames('default', '../x')).toThrow(OwnerFault);
  });
});

describe('configuration', () => {
  test('defaults', () => {
    const config = dockerRuntimeConfigFromEnv({});
    expect(config).toMatchObject({
      engine: { socketPath: '/var/run/docker.sock' },
      edgeNetwork: 'bridge',
      endpoints: 'published',
      relayImage: 'eirel-miner-runtime:latest',
    });
    expect(imageBuildConfigFromEnv({ EIREL_BUILD_TIMEOUT_SECONDS: '' })).toMatchObject({
      timeoutSeconds: 900,
      network: 'none',
    });
  });

  test.each([
    [{ DOCKER_HOST: 'unix:///run/x.sock' }, { socketPath: '/run/x.sock' }],
    [{ DOCKER_HOST: 'tcp://guard:2375' }, { protocol: 'http', host: 'guard', port: 2375 }],
    [
      { DOCKER_HOST: 'tcp://far', DOCKER_CERT_PATH: '/c' },
      { protocol: 'https', host: 'far', port: 2376, certificates: '/c' },
    ],
    [{ DOCKER_HOST: 'unix:///a', EIREL_DOCKER_HOST: 'unix:///b' }, { socketPath: '/b' }],
  ])('%j names the engine', (env, engine) => {
    expect(dockerRuntimeConfigFromEnv(env).engine).toEqual(engine);
  });

  test.each([
    [{ DOCKER_HOST: 'ssh://x' }, 'DOCKER_HOST'],
    [{ EIREL_DOCKER_USER: '0:0' }, 'EIREL_DOCKER_USER'],
    [{ EIREL_DOCKER_SUBNET_POOL: '10.0.0.0/30' }, 'EIREL_DOCKER_SUBNET_POOL'],
    [{ OWNER_RUNTIME_DOCKER_NETWORK: 'host' }, 'OWNER_RUNTIME_DOCKER_NETWORK'],
    [{ EIREL_DOCKER_ENDPOINTS: 'network' }, 'EIREL_DOCKER_ENDPOINTS'],
    [{ EIREL_DOCKER_PORT_FROM: '80' }, 'EIREL_DOCKER_PORT'],
    [{ EIREL_BUILD_TIMEOUT_SECONDS: '-1' }, 'EIREL_BUILD_TIMEOUT_SECONDS'],
    [{ EIREL_BUILD_PIP_INDEX: 'mirror' }, 'EIREL_BUILD_PIP_INDEX'],
    [{ EIREL_BUILD_NETWORK: 'container:x' }, 'EIREL_BUILD_NETWORK'],
  ])('%j is refused by name', (env, name) => {
    expect(() => dockerRuntimeConfigFromEnv(env)).toThrow(name);
  });
});
