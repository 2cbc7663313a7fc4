import fc from 'fast-check';
import { quantity } from '../../../adapters/container-runtime/kubernetes/capacity';
import { kubernetesConfigFromEnv } from '../../../adapters/container-runtime/kubernetes/config';
import { namesOf } from '../../../adapters/container-runtime/kubernetes/names';
import { bestFit } from '../../../domain/placement';

const REGISTRY = { EIREL_OWNER_RUNTIME_REGISTRY: 'registry.test/agents' };

describe('settings', () => {
  test('the host address alone opens every published port, the one of RAG included', () => {
    const { egress } = kubernetesConfigFromEnv({ ...REGISTRY, SERVER_A_HOST_IP: '10.1.2.3' });
    expect(egress.map(({ name, port }) => [name, port])).toEqual([
      ['provider-proxy', 18_092],
      ['web-search', 18_085],
      ['url-fetch', 18_087],
      ['rag', 18_088],
      ['sandbox', 18_091],
    ]);
    expect(egress.every(({ to }) => to.ipBlock?.cidr === '10.1.2.3/32')).toBe(true);
  });

  test.each([
    [
      { ...REGISTRY, EIREL_RAG_TOOL_URL: 'http://rag:8088' },
      /EIREL_RAG_TOOL_URL.*cannot name the host "rag"/,
    ],
    [{ ...REGISTRY, EIREL_RAG_TOOL_URL: 'rag:8088' }, /EIREL_RAG_TOOL_URL must be an http or https URL/],
    [{}, /EIREL_OWNER_RUNTIME_REGISTRY/],
    [
      { ...REGISTRY, EIREL_OWNER_RUNTIME_NAMESPACE: 'Bad_Name' },
      /EIREL_OWNER_RUNTIME_NAMESPACE has a bad value/,
    ],
    [{ ...REGISTRY, SERVER_A_HOST_IP: 'localhost' }, /SERVER_A_HOST_IP has a bad value/],
    [{ ...REGISTRY, EIREL_OWNER_RUNTIME_CALLER_CIDRS: '10.0.0.0/33' }, /EIREL_OWNER_RUNTIME_CALLER_CIDRS/],
  ])('refuses %j at boot', (env, message) => {
    expect(() => kubernetesConfigFromEnv(env)).toThrow(message);
  });

  test('storage that no policy can name needs its addresses', () => {
    const storage = {
      OBJECT_STORAGE_BACKEND: 's3',
      OBJECT_STORAGE_ACCESS_KEY_ID: 'k',
      OBJECT_STORAGE_SECRET_ACCESS_KEY: 's',
      OBJECT_STORAGE_ENDPOINT_URL: 'https://storage.example.com',
      EIREL_RAG_TOOL_URL: 'http://rag.tools.svc.cluster.local:8088',
    };
    expect(() => kubernetesConfigFromEnv(storage)).toThrow(/EIREL_OWNER_RUNTIME_STORAGE_CIDRS/);
    const { egress } = kubernetesConfigFromEnv({
      ...storage,
      EIREL_OWNER_RUNTIME_STORAGE_CIDRS: '192.0.2.0/24',
    });
    expect(egress.at(-1)).toEqual({
      name: 'object-storage',
      to: { ipBlock: { cidr: '192.0.2.0/24' } },
      port: 443,
    });
  });
});

test.each([
  ['3920m', 3.92],
  ['16Gi', 16 * 2 ** 30],
  ['1e3', 1000],
  ['5E', 5e18],
  ['.5', 0.5],
  ['', NaN],
  ['4 cores', NaN],
])('quantity %s', (text, value) => expect(quantity(text)).toBe(value));

test('best fit takes a node with room, and none has less left', () => {
  const node = fc.record({ cpu: fc.nat(8000), memory: fc.nat(8000), pods: fc.nat(5) });
  fc.assert(
    fc.property(
      fc.array(node, { maxLength: 6 }),
      fc.nat(4000),
      fc.nat(4000),
      (nodes, cpuMillis, memoryBytes) => {
        const all = nodes.map((one, index) => ({
          nodeName: `n${index}`,
          totalCpuMillis: one.cpu,
          totalMemoryBytes: one.memory,
          usedCpuMillis: 0,
          usedMemoryBytes: 0,
          maxPods: one.pods,
          runningPods: 0,
          deploymentIds: [],
        }));
        const headroom = { cpuMillis: 500, memoryBytes: 512, pods: 1 };
        const chosen = bestFit(all, { cpuMillis, memoryBytes }, headroom);
        const fits = all.filter(
          (one) =>
            one.totalCpuMillis >= cpuMillis + 500 &&
            one.totalMemoryBytes >= memoryBytes + 512 &&
            one.maxPods >= 2,
        );
        const picked = fits.find((one) => one.nodeName === chosen);
        expect(chosen === null).toBe(fits.length === 0);
        expect(fits.every((one) => one.totalCpuMillis >= (picked?.totalCpuMillis ?? 0))).toBe(true);
      },
    ),
  );
});

test('names are valid for any id, and differ where ids do', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 80 }), fc.string({ minLength: 1 }), (one, other) => {
      const names = namesOf(one);
      for (const name of Object.values(names) as string[])
        expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
      expect(names.service === namesOf(other).service).toBe(one === other);
    }),
  );
});
