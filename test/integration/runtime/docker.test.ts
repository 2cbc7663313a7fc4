/** What only the docker backend promises: closed networks, limits on containers and builds, and whose fault a build is. */
import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import type { ContainerInspectInfo } from 'dockerode';
import {
  type ContainerRuntime,
  MinerFault,
  OwnerFault,
  type PlacementSpec,
} from '../../../adapters/container-runtime';
import { conformanceAgent } from './conformance/agent';
import { BASE_IMAGE, DockerBed, startEngine, stopEngine } from './conformance/docker-bed';
import { ask, eventually, MIB, pack, type Packed } from './harness';

jest.setTimeout(120_000);

const engine = startEngine();
if ('problem' in engine) {
  test.skip(`the docker backend's own cases (skipped: no engine: ${engine.problem})`, () => undefined);
} else {
  describe('docker backend', () => {
    const bed = new DockerBed(engine, {}, 'own');
    const runtime = bed.runtime();
    const agent = conformanceAgent(
      BASE_IMAGE,
      'VOLUME /data\nUSER root\nEXPOSE 9999\nHEALTHCHECK --interval=1s CMD touch /tmp/checked\n',
    );
    let imageRef: string;
    const servers: Server[] = [];

    const build = (
      packed: Packed,
      on: ContainerRuntime = runtime,
      more: { onLog?: (line: string) => void; signal?: AbortSignal } = {},
    ) =>
      on.buildImage({
        submissionId: 's1',
        archive: () => Promise.resolve(Readable.from([packed.bytes])),
        archiveSha256: packed.sha256,
        manifest: packed.manifest,
        onLog: () => undefined,
        ...more,
      });
    const spec = (more: Partial<PlacementSpec> = {}): PlacementSpec => ({
      deploymentId: 'd1',
      submissionId: 's1',
      revision: 'r1',
      imageRef,
      manifest: agent.manifest,
      env: {},
      cpuMillis: 500,
      memoryBytes: 128 * MIB,
      startTimeoutSeconds: 30,
      ...more,
    });
    const inspectAgent = async (id = 'd1'): Promise<ContainerInspectInfo> => {
      const filters = { label: [`eirel.dev/deployment-id=${id}`, 'eirel.dev/role=agent'] };
      const [found] = await bed.docker.listContainers({ all: true, filters });
      return bed.docker.getContainer(found?.Id ?? 'none').inspect();
    };
    const serve = async (host: string, handler: RequestListener): Promise<number> => {
      const server = createServer(handler);
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, host, resolve));
      return (server.address() as AddressInfo).port;
    };
    const failureOf = (work: Promise<unknown>): Promise<unknown> =>
      work.then(
        () => new Error('it succeeded'),
        (reason: unknown) => reason,
      );
    const gateway = async (): Promise<string> => {
      const bridge = (await bed.docker.getNetwork('bridge').inspect()) as {
        IPAM: { Config: { Gateway: string }[] };
      };
      return bridge.IPAM.Config[0]?.Gateway ?? '';
    };

    beforeAll(async () => {
      ({ imageRef } = await build(agent));
    });
    afterEach(async () => {
      for (const id of ['d1', 'd2']) await runtime.remove(id);
      for (const server of servers.splice(0)) {
        server.closeAllConnections();
        server.close();
      }
      expect(await bed.objects()).toEqual([]);
    });
    afterAll(async () => {
      await bed.dispose();
      stopEngine(engine);
    }, 60_000);

    test("agents reach the owner's services by the relay, and nothing else", async () => {
      const host = await gateway();
      const port = await serve(host, (_, response) => response.end('from the owner'));
      const other = await serve(host, (_, response) => response.end('not for agents'));
      const placed = await runtime.place(
        spec({
          env: {
            EIREL_PROVIDER_PROXY_URL: `http://${host}:${port}/v1`,
            EIREL_RAG_URL: `http://localhost:${port}`,
            EIREL_WEB_SEARCH_URL: '',
          },
        }),
      );
      const neighbour = await runtime.place(spec({ deploymentId: 'd2' }));
      const agentAddress = Object.values((await inspectAgent('d2')).NetworkSettings.Networks)[0]?.IPAddress;
      const get = <T>(path: string): Promise<T> => ask<T>(`${placed.endpointUrl}${path}`);

      const env = await get<Record<string, string>>('/env');
      expect(env.EIREL_PROVIDER_PROXY_URL).toMatch(/^http:\/\/eirel-relay:\d+\/v1$/);
      expect(await get('/fetch?EIREL_PROVIDER_PROXY_URL')).toEqual({ text: 'from the owner' });
      expect(await get('/fetch?EIREL_RAG_URL')).toEqual({ text: 'from the owner' });
      for (const target of [
        `${host}:${port}`,
        `${host}:${other}`,
        `eirel-relay:${other}`,
        `${agentAddress}:8080`,
        `host.docker.internal:${other}`,
        'example.org:443',
        '192.0.2.1:443',
        `127.0.0.1:${new URL(neighbour.endpointUrl).port}`,
      ]) {
        const answer = await get<{ connected: boolean }>(`/connect?${target}`);
        expect([target, answer.connected]).toEqual([target, false]);
      }
    });

    test('containers are closed: no rights, limits in force, nothing published but on loopback', async () => {
      const placed = await runtime.place(spec());
      const { HostConfig, Config } = await inspectAgent();
      expect(HostConfig).toMatchObject({
        ReadonlyRootfs: true,
        Privileged: false,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        PidsLimit: 512,
        Memory: 128 * MIB,
        MemorySwap: 128 * MIB,
        NanoCpus: 500_000_000,
        LogConfig: { Type: 'json-file', Config: { 'max-size': String(4 * MIB), 'max-file': '2' } },
      });
      expect(Config.User).toBe('65532:65532');
      expect(Config.Labels).toMatchObject({
        'eirel.dev/deployment-id': 'd1',
        'eirel.dev/revision': 'r1',
        'eirel.dev/role': 'agent',
        'eirel.dev/scope': 'own',
      });
      for (const { Id } of await bed.docker.listContainers()) {
        const { NetworkSettings, HostConfig: host } = await bed.docker.getContainer(Id).inspect();
        const bindings = Object.values(NetworkSettings.Ports).flatMap((ports) => ports ?? []);
        for (const { HostIp } of bindings) expect(HostIp).toBe('127.0.0.1');
        expect(host.CapDrop).toEqual(['ALL']);
        expect(host.SecurityOpt).toEqual(['no-new-privileges']);
      }
      const { Internal, Options } = (await bed.docker
        .getNetwork((await inspectAgent()).HostConfig.NetworkMode ?? '')
        .inspect()) as { Internal: boolean; Options: Record<string, string> };
      expect(Internal).toBe(true);
      expect(Options).toMatchObject({ 'com.docker.network.bridge.inhibit_ipv4': 'true' });
      expect(await ask(`${placed.endpointUrl}/write?/srv/x,/etc/x,/data/x,/tmp/x`)).toEqual({
        '/srv/x': 'OSError',
        '/etc/x': 'OSError',
        '/data/x': 'written',
        '/tmp/x': 'written',
      });
      expect(await ask(`${placed.endpointUrl}/write?/tmp/checked2`)).toEqual({ '/tmp/checked2': 'written' });
      const { Volumes } = await bed.docker.listVolumes();
      expect(Volumes).toEqual([]);
    });

    test('drift: a loosened agent is replaced, a lost relay is given back to a kept agent', async () => {
      const first = await runtime.place(spec());
      await bed.docker.getContainer((await inspectAgent()).Id).update({ NanoCpus: 1_500_000_000 });
      const second = await runtime.place(spec());
      expect(second).toMatchObject({ adopted: false });
      await bed.docker.getNetwork('bridge').connect({ Container: (await inspectAgent()).Id });
      const third = await runtime.place(spec());
      expect(third).toMatchObject({ adopted: false, endpointUrl: first.endpointUrl });
      const filters = { label: ['eirel.dev/role=relay'] };
      const [relay] = await bed.docker.listContainers({ filters });
      await bed.docker.getContainer(relay?.Id ?? '').kill();
      expect(await runtime.status('d1')).toMatchObject({
        ready: false,
        reason: expect.stringContaining('relay'),
      });
      const fourth = await runtime.place(spec());
      expect(fourth).toMatchObject({
        adopted: true,
        instanceId: third.instanceId,
        endpointUrl: first.endpointUrl,
      });
    });

    test('a container that a killed worker had made and not started is not doubled', async () => {
      await runtime.place(spec());
      const { Id, Config, HostConfig } = await inspectAgent();
      const name = (await inspectAgent()).Name.slice(1);
      await bed.docker.getContainer(Id).remove({ force: true });
      await bed.docker.createContainer({ name, Image: Config.Image, Labels: Config.Labels, HostConfig });
      expect(await runtime.status('d1')).toMatchObject({ state: 'starting', ready: false });
      // For a while it counts as another worker's; then it is taken over.
      const placed = await runtime.place(spec());
      expect(placed.adopted).toBe(false);
      const agents = await bed.docker.listContainers({
        all: true,
        filters: { label: ['eirel.dev/role=agent'] },
      });
      expect(agents).toHaveLength(1);
    });

    test('a second network of the same name, made by another worker in that moment, is waited out', async () => {
      const starts: string[] = [];
      // The engine with one answer of its own kind put in: it gives it while the other worker has not settled yet.
      const port = await serve('127.0.0.1', (request, response) => {
        if (request.method === 'POST' && /^\/containers\/\w+\/start/.test(request.url ?? '')) {
          starts.push(request.url ?? '');
          if (starts.length === 1) {
            response.writeHead(400, { 'content-type': 'application/json' });
            response.end('{"message":"network eirel-net-x is ambiguous (2 matches found on name)"}');
            return;
          }
        }
        const { method, url: path, headers } = request;
        const passed = httpRequest({ ...bed.address, method, path, headers }, (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        });
        request.pipe(passed);
      });
      const other = bed.runtime({ EIREL_DOCKER_HOST: `tcp://127.0.0.1:${port}` });
      expect(await other.place(spec())).toMatchObject({ adopted: false });
      // The relay twice, the agent once.
      expect(starts).toHaveLength(3);
      expect(await runtime.status('d1')).toMatchObject({ ready: true, restarts: 0 });
    });

    test('builds have no network, little memory, and leave nothing when they fail', async () => {
      const check =
        'RUN python3 -c "import socket; print([n for _, n in socket.if_nameindex()]); x = bytearray(300 * 1024 * 1024)"\n';
      const lines: string[] = [];
      const small = bed.runtime({ EIREL_BUILD_MEMORY_MB: '64' });
      const before = (await bed.docker.listImages({ all: true })).length;
      const failed = await failureOf(
        build(conformanceAgent(BASE_IMAGE, check), small, { onLog: (line) => lines.push(line) }),
      );
      expect(failed).toBeInstanceOf(MinerFault);
      expect(failed).toMatchObject({
        code: 'build_failed',
        message: expect.stringMatching(/code: (137|1)$/),
      });
      expect((await bed.docker.listImages({ all: true })).length).toBe(before);
    });

    test('builds end by time, by cancellation and by size', async () => {
      const sleepy = conformanceAgent(BASE_IMAGE, 'RUN echo resting && sleep 90\n');
      const late = await failureOf(build(sleepy, bed.runtime({ EIREL_BUILD_TIMEOUT_SECONDS: '15' })));
      expect(late).toMatchObject({ name: 'MinerFault', code: 'build_timeout' });
      expect((late as MinerFault).logLines).toContain('resting');

      const cancel = new AbortController();
      const reason = new Error('the submission was replaced');
      const onLog = (line: string): void => void (line === 'resting' && cancel.abort(reason));
      expect(await failureOf(build(sleepy, runtime, { onLog, signal: cancel.signal }))).toBe(reason);

      const big = conformanceAgent(BASE_IMAGE, 'RUN dd if=/dev/zero of=/big bs=1M count=300 && sleep 20\n');
      const fat = await failureOf(build(big, bed.runtime({ EIREL_BUILD_IMAGE_MAX_MB: '200' })));
      expect(fat).toMatchObject({ name: 'MinerFault', code: 'image_too_large' });
      await eventually('no step is left', async () => (await bed.objects()).length === 0);
    });

    test("a registry that does not answer is the owner's, an image that is not there the miner's", async () => {
      const refused = await failureOf(build(conformanceAgent('127.0.0.1:9/nowhere:1')));
      expect(refused).toBeInstanceOf(OwnerFault);
      expect(refused).toMatchObject({ code: 'registry_unreachable' });

      const port = await serve('127.0.0.1', (request, response) => {
        response.setHeader('content-type', 'application/json');
        response.setHeader('docker-distribution-api-version', 'registry/2.0');
        if (request.url === '/v2/') response.end('{}');
        else {
          response.statusCode = 404;
          response.end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
        }
      });
      const missing = await failureOf(build(conformanceAgent(`127.0.0.1:${port}/nobody/nothing:1`)));
      expect(missing).toMatchObject({ name: 'MinerFault', code: 'base_image_missing' });
    });

    test('archives: other bytes than accepted, no way to start, a path that leads out', async () => {
      const packed = pack({ 'readme.txt': 'nothing here' });
      expect(await failureOf(build({ ...packed, sha256: '0'.repeat(64) }))).toMatchObject({
        name: 'OwnerFault',
        code: 'archive_digest_mismatch',
      });
      expect(await failureOf(build(packed))).toMatchObject({ name: 'MinerFault', code: 'no_start_command' });
      const out = pack({ 'app.py': 'x = 1\n' }, { build: { context: '../..' } });
      expect(await failureOf(build(out))).toMatchObject({ name: 'MinerFault', code: 'bad_path' });
      const none = pack({ Dockerfile: `FROM ${BASE_IMAGE}\nCOPY submission.yaml /x\n` });
      expect(await failureOf(build(none))).toMatchObject({ name: 'MinerFault', code: 'no_start_command' });
      const wrong = pack({ Dockerfile: `FROM ${BASE_IMAGE}\nCMD ["/no/such/program"]\n` });
      const built = await build(wrong);
      const failed = await failureOf(runtime.place(spec({ imageRef: built.imageRef })));
      expect(failed).toMatchObject({ name: 'MinerFault', code: 'start_command_failed' });
    });

    test("an SDK submission is served by the owner's launcher on the runtime image", async () => {
      // Stands in for the SDK's image: a server under the name that the launcher asks for, without the network.
      const uvicorn = [
        'import asyncio, json',
        'def run(app, host, port, log_level):',
        '    async def serve(reader, writer):',
        '        await reader.readuntil(b"\\r\\n\\r\\n"); sent = []',
        '        async def send(event): sent.append(event)',
        '        await app({"type": "http"}, None, send)',
        '        body = sent[1]["body"]',
        '        writer.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: %d\\r\\nconnection: close\\r\\n\\r\\n" % len(body) + body)',
        '        await writer.drain(); writer.close()',
        '    async def main():',
        '        server = await asyncio.start_server(serve, host, port); await server.serve_forever()',
        '    asyncio.run(main())',
        '',
      ].join('\n');
      const base = await build(
        pack({
          'uvicorn.py': uvicorn,
          Dockerfile: `FROM ${BASE_IMAGE}\nCOPY uvicorn.py /usr/lib/python3/dist-packages/\nCMD ["true"]\n`,
        }),
      );
      const sdk = bed.runtime({ OWNER_MINER_RUNTIME_IMAGE: base.imageRef });
      const app = [
        'async def app(scope, receive, send):',
        '    await send({"type": "http.response.start", "status": 200, "headers": []})',
        '    await send({"type": "http.response.body", "body": b\'{"served":"by the launcher"}\'})',
        '',
      ].join('\n');
      const packed = pack({ 'app.py': app });
      const { imageRef: served } = await build(packed, sdk);
      const placed = await sdk.place(spec({ imageRef: served, manifest: packed.manifest }));
      expect(await ask(`${placed.endpointUrl}/healthz`)).toEqual({ served: 'by the launcher' });
      const none = bed.runtime({ OWNER_MINER_RUNTIME_IMAGE: '127.0.0.1:9/eirel-miner-runtime:1' });
      const other = pack({ 'app.py': `# other\n${app}` });
      expect(await failureOf(build(other, none))).toMatchObject({ name: 'OwnerFault' });
    });

    test("an engine that does not answer is the owner's", async () => {
      const lost = bed.runtime({ EIREL_DOCKER_HOST: 'unix:///nowhere/engine.sock' });
      expect(await failureOf(lost.status('d1'))).toMatchObject({
        name: 'OwnerFault',
        code: 'engine_unreachable',
      });
      expect(await failureOf(lost.place(spec()))).toMatchObject({ code: 'engine_unreachable' });
    });
  });
}
