/** The Kubernetes backend against a real control plane, with nothing but the rights of deploy/k8s. */
import { MinerFault, OwnerFault } from '../../../adapters/container-runtime';
import { kubernetesMissing } from '../../harness/kubernetes';
import { eventually, pack } from '../runtime/harness';
import { S3Server } from '../object-store/s3-server';
import {
  ADMIN_TOKEN,
  APPS,
  containerStatus,
  CORE,
  type Json,
  KubernetesBed,
  MERGE,
  NAMESPACE,
  NETWORKING,
  WORKER_TOKEN,
} from './bed';

jest.setTimeout(60_000);

const missing = kubernetesMissing();
/** Counted and named where there is no engine, never silently passed. */
const check = (title: string, run: () => Promise<void>): void => {
  if (missing !== null) test.skip(`${title} (skipped: ${missing})`, run);
  else test(title, run);
};
const failure = async (work: Promise<unknown>): Promise<Error & { code?: string; logLines?: string[] }> =>
  work.then(
    () => {
      throw new Error('it succeeded');
    },
    (error: unknown) => error as Error,
  );

describe('kubernetes backend', () => {
  let bed: KubernetesBed;

  beforeAll(async () => {
    if (missing === null) bed = await KubernetesBed.start();
  }, 180_000);
  afterAll(async () => {
    if (missing === null) await bed.stop();
  }, 60_000);
  afterEach(async () => {
    if (missing !== null) return;
    const runtime = bed.runtime();
    const ending = bed.endPods();
    for (const { deploymentId } of await runtime.list()) await runtime.remove(deploymentId);
    await runtime.remove('d1');
    await ending();
  }, 60_000);

  check('places, applies again without a change, and is adopted by another worker', async () => {
    const beats: string[] = [];
    const runtime = bed.runtime();
    const first = await runtime.place(bed.spec({ heartbeat: (detail) => beats.push(detail) }));
    expect(first).toMatchObject({
      deploymentId: 'd1',
      nodeName: 'big',
      adopted: false,
      endpointUrl: 'http://miner-d1.eirel-miners.svc.cluster.local:8080',
    });
    expect(await runtime.status('d1')).toMatchObject({
      state: 'running',
      ready: true,
      revision: 'f'.repeat(64),
      instanceId: first.instanceId,
      restarts: 0,
    });
    const before = await bed.get(`${APPS}/deployments/miner-d1`);
    const again = await bed.runtime().place(bed.spec());
    expect(again).toMatchObject({ adopted: true, instanceId: first.instanceId });
    const after = await bed.get(`${APPS}/deployments/miner-d1`);
    expect(after.metadata.generation).toBe(before.metadata.generation);
    expect(after.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    expect((await runtime.list()).map(({ deploymentId }) => deploymentId)).toEqual(['d1']);
  });

  check('two workers that place at once start one pod', async () => {
    const [one, other] = await Promise.all([
      bed.runtime().place(bed.spec()),
      bed.runtime().place(bed.spec()),
    ]);
    expect(one?.instanceId).toBe(other?.instanceId);
    expect(await bed.items(`${CORE}/pods`)).toHaveLength(1);
  });

  check('another revision rolls, and only one runs at a time', async () => {
    const runtime = bed.runtime();
    const first = await runtime.place(bed.spec());
    const second = await runtime.place(bed.spec({ revision: 'r2', env: { NEW: 'yes' } }));
    expect(second.adopted).toBe(false);
    expect(second.instanceId).not.toBe(first.instanceId);
    expect(await runtime.status('d1')).toMatchObject({ ready: true, revision: 'r2' });
    await eventually('one pod is left', async () => (await bed.items(`${CORE}/pods`)).length === 1);
    const secret = await bed.get(`${CORE}/secrets/miner-d1-env`);
    expect(secret.data).toEqual({ NEW: Buffer.from('yes').toString('base64') });
  });

  check('the pod is confined, owned and labelled, and carries no credential in its template', async () => {
    await bed.runtime().place(bed.spec());
    const deployment = await bed.get(`${APPS}/deployments/miner-d1`);
    const pod = deployment.spec.template.spec as Json;
    const [container] = pod.containers as Json[];
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      nodeSelector: { 'eirel.dev/runtime-pool': 'true', 'eirel.dev/runtime-class': 'miner' },
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(container).toMatchObject({
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
      envFrom: [{ secretRef: { name: 'miner-d1-env' } }],
      readinessProbe: { httpGet: { path: '/healthz', port: 8080 } },
      livenessProbe: { httpGet: { path: '/healthz', port: 8080 } },
      startupProbe: { httpGet: { path: '/healthz', port: 8080 } },
    });
    expect(container?.resources.requests).toEqual(container?.resources.limits);
    expect(container?.resources.limits).toMatchObject({ cpu: '500m', memory: '268435456' });
    expect(pod.volumes.every((volume: Json) => volume.emptyDir?.sizeLimit !== undefined)).toBe(true);
    expect(JSON.stringify(deployment)).not.toContain('edt1.scoped');
    for (const path of [
      `${CORE}/services/miner-d1`,
      `${CORE}/secrets/miner-d1-env`,
      `${NETWORKING}/networkpolicies/miner-d1`,
    ]) {
      const object = await bed.get(path);
      expect(object.metadata.ownerReferences).toMatchObject([
        { kind: 'Deployment', uid: deployment.metadata.uid },
      ]);
      expect(object.metadata.labels).toMatchObject({
        'eirel.dev/deployment-id': 'd1',
        'eirel.dev/revision': expect.any(String) as string,
      });
    }
  });

  check('the policy exists before the Deployment and names DNS, the proxy and every tool port', async () => {
    await bed.runtime().place(bed.spec());
    const policy = await bed.get(`${NETWORKING}/networkpolicies/miner-d1`);
    expect(policy.spec.policyTypes).toEqual(['Ingress', 'Egress']);
    const ports = (policy.spec.egress as Json[]).flatMap((rule) =>
      (rule.ports as Json[]).map((one) => `${one.protocol as string}/${one.port as number}`),
    );
    expect(ports).toEqual([
      'UDP/53',
      'TCP/53',
      'TCP/8092',
      'TCP/18085',
      'TCP/18087',
      'TCP/18088',
      'TCP/18091',
    ]);
    expect(policy.spec.egress[1].to).toEqual([
      {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'eirel-system' } },
        podSelector: { matchLabels: { app: 'provider-proxy' } },
      },
    ]);
    expect(policy.spec.egress[4].to).toEqual([{ ipBlock: { cidr: '10.9.0.1/32' } }]);
    expect(policy.spec.ingress[0].ports).toEqual([{ port: 8080, protocol: 'TCP' }]);
    // Revisions of the store only grow: the policy was there when the Deployment was made.
    const order = await bed.get(`${APPS}/deployments/miner-d1`);
    expect(Date.parse(policy.metadata.creationTimestamp as string)).toBeLessThanOrEqual(
      Date.parse(order.metadata.creationTimestamp as string),
    );
    const deny = await bed.get(`${NETWORKING}/networkpolicies/eirel-default-deny`);
    expect(deny.spec).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
  });

  check('the namespace refuses a pod that is not confined', async () => {
    const bad = await bed.cluster.call<{ message: string }>('POST', `${CORE}/pods`, {
      metadata: { name: 'bad' },
      spec: { containers: [{ name: 'c', image: 'busybox' }] },
    });
    expect(bad.status).toBe(403);
    expect(bad.body.message).toContain('violates PodSecurity "restricted');
  });

  check('drift: what was edited, added or deleted is put back', async () => {
    const runtime = bed.runtime();
    const first = await runtime.place(bed.spec());
    await bed.cluster.must('DELETE', `${CORE}/services/miner-d1`);
    const open = { spec: { egress: [{}] } };
    await bed.cluster.must(
      'PATCH',
      `${NETWORKING}/networkpolicies/miner-d1?fieldManager=kubectl-edit`,
      open,
      MERGE,
    );
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(await runtime.status('d1')).toMatchObject({
      ready: true,
      instanceId: first.instanceId,
      reason: 'put back: NetworkPolicy, Service',
    });
    expect((await bed.get(`${NETWORKING}/networkpolicies/miner-d1`)).spec.egress).toHaveLength(6);
    await bed.cluster.must('DELETE', `${NETWORKING}/networkpolicies/miner-d1`);
    await bed.cluster.must('DELETE', `${CORE}/secrets/miner-d1-env`);
    // Beside ours, where an apply alone would leave it.
    const sidecar = {
      name: 'miner',
      image: 'xmrig',
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    };
    await bed.cluster.must(
      'PATCH',
      `${APPS}/deployments/miner-d1?fieldManager=kubectl-edit`,
      { spec: { template: { spec: { containers: [sidecar] } } } },
      'application/strategic-merge-patch+json',
    );
    await runtime.place(bed.spec());
    const { spec } = await bed.get(`${APPS}/deployments/miner-d1`);
    expect((spec.template.spec.containers as Json[]).map(({ name }) => name as string)).toEqual(['agent']);
    await bed.get(`${NETWORKING}/networkpolicies/miner-d1`);
    await bed.get(`${CORE}/secrets/miner-d1-env`);
    expect(bed.warnings).toContain('took out what somebody added to an object');
    await bed.cluster.must('DELETE', `${APPS}/deployments/miner-d1`);
    await eventually('the loss is seen', async () => (await runtime.status('d1')).state === 'missing');
    expect(await runtime.place(bed.spec())).toMatchObject({ adopted: false });
  });

  check('a pod that fits nowhere is reported, and leaves nothing behind', async () => {
    const runtime = bed.runtime({ EIREL_OWNER_RUNTIME_SCHEDULE_TIMEOUT_SECONDS: '15' });
    const waiting = failure(runtime.place(bed.spec({ cpuMillis: 1_000_000 })));
    await eventually('it is seen', async () =>
      /pending_unschedulable/.test((await runtime.status('d1')).reason ?? ''),
    );
    const fault = await waiting;
    expect(fault).toBeInstanceOf(OwnerFault);
    expect(fault.code).toBe('insufficient_runtime_capacity');
    expect(fault.message).toMatch(/Insufficient cpu/);
    expect(await bed.objects()).toEqual([]);
  });

  check('capacity counts verified nodes and what our pods request', async () => {
    const runtime = bed.runtime();
    await runtime.place(bed.spec());
    await bed.cluster.addNode('cordoned', {
      labels: { 'eirel.dev/runtime-pool': 'true', 'eirel.dev/runtime-class': 'miner' },
      kwok: false,
    });
    await bed.cluster.must('PATCH', '/api/v1/nodes/cordoned', { spec: { unschedulable: true } }, MERGE);
    expect(await runtime.capacity()).toEqual([
      {
        nodeName: 'big',
        totalCpuMillis: 64_000,
        totalMemoryBytes: 256 * 1024 ** 3,
        usedCpuMillis: 500,
        usedMemoryBytes: 256 * 1024 ** 2,
        maxPods: 110,
        runningPods: 1,
        deploymentIds: ['d1'],
      },
    ]);
    expect(bed.warnings).toContain('nodes that take no agents');
    await bed.cluster.must('DELETE', '/api/v1/nodes/cordoned');
  });

  check('a crash at the start is the miner fault with the last lines, which stay readable', async () => {
    const runtime = bed.byHand();
    bed.log = 'starting\nModuleNotFoundError: No module named "agent"';
    const ending = bed.endPods();
    const placing = failure(runtime.place(bed.spec()));
    const pod = await bed.pod('d1');
    const end = { terminated: { exitCode: 1, reason: 'Error' } };
    await bed.report(pod, { phase: 'Running', containerStatuses: [containerStatus(pod, end)] });
    const fault = await placing;
    await ending();
    expect(fault).toBeInstanceOf(MinerFault);
    expect(fault.code).toBe('exited_early');
    expect(fault.logLines).toEqual(['starting', 'ModuleNotFoundError: No module named "agent"']);
    expect(await runtime.status('d1')).toMatchObject({ state: 'exited', reason: fault.message });
    expect(await runtime.logs('d1', { tailLines: 1 })).toEqual([
      'ModuleNotFoundError: No module named "agent"',
    ]);
    expect(await bed.objects()).toEqual(['configmaps/miner-d1-log']);
  });

  check('a running agent: crash, out of memory, hang and restart are told apart', async () => {
    const runtime = bed.byHand();
    const ending = bed.endPods();
    const placing = runtime.place(bed.spec());
    const pod = await bed.pod('d1');
    await bed.reportReady(pod);
    const first = await placing;
    const say = async (state: Json, more: Json = {}): Promise<Json> => {
      await bed.report(pod, {
        conditions: [{ type: 'Ready', status: 'False' }],
        containerStatuses: [containerStatus(pod, state, more)],
      });
      await new Promise((resolve) => setTimeout(resolve, 600));
      return (await runtime.status('d1')) as unknown as Json;
    };
    const startedAt = new Date().toISOString();
    expect(await say({ running: { startedAt } }, { started: true })).toMatchObject({
      state: 'running',
      ready: false,
      instanceId: first.instanceId,
    });
    expect(await say({ terminated: { exitCode: 7, reason: 'Error' } })).toMatchObject({
      state: 'exited',
      exitCode: 7,
      oomKilled: false,
    });
    expect(await say({ terminated: { exitCode: 137, reason: 'OOMKilled' } })).toMatchObject({
      state: 'exited',
      oomKilled: true,
      signal: 'SIGKILL',
      reason: 'ended because it reached its memory limit',
    });
    expect(
      await say(
        { waiting: { reason: 'CrashLoopBackOff' } },
        { restartCount: 2, lastState: { terminated: { exitCode: 3 } } },
      ),
    ).toMatchObject({ state: 'exited', exitCode: 3, restarts: 2 });
    const anew = runtime.place(bed.spec());
    await eventually('another pod', async () => (await bed.pod('d1')).metadata.uid !== pod.metadata.uid);
    await bed.reportReady(await bed.pod('d1'));
    expect(await anew).toMatchObject({ adopted: false });
    expect(await runtime.status('d1')).toMatchObject({ ready: true, restarts: 3 });
    await ending();
  });

  check(
    'an image that cannot be pulled is the owner fault; one that cannot be run the miner fault',
    async () => {
      const runtime = bed.byHand({ EIREL_OWNER_RUNTIME_SCHEDULE_TIMEOUT_SECONDS: '10' });
      const ending = bed.endPods();
      for (const [reason, type, code] of [
        ['ImagePullBackOff', OwnerFault, 'image_pull'],
        ['RunContainerError', MinerFault, 'image_config'],
      ] as const) {
        const placing = failure(runtime.place(bed.spec()));
        const pod = await bed.pod('d1');
        await bed.report(pod, {
          containerStatuses: [containerStatus(pod, { waiting: { reason, message: 'no' } })],
        });
        const fault = await placing;
        expect(fault).toBeInstanceOf(type);
        expect(fault.code).toBe(code);
        await runtime.remove('d1');
      }
      await ending();
    },
  );

  check('an agent that never answers its health path is ended as the miner fault', async () => {
    const runtime = bed.byHand();
    const ending = bed.endPods();
    const placing = failure(runtime.place(bed.spec({ startTimeoutSeconds: 1 })));
    const pod = await bed.pod('d1');
    await bed.report(pod, {
      phase: 'Running',
      containerStatuses: [
        containerStatus(pod, { running: { startedAt: new Date().toISOString() } }, { started: false }),
      ],
    });
    expect(await placing).toMatchObject({ name: 'MinerFault', code: 'health_timeout' });
    await ending();
  });

  check('stop keeps the log and nothing else; remove keeps nothing', async () => {
    const runtime = bed.byHand();
    const ending = bed.endPods();
    const placing = runtime.place(bed.spec());
    await bed.reportReady(await bed.pod('d1'));
    await placing;
    bed.log = 'one\ntwo';
    await runtime.stop('d1', { graceSeconds: 2 });
    expect(await runtime.status('d1')).toMatchObject({ state: 'missing', reason: 'stopped on request' });
    expect(await runtime.logs('d1', { tailLines: 5 })).toEqual(['one', 'two']);
    expect(await runtime.logs('d1', { tailLines: 0 })).toEqual([]);
    expect(await bed.objects()).toEqual(['configmaps/miner-d1-log']);
    await runtime.stop('d1', { graceSeconds: 1 });
    await runtime.remove('d1');
    await runtime.remove('d1');
    expect(await bed.objects()).toEqual([]);
    expect(await runtime.status('never-placed')).toMatchObject({ state: 'missing' });
    await ending();
  });

  check('an aborted wait ends at once and leaves what the next placement adopts', async () => {
    const runtime = bed.byHand();
    const ending = bed.endPods();
    const abort = new AbortController();
    const { signal } = abort;
    const waiting = failure(runtime.place(bed.spec({ signal })));
    // The wait has begun once there is a pod.
    const pod = await bed.pod('d1');
    abort.abort();
    expect(await waiting).toBe(signal.reason);
    const placing = runtime.place(bed.spec());
    await bed.reportReady(pod);
    expect(await placing).toMatchObject({ adopted: true, instanceId: `${pod.metadata.uid as string}:0` });
    await ending();
  });

  check('the role is enough for all of this, and for no more', async () => {
    const as = async (method: string, path: string, body?: unknown): Promise<number> =>
      (await bed.cluster.call(method, path, body, { token: WORKER_TOKEN })).status;
    await bed.runtime().place(bed.spec());
    expect(await as('GET', `${CORE}/secrets`)).toBe(403);
    expect(await as('GET', `${CORE}/secrets/miner-d1-env`)).toBe(403);
    expect(await as('GET', '/api/v1/namespaces/kube-system/pods')).toBe(403);
    expect(await as('GET', '/api/v1/pods')).toBe(403);
    expect(await as('POST', `${CORE}/pods`, { metadata: { name: 'x' }, spec: { containers: [] } })).toBe(403);
    expect(await as('POST', `${CORE}/pods/x/exec?command=sh`)).toBe(403);
    expect(await as('DELETE', `/api/v1/namespaces/${NAMESPACE}`)).toBe(403);
    expect(await as('PATCH', '/api/v1/nodes/big', {})).toBe(403);
    expect(await as('DELETE', `${CORE}/services`)).toBe(403);
    expect(
      await as('POST', '/api/v1/namespaces/eirel-control-plane/configmaps', { metadata: { name: 'x' } }),
    ).toBe(403);
  });

  check('a missing right is named, and so are a wrong token, namespace and address', async () => {
    const role = `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}/roles/owner-runtime`;
    const { rules } = await bed.get(role);
    const without = (rules as Json[]).filter(
      (rule) => !(rule.resources as string[]).includes('networkpolicies'),
    );
    await bed.cluster.must('PATCH', role, { rules: without }, MERGE);
    let refused = await failure(bed.runtime().place(bed.spec()));
    // The authorizer reads roles from a cache of its own.
    for (let attempt = 0; attempt < 20 && refused.code !== 'kubernetes_forbidden'; attempt += 1) {
      refused = await failure(bed.runtime().place(bed.spec()));
    }
    await bed.cluster.must('PATCH', role, { rules }, MERGE);
    expect(refused).toMatchObject({ name: 'OwnerFault', code: 'kubernetes_forbidden' });
    expect(refused.message).toContain('lacks the verb "patch" on networkpolicies.networking.k8s.io');
    expect(await bed.items(`${APPS}/deployments`)).toEqual([]);
    expect(await failure(bed.runtime({}, 'wrong').list())).toMatchObject({ code: 'kubernetes_unauthorized' });
    const elsewhere = bed.runtime({ EIREL_OWNER_RUNTIME_NAMESPACE: 'nowhere' }, ADMIN_TOKEN);
    expect(await failure(elsewhere.place(bed.spec()))).toMatchObject({ code: 'namespace_missing' });
    const server = bed.cluster.server;
    bed.cluster.server = 'https://127.0.0.1:1';
    const unreachable = bed.runtime({}, 'unreachable');
    bed.cluster.server = server;
    expect(await failure(unreachable.list())).toMatchObject({
      name: 'OwnerFault',
      code: 'kubernetes_unreachable',
    });
  });

  check('manages its namespace where the settings say so', async () => {
    const own = {
      EIREL_OWNER_RUNTIME_NAMESPACE: 'other-miners',
      EIREL_OWNER_RUNTIME_MANAGE_NAMESPACE: 'true',
    };
    const runtime = bed.runtime(own, ADMIN_TOKEN);
    expect(await runtime.place(bed.spec())).toMatchObject({ adopted: false });
    const namespace = await bed.get('/api/v1/namespaces/other-miners');
    expect(namespace.metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' });
    await runtime.stopAll(1);
    expect(await runtime.list()).toEqual([]);
    await runtime.remove('d1');
  });

  check(
    'without a registry the source comes from object storage, by a link that only the init container gets',
    async () => {
      const storage = new S3Server('key', 'secret-key');
      const endpoint = await storage.start();
      try {
        const runtime = bed.runtime({
          EIREL_OWNER_RUNTIME_REGISTRY: '',
          EIREL_OWNER_RUNTIME_IMAGE: 'registry.test:5000/runtime:1',
          OBJECT_STORAGE_BACKEND: 's3',
          OBJECT_STORAGE_ENDPOINT_URL: endpoint,
          OBJECT_STORAGE_ACCESS_KEY_ID: 'key',
          OBJECT_STORAGE_SECRET_ACCESS_KEY: 'secret-key',
        });
        const packed = pack({ 'app.py': 'app = None\n', 'data.bin': 'x'.repeat(2_000_000) });
        const { Readable } = await import('node:stream');
        const build = {
          submissionId: 's1',
          archiveSha256: packed.sha256,
          manifest: packed.manifest,
          onLog: () => undefined,
        };
        const built = await runtime.buildImage({
          ...build,
          archive: () => Promise.resolve(Readable.from([packed.bytes])),
        });
        expect(built).toEqual({ imageRef: `kubernetes-source:${packed.sha256}`, cached: false });
        const again = await runtime.buildImage({
          ...build,
          archive: () => Promise.reject(new Error('opened again')),
        });
        expect(again.cached).toBe(true);
        await runtime.place(bed.spec({ imageRef: built.imageRef, manifest: packed.manifest }));
        const pod = await bed.pod('d1');
        expect(pod.spec.initContainers).toMatchObject([
          {
            name: 'source',
            image: 'registry.test:5000/runtime:1',
            securityContext: { readOnlyRootFilesystem: true },
          },
        ]);
        expect(pod.spec.containers[0].envFrom).toEqual([{ secretRef: { name: 'miner-d1-env' } }]);
        const { data } = await bed.get(`${CORE}/secrets/miner-d1-src`);
        const link = Buffer.from(data.EIREL_SOURCE_URL as string, 'base64').toString();
        expect(link).toContain(
          `/eirel-managed/runtime/sources/${packed.sha256}.tar.gz?X-Amz-Algorithm=AWS4-HMAC-SHA256`,
        );
        expect(link).not.toContain('secret-key');
        await runtime.remove('d1');
        expect(await bed.objects()).toEqual([]);
      } finally {
        await storage.stop();
      }
    },
  );

  check('30 placements and retirements leave no object', async () => {
    const runtime = bed.runtime();
    const ids = Array.from({ length: 30 }, (_, index) => `Loop_${index}`);
    const lane = async (): Promise<void> => {
      for (let id = ids.shift(); id !== undefined; id = ids.shift()) {
        await runtime.place(bed.spec({ deploymentId: id }));
        await runtime.stop(id, { graceSeconds: 1 });
        await runtime.remove(id);
      }
    };
    await Promise.all([lane(), lane(), lane()]);
    expect(await bed.objects()).toEqual([]);
    expect(await runtime.list()).toEqual([]);
  });
});
