/** docker-compose.yml and the Dockerfile: what must hold of them, and the composing tool's own opinion. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DockerfileParser } from 'dockerfile-ast';
import { parse } from 'yaml';
import { z } from 'zod';
import { dockerRuntimeConfigFromEnv } from '../../../adapters/container-runtime/docker/config';
import { projectRoot } from '../../../adapters/project-root';

const root = projectRoot();
const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8');
const condition = z.enum(['service_started', 'service_healthy', 'service_completed_successfully']);
const service = z.object({
  image: z.string().regex(/:[\w.-]+$/, 'names a version'),
  build: z.object({ context: z.string(), dockerfile: z.string() }).optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  depends_on: z.record(z.string(), z.object({ condition })).default({}),
  networks: z.array(z.string()).min(1),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  restart: z.enum(['unless-stopped', 'on-failure']),
  healthcheck: z
    .object({ test: z.array(z.string()).min(2) })
    .loose()
    .optional(),
  user: z.string().optional(),
  read_only: z.boolean().optional(),
  cap_drop: z.array(z.string()).optional(),
  security_opt: z.array(z.string()).optional(),
});
const schema = z.object({
  services: z.record(z.string(), service),
  networks: z.record(z.string(), z.object({ internal: z.boolean().optional(), name: z.string().optional() })),
  volumes: z.record(z.string(), z.object({})),
});
const compose = schema.parse(parse(text, { merge: true }));
const { services } = compose;
const own = Object.entries(services).filter(([, { image }]) => image.startsWith('eirel-ai:'));
const example = Object.fromEntries(
  [...readFileSync(join(root, '.env.compose.example'), 'utf8').matchAll(/^([A-Z0-9_]+)=(.*)$/gm)].map(
    ([, name = '', value = '']) => [name, value],
  ),
);

const TOOLS_AND_JUDGE = ['web-search', 'url-fetch', 'rag-tool', 'sandbox', 'judge'];

test('every part of the control plane is there, with the databases in their versions', () => {
  expect(Object.keys(services).sort()).toEqual(
    [
      ...['api', 'engine-guard', 'metagraph-listener', 'migrate', 'postgres', 'provider-proxy', 'redis'],
      ...['temporal', 'temporal-postgres', 'temporal-ui', 'worker'],
      ...TOOLS_AND_JUDGE,
    ].sort(),
  );
  expect(services.postgres?.image).toBe('postgres:16');
  expect(services.redis?.image).toBe('redis:7');
  expect(services.temporal?.environment).toMatchObject({
    DB: 'postgres12',
    POSTGRES_SEEDS: 'temporal-postgres',
  });
});

test('names that are used are declared: services, networks, volumes, entry points, settings', () => {
  for (const { networks, depends_on, volumes, command, build } of Object.values(services)) {
    for (const network of networks) expect(Object.keys(compose.networks)).toContain(network);
    for (const [name, { condition }] of Object.entries(depends_on)) {
      expect(Object.keys(services)).toContain(name);
      if (condition === 'service_healthy') expect(services[name]?.healthcheck).toBeDefined();
    }
    for (const volume of volumes.filter((one) => !/^[/$]/.test(one))) {
      expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0]);
    }
    const entry = command?.find((word) => word.startsWith('build/'));
    if (entry) expect(existsSync(join(root, entry.replace(/^build\/(.*)\.js$/, '$1.ts')))).toBe(true);
    if (build) expect(existsSync(join(root, build.context, build.dockerfile))).toBe(true);
  }
  const required = [...text.matchAll(/\$\{([A-Z0-9_]+):\?/g)].map(([, name]) => name);
  expect(required.length).toBeGreaterThan(0);
  for (const name of required) expect(Object.keys(example)).toContain(name);
});

test('our own containers have no rights', () => {
  expect(own.map(([name]) => name).sort()).toEqual(
    ['api', 'metagraph-listener', 'migrate', 'provider-proxy', 'worker', ...TOOLS_AND_JUDGE].sort(),
  );
  for (const [name, one] of own) {
    expect(one).toMatchObject({ user: '10001:10001', read_only: true, cap_drop: ['ALL'] });
    for (const volume of one.volumes.filter((path) => path.includes('WALLETS')))
      expect(volume).toMatch(/:ro$/);
    expect(one.security_opt).toContain('no-new-privileges:true');
    // The sandbox makes namespaces; it alone is without the engine's filter, and has no way out.
    if (name !== 'sandbox') expect(one.security_opt).toHaveLength(1);
  }
  expect(services.sandbox?.networks).toEqual(['data', 'agents']);
});

test('only the guard has the engine socket, and nothing is published but on loopback by default', () => {
  const withSocket = Object.entries(services).filter(([, { volumes }]) =>
    volumes.some((volume) => volume.includes('docker.sock')),
  );
  expect(withSocket.map(([name]) => name)).toEqual(['engine-guard']);
  expect(services['engine-guard']).toMatchObject({ networks: ['engine'], ports: [] });
  expect(compose.networks.engine?.internal).toBe(true);
  const neighbours = Object.entries(services).filter(([, { networks }]) => networks.includes('engine'));
  expect(neighbours.map(([name]) => name).sort()).toEqual(['engine-guard', 'worker']);
  for (const { ports } of Object.values(services)) {
    for (const port of ports) expect(port).toMatch(/^\$\{[A-Z0-9_]+:-127\.0\.0\.1:\d+\}:\d+$/);
  }
  for (const name of ['postgres', 'temporal-postgres', 'redis']) {
    expect(services[name]?.networks).toEqual(['data']);
  }
  expect(compose.networks.data?.internal).toBe(true);
});

test("the worker's settings are ones that the docker backend takes, and agents' relays meet the proxy", () => {
  const environment = Object.fromEntries(
    Object.entries(services.worker?.environment ?? {}).map(([name, value]) => [
      name,
      String(value).replace(/\$\{[A-Z0-9_]+:-?([^}]*)\}/g, '$1'),
    ]),
  );
  const config = dockerRuntimeConfigFromEnv(environment);
  expect(config).toMatchObject({
    engine: { protocol: 'http', host: 'engine-guard', port: 2375 },
    endpoints: 'network',
    edgeNetwork: 'eirel_agents',
  });
  expect(config.build.network).toBe('none');
  expect(Object.values(compose.networks).map(({ name }) => name)).toContain(config.edgeNetwork);
  expect(compose.networks.agents).toEqual({ name: 'eirel_agents', internal: true });
  for (const name of ['api', 'worker', 'provider-proxy', 'web-search', 'url-fetch', 'rag-tool', 'sandbox'])
    expect(services[name]?.networks).toContain('agents');
});

test('no secret has a default', () => {
  for (const [name, value] of Object.entries(example)) {
    if (/PASSWORD|SECRET|TOKEN|API_KEY/.test(name)) expect([name, value]).toEqual([name, '']);
  }
});

test.each(['Dockerfile', 'deploy/images/miner-runtime/Dockerfile'])(
  '%s: every base names its version',
  (path) => {
    const dockerfile = DockerfileParser.parse(readFileSync(join(root, path), 'utf8'));
    for (const from of dockerfile.getFROMs()) expect(from.getImageTag()).toBeTruthy();
  },
);

test('the product image ends with a user that is not root, and without the development packages', () => {
  const dockerfile = DockerfileParser.parse(readFileSync(join(root, 'Dockerfile'), 'utf8'));
  expect(dockerfile.getFROMs().length).toBeGreaterThan(1);
  const users = dockerfile.getInstructions().filter((one) => one.getKeyword() === 'USER');
  expect(users.at(-1)?.getArgumentsContent()).toBe('10001:10001');
  const runs = dockerfile.getInstructions().filter((one) => one.getKeyword() === 'RUN');
  expect(runs.some((run) => run.getArgumentsContent()?.includes('npm ci --omit=dev'))).toBe(true);
});

test('the product image has the native verifier where the product looks for it', () => {
  const dockerfile = DockerfileParser.parse(readFileSync(join(root, 'Dockerfile'), 'utf8'));
  const copies = dockerfile
    .getInstructions()
    .filter((one) => one.getKeyword() === 'COPY')
    .map((one) => one.getArgumentsContent() ?? '');
  const [, library = ''] =
    /^name = "(.+)"/m.exec(readFileSync(join(root, 'native', 'Cargo.toml'), 'utf8')) ?? [];
  const copied = copies.filter((words) => words.includes(`lib${library.replaceAll('-', '_')}.so`));
  expect(copied).toEqual([expect.stringMatching(/\.\/build\/native\/sr25519\.node$/)]);
  expect(readFileSync(join(root, 'scripts', 'native.mjs'), 'utf8')).toContain("'sr25519.node'");
});

test('every address that the worker is told of is one of a service that listens there', () => {
  for (const [name, value] of Object.entries(services.worker?.environment ?? {})) {
    if (!/_URL$/.test(name) || !/^http:/.test(String(value))) continue;
    const { hostname, port } = new URL(String(value));
    const ports = Object.entries(services[hostname]?.environment ?? {}).filter(([key]) => /_PORT$/.test(key));
    expect([name, ports.map(([, one]) => String(one))]).toEqual([name, [port]]);
  }
});

const built = join(root, '.eirel', 'tools', 'docker-compose', 'docker-compose');
const tool = [['docker', 'compose'], ['docker-compose'], [built]].find(
  ([program = '', ...args]) => spawnSync(program, [...args, 'version']).status === 0,
);
if (tool === undefined) {
  test.skip("the tool's own config command accepts it (skipped: no docker compose)", () => undefined);
} else {
  test("the tool's own config command accepts it, and refuses it without secrets", () => {
    const directory = mkdtempSync(join(tmpdir(), 'eirel-compose-'));
    const config = (settings: Record<string, string>): ReturnType<typeof spawnSync> => {
      const file = join(directory, 'env');
      writeFileSync(
        file,
        Object.entries(settings)
          .map(([name, value]) => `${name}=${value}\n`)
          .join(''),
      );
      const [program = '', ...args] = tool;
      return spawnSync(
        program,
        [...args, '--env-file', file, '-f', join(root, 'docker-compose.yml'), 'config'],
        {
          encoding: 'utf8',
          cwd: directory,
        },
      );
    };
    try {
      const filled = Object.fromEntries(
        Object.entries(example).map(([name, value]) => [
          name,
          value !== '' ? value : name === 'EIREL_OWNER_WALLETS' ? '/wallets' : 'x'.repeat(32),
        ]),
      );
      const accepted = config(filled);
      expect(accepted.stderr).not.toMatch(/error|invalid/i);
      expect(accepted.status).toBe(0);
      const refused = config({ ...filled, EIREL_JOB_TOKEN_SECRET: '' });
      expect(refused.status).not.toBe(0);
      expect(refused.stderr).toContain('set it in .env.compose');
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
}
