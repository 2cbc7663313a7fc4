/**
 * Kills the runtime worker by SIGKILL while it builds and places agents, and counts what is left on the engine.
 * usage: node -r ./test/chaos/register-typescript.cjs test/chaos/build-kills.ts [kills]
 * Real Temporal, PostgreSQL and Docker; needs `npm run build` before, and what the docker conformance suite needs.
 * Ends with 1 unless every deployment has exactly one agent, one relay and one network, and nothing after retirement.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { WorkflowSignaller } from '../../activities/signaller';
import { objectStoreFromEnv } from '../../adapters/object-store';
import { createPrisma } from '../../adapters/postgres';
import { acceptSubmission } from '../../adapters/postgres/submissions';
import { projectRoot } from '../../adapters/project-root';
import { temporalAddress, testDatabase } from '../harness/stack';
import { conformanceAgent } from '../integration/runtime/conformance/agent';
import {
  BASE_IMAGE,
  DockerBed,
  startEngine,
  stopEngine,
} from '../integration/runtime/conformance/docker-bed';

const kills = Number(process.argv[2] ?? 10);
/** How long a build takes by itself, so that a kill can fall into it. */
const BUILD_SECONDS = 5;
const say = (text: string): void => void process.stderr.write(`${text}\n`);

async function until(what: string, seconds: number, condition: () => Promise<boolean>): Promise<number> {
  const begun = Date.now();
  while (!(await condition())) {
    if (Date.now() - begun > seconds * 1000) throw new Error(`never happened: ${what}`);
    await sleep(100);
  }
  return (Date.now() - begun) / 1000;
}

async function main(): Promise<void> {
  const engine = startEngine();
  if ('problem' in engine) throw new Error(`no engine: ${engine.problem}`);
  const directory = mkdtempSync(join(tmpdir(), 'eirel-build-kills-'));
  const database = await testDatabase();
  const db = createPrisma(database.url);
  const address = await temporalAddress();
  const namespace = `kills-${Date.now()}`;
  const connection = await Connection.connect({ address });
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  const signaller = new WorkflowSignaller(new Client({ connection, namespace }));
  const store = { ARTIFACT_STORAGE_ROOT: join(directory, 'objects') };
  const objectStore = objectStoreFromEnv(store);
  const bed = new DockerBed(engine, {}, 'kills');
  let worker: ChildProcess | null = null;
  let workers = 0;

  const startWorker = (): void => {
    workers += 1;
    const log = openSync(join(directory, `worker-${workers}.log`), 'w');
    worker = spawn(
      process.execPath,
      ['--enable-source-maps', join(projectRoot(), 'build', 'workers', 'main.js')],
      {
        stdio: ['ignore', log, log],
        env: {
          PATH: process.env.PATH,
          ...store,
          DATABASE_URL: database.url,
          TEMPORAL_ADDRESS: address,
          TEMPORAL_NAMESPACE: namespace,
          EIREL_JOB_TOKEN_SECRET: 'a-secret-for-job-tokens',
          EIREL_OWNER_SECRET: 'a-secret-of-the-sampler',
          OWNER_RUNTIME_BACKEND: 'docker',
          EIREL_DOCKER_HOST: engine.host,
          EIREL_DOCKER_SCOPE: 'kills',
          EIREL_DOCKER_RELAY_IMAGE: BASE_IMAGE,
          EIREL_DOCKER_SUBNET_POOL: engine.pool,
          EIREL_DATA_DIR: directory,
          OWNER_RUNTIME_CAPACITY_CPU_HEADROOM_MILLIS: '0',
        },
      },
    );
  };
  const killWorker = async (signal: NodeJS.Signals): Promise<void> => {
    const child = worker;
    if (child === null || child.exitCode !== null) throw new Error('the worker had ended by itself');
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  };
  const submit = async (index: number): Promise<{ deploymentId: string; submissionId: string }> => {
    const packed = conformanceAgent(BASE_IMAGE, `RUN sleep ${BUILD_SECONDS} && echo built ${index}\n`);
    const stored = await objectStore.putContentAddressed(
      'archives',
      Readable.from([packed.bytes]),
      '.tar.gz',
    );
    const outcome = await acceptSubmission(db, {
      minerHotkey: `5Miner${index}`,
      familyId: 'general_chat',
      agentName: 'conforming',
      manifest: packed.manifest as never,
      archive: {
        storageKey: stored.key,
        sha256: packed.sha256,
        sizeBytes: packed.bytes.length,
        entryCount: 3,
      },
      extrinsicHash: null,
      blockHash: null,
      fee: null,
      cpuMillis: 100,
      memoryBytes: 96n * 1024n * 1024n,
      baseUrl: 'http://127.0.0.1:8000',
      lifetimeCap: 0,
      // Far away: this is about agents, and a run that never opens leaves them alone.
      runPolicy: {
        firstStart: new Date(Date.now() + 86_400_000),
        durationSeconds: 86_400,
        taskQuorum: 1,
        scoringVersion: 2,
        minScores: {},
      },
      now: new Date(),
    });
    if (outcome.kind !== 'accepted') throw new Error(`submission ${index} was not accepted: ${outcome.kind}`);
    // As the opening of its run would mark it: it is placed as soon as it is built.
    await db.managedDeployment.update({
      where: { id: outcome.deploymentId },
      data: { status: 'received', healthStatus: 'starting', placementStatus: 'pending' },
    });
    await signaller.startSubmission({
      submissionId: outcome.submissionId,
      deploymentId: outcome.deploymentId,
      minerHotkey: `5Miner${index}`,
      familyId: 'general_chat',
      introducedRunId: outcome.introducedRunId,
    });
    return outcome;
  };
  const holding = async (deploymentId: string): Promise<Record<string, number>> => {
    const filters = (role: string) => ({
      label: [`eirel.dev/deployment-id=${deploymentId}`, `eirel.dev/role=${role}`],
    });
    const containers = async (role: string): Promise<number> =>
      (await bed.docker.listContainers({ all: true, filters: filters(role) })).length;
    const networks = (await bed.docker.listNetworks({ filters: filters('network') })).length;
    return { agents: await containers('agent'), relays: await containers('relay'), networks };
  };

  try {
    startWorker();
    const submitted: { deploymentId: string; submissionId: string }[] = [];
    for (let index = 1; index <= kills; index += 1) {
      const one = await submit(index);
      submitted.push(one);
      const log = `evidence/submissions/${one.submissionId}/build.log`;
      const seen = async (): Promise<string> =>
        (await objectStore.exists(log)) ? (await objectStore.getBytes(log)).toString('utf8') : '';
      await until(`build ${index} is under way`, 120, async () => /Step \d/.test(await seen()));
      // From the middle of the build to some time after its end.
      const wait = Math.random() * (BUILD_SECONDS + 2);
      await sleep(wait * 1000);
      const { status } = await db.managedDeployment.findUniqueOrThrow({ where: { id: one.deploymentId } });
      await killWorker('SIGKILL');
      say(`kill ${index}: ${wait.toFixed(1)} s into build ${index}, deployment ${status}`);
      startWorker();
    }
    const seconds = await until('all agents are healthy', 300, async () => {
      const healthy = await db.managedDeployment.count({ where: { healthStatus: 'healthy' } });
      return healthy === kills;
    });
    const counts = await Promise.all(submitted.map(({ deploymentId }) => holding(deploymentId)));
    const exact = counts.filter((one) => one.agents === 1 && one.relays === 1 && one.networks === 1).length;
    const objects = await bed.objects();
    say(
      `healthy ${seconds.toFixed(0)} s after the last kill; ${exact} of ${kills} have 1 agent, 1 relay, 1 network`,
    );
    say(
      `objects on the engine: ${objects.length} (expected ${3 * kills}), steps of dead builds among them: ${objects.length - 3 * kills}`,
    );
    for (const { submissionId } of submitted)
      await signaller.retireSubmission(submissionId, 'the test is over');
    await until('all are retired', 300, async () => {
      const retired = await db.managedDeployment.count({ where: { status: 'retired' } });
      return retired === kills;
    });
    const left = await bed.objects();
    say(`left after retirement: ${left.length} objects ${left.join(' ')}`);
    await killWorker('SIGTERM');
    if (exact !== kills || objects.length !== 3 * kills || left.length > 0) process.exitCode = 1;
  } catch (error) {
    say(readFileSync(join(directory, `worker-${workers}.log`), 'utf8').slice(-3000));
    throw error;
  } finally {
    if (worker !== null) (worker as ChildProcess).kill('SIGKILL');
    await db.$disconnect();
    await database.drop();
    await connection.close();
    await bed.dispose();
    stopEngine(engine);
    rmSync(directory, { recursive: true, force: true });
  }
}

main().then(
  () => process.exit(),
  (error: unknown) => {
    say(String((error as Error).stack ?? error));
    process.exit(1);
  },
);
