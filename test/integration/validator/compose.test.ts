/** docker-compose.validator.yml: what must hold of it, and the composing tool's own opinion. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { chainConfigFromEnv } from '../../../adapters/chain/config';
import { projectRoot } from '../../../adapters/project-root';
import { judgeConfigFromEnv } from '../../../services/judge/config';
import { validatorConfigFromEnv } from '../../../services/validator-engine/config';
import { workerConfigFromEnv } from '../../../workers/config';

const root = projectRoot();
const file = join(root, 'docker-compose.validator.yml');
const text = readFileSync(file, 'utf8');
const service = z.object({
  image: z.string().regex(/:[\w.-]+$/, 'names a version'),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  networks: z.array(z.string()).min(1),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  restart: z.literal('unless-stopped'),
  healthcheck: z.looseObject({}).optional(),
  user: z.string().optional(),
  read_only: z.boolean().optional(),
  cap_drop: z.array(z.string()).optional(),
});
const compose = z
  .object({
    services: z.record(z.string(), service),
    networks: z.record(z.string(), z.object({ internal: z.boolean().optional() })),
    volumes: z.record(z.string(), z.object({})),
  })
  .parse(parse(text, { merge: true }));
const { services } = compose;
const example = Object.fromEntries(
  [...readFileSync(join(root, '.env.validator.example'), 'utf8').matchAll(/^([A-Z0-9_]+)=(.*)$/gm)].map(
    ([, name = '', value = '']) => [name, value],
  ),
);

/** A service's settings as a filled-in example gives them. */
function settings(name: string): Record<string, string> {
  const filled: Record<string, string> = {
    ...example,
    OWNER_API_URL: 'https://owner.example',
    BITTENSOR_NETUID: '36',
    EIREL_VALIDATOR_WALLET_NAME: 'validator',
    EIREL_EVAL_JUDGE_BASE_URL: 'https://llm.example/v1',
    EIREL_EVAL_JUDGE_API_KEY: 'k',
    EIREL_EVAL_JUDGE_MODEL: 'm',
  };
  return Object.fromEntries(
    Object.entries(services[name]?.environment ?? {}).map(([key, value]) => [
      key,
      String(value).replace(
        /\$\{([A-Z0-9_]+)(?::[-?]([^}]*))?\}/g,
        (_all, variable: string, fallback = '') =>
          filled[variable] || (String(value).includes(':-') ? String(fallback) : ''),
      ),
    ]),
  );
}

test('names that are used are declared, entry points exist, and every setting is in the example', () => {
  for (const { networks, depends_on, volumes, command } of Object.values(services)) {
    for (const network of networks) expect(Object.keys(compose.networks)).toContain(network);
    for (const [name, { condition }] of Object.entries(depends_on)) {
      if (condition === 'service_healthy') expect(services[name]?.healthcheck).toBeDefined();
    }
    for (const volume of volumes.filter((one) => !one.startsWith('$'))) {
      expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0]);
    }
    const entry = command?.find((word) => word.startsWith('build/'));
    if (entry) expect(existsSync(join(root, entry.replace(/^build\/(.*)\.js$/, '$1.ts')))).toBe(true);
  }
  for (const [, name = ''] of text.matchAll(/\$\{([A-Z0-9_]+)/g))
    expect(Object.keys(example)).toContain(name);
});

test('our own containers have no rights, wallets cannot be written, and nothing is published but on loopback', () => {
  const own = Object.values(services).filter(({ image }) => image.startsWith('eirel-ai:'));
  expect(own).toHaveLength(3);
  for (const one of own) {
    expect(one).toMatchObject({ user: '10001:10001', read_only: true, cap_drop: ['ALL'] });
    for (const volume of one.volumes.filter((name) => name.includes('WALLETS')))
      expect(volume).toMatch(/:ro$/);
  }
  for (const { ports } of Object.values(services)) {
    for (const port of ports) expect(port).toMatch(/^\$\{[A-Z0-9_]+:-127\.0\.0\.1:\d+\}:\d+$/);
  }
  expect(services['temporal-postgres']?.networks).toEqual(['inside']);
  expect(services.temporal?.networks).toEqual(['inside']);
  expect(compose.networks.inside?.internal).toBe(true);
  for (const [name, value] of Object.entries(example)) {
    if (/PASSWORD|API_KEY/.test(name)) expect([name, value]).toEqual([name, '']);
  }
});

test('the settings are ones that the processes take', () => {
  const engine = settings('validator');
  expect(validatorConfigFromEnv(engine)).toMatchObject({
    ownerApiUrl: 'https://owner.example',
    judgeUrl: 'http://judge:8095',
    journalDir: '/var/lib/eirel/journal',
    listen: { host: '0.0.0.0', port: 8010 },
    weights: { enabled: true, netuid: 36 },
  });
  expect(judgeConfigFromEnv(settings('judge')).endpoint?.baseUrl).toContain('llm.example');
  const publisher = settings('publisher');
  expect(workerConfigFromEnv(publisher).roles).toEqual(['publication']);
  expect(chainConfigFromEnv(publisher).netuid).toBe(36);
});

const tool = [['docker', 'compose'], ['docker-compose']].find(
  ([program = '', ...args]) => spawnSync(program, [...args, 'version']).status === 0,
);
(tool ? test : test.skip)("the tool's own config command accepts it, and refuses it without an owner", () => {
  const directory = mkdtempSync(join(tmpdir(), 'eirel-compose-'));
  const config = (values: Record<string, string>) => {
    const env = join(directory, 'env');
    writeFileSync(
      env,
      Object.entries(values)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    );
    const [program = '', ...args] = tool ?? [];
    return spawnSync(program, [...args, '--env-file', env, '-f', file, 'config'], { encoding: 'utf8' });
  };
  try {
    const filled = Object.fromEntries(Object.entries(example).map(([name, value]) => [name, value || '/x']));
    expect(config(filled).status).toBe(0);
    const refused = config({ ...filled, OWNER_API_URL: '' });
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain('set it in .env.validator');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
