import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CONTROL_PLANE_PORT_VARIABLES,
  controlPlaneEnv,
  controlPlaneProcesses,
  freePort,
  projectRoot,
  sandboxPossible,
  validatorEnv,
  validatorProcesses,
} from '../adapters/local-stack';
import type { ControlPlaneEnv, ProcessSpec } from '../adapters/local-stack';
import { layerConfigured, oracleConfigFromEnv } from '../adapters/oracle';
import { writeDataset } from './dataset';
import type { DemoWallet } from './keys';

export const NETUID = 7;
export const BLOCK_MS = 1000;

/** Everything that the demo's processes are made of. */
export interface DemoSettings {
  dataDir: string;
  runSeconds: number;
  leaseSeconds: number;
  taskCount: number;
  /** How long the stand-in for the model vendors takes to answer, 0 without one. */
  modelLatencyMs?: number;
  /** Whether the demo's own subnet has commit-reveal on. */
  weights?: 'hidden' | 'open' | undefined;
  /** Interpreter of the environment that has the miner SDK. */
  sdkPython: string;
  owner: DemoWallet;
  treasury: DemoWallet;
  validators: DemoWallet[];
  miners: DemoWallet[];
}

export interface DemoProcesses {
  env: ControlPlaneEnv;
  specs: ProcessSpec[];
  chainUrl: string;
  netuid: number;
  /** False when the demo runs on a node that was there before. */
  ownChain: boolean;
  apiUrl: string;
  /** True when the miners' models are a real vendor's. */
  realModels: boolean;
}

/** The control plane as `npm start` runs it, plus what the demo stands in for and the two validators. */
export async function demoProcesses(
  settings: DemoSettings,
  base: NodeJS.ProcessEnv,
  parts: string[],
): Promise<DemoProcesses> {
  const port = async () => String(await freePort());
  const [apiPort, proxyPort, chainPort, llmPort, judgePort, webPort] = await Promise.all([
    port(),
    port(),
    port(),
    port(),
    port(),
    port(),
  ]);
  // Any node will do; without one, a local one is started.
  const ownChain = !base.BITTENSOR_NETWORK;
  const chainUrl = base.BITTENSOR_NETWORK || `ws://127.0.0.1:${chainPort}`;
  const netuid = ownChain ? String(NETUID) : (base.BITTENSOR_NETUID ?? String(NETUID));
  const chainEnv = {
    BITTENSOR_NETWORK: chainUrl,
    BITTENSOR_NETUID: netuid,
    ...(base.EIREL_BLOCK_SECONDS ? { EIREL_BLOCK_SECONDS: base.EIREL_BLOCK_SECONDS } : {}),
    ...(base.EIREL_CHAIN_ENDPOINTS ? { EIREL_CHAIN_ENDPOINTS: base.EIREL_CHAIN_ENDPOINTS } : {}),
  };
  const llmUrl = `http://127.0.0.1:${llmPort}/v1`;
  const realModels = Boolean(base.EIREL_PROVIDER_CHUTES_API_KEY);
  const realJudge = Boolean(base.EIREL_EVAL_JUDGE_API_KEY && base.EIREL_EVAL_JUDGE_BASE_URL);
  const oracles = oracleEnv(base, llmUrl);
  const toolPorts = Object.fromEntries(
    await Promise.all(
      Object.keys(CONTROL_PLANE_PORT_VARIABLES).map(async (name) => [name, await port()] as const),
    ),
  ) as Record<string, string>;
  const tools = [
    'web_search',
    'url_fetch',
    'rag.retrieve',
    ...(sandboxPossible(base) ? ['sandbox_python'] : []),
  ];
  const webUrl = `http://127.0.0.1:${webPort}`;
  const dataset = writeDataset(settings.dataDir, `${webUrl}/pages`, tools);
  const env = controlPlaneEnv(
    {
      ...base,
      ...toolPorts,
      OWNER_API_PORT: apiPort,
      EIREL_PROVIDER_PROXY_PORT: proxyPort,
      ...chainEnv,
      METAGRAPH_SYNC_INTERVAL_SECONDS: '5',
      ...settings.owner.env('EIREL_OWNER'),
      EIREL_SUBMISSION_TREASURY_ADDRESS: settings.treasury.coldkey.ss58,
      EIREL_SUBMISSION_FEE_TAO: '0.1',
      OWNER_RUNTIME_BACKEND: 'process',
      EIREL_PROCESS_RUNTIME_PYTHON: settings.sdkPython,
      // The demo's agents are its own, and it must run in a container whose root may not make other users either.
      EIREL_PROCESS_RUNTIME_ALLOW_ROOT: 'true',
      EIREL_OWNER_RUNTIME_SUBMISSION_CPU_MILLIS: '250',
      EIREL_OWNER_RUNTIME_SUBMISSION_MEMORY_MB: '512',
      EIREL_OWNER_DATASET_ROOT_PATH: dataset.root,
      // The demo's web is one local server: a search engine, and the pages it finds.
      EIREL_URL_FETCH_ALLOWED_HOSTS: `127.0.0.1:${webPort}`,
      EIREL_URL_FETCH_PER_HOST_RATE: '100',
      EIREL_BRAVE_SEARCH_API_KEY: 'stand-in',
      EIREL_BRAVE_SEARCH_BASE_URL: `${webUrl}/brave`,
      EIREL_RUN_TASK_COUNT: String(settings.taskCount + dataset.addedTasks),
      EIREL_RUN_DURATION_SECONDS: String(settings.runSeconds),
      // The demo opens its first run by hand, once the agents are built.
      EIREL_FIRST_RUN_START_TIME: new Date(Date.now() + 86_400_000).toISOString(),
      EIREL_TASK_CLAIM_TIMEOUT_SECONDS: String(settings.leaseSeconds),
      EIREL_LEASE_REAPER_SECONDS: '3',
      EIREL_SUBMISSION_RATE_LIMIT_REQUESTS: '50',
      EIREL_ENRICHMENT: 'owner',
      // A validator that is killed and started again must not use up a task's attempts.
      MAX_TASK_ATTEMPTS: base.MAX_TASK_ATTEMPTS ?? '6',
      ...(realModels
        ? {}
        : {
            EIREL_PROVIDER_CHUTES_BASE_URL: `${llmUrl}/chat/completions`,
            EIREL_PROVIDER_CHUTES_API_KEY: 'stand-in',
          }),
    },
    settings.dataDir,
  );
  const build = join(projectRoot(), 'build');
  const node = (entry: string, args: string[] = []) => ({
    command: process.execPath,
    args: ['--enable-source-maps', join(build, entry), ...args],
    cwd: projectRoot(),
  });
  const genesisPath = writeGenesis(settings);
  const chain: ProcessSpec = {
    name: 'chain',
    ...node('demo/standins/chain/main.js', [
      ...['--port', chainPort, '--data-dir', join(settings.dataDir, 'chain'), '--genesis', genesisPath],
      ...['--block-ms', String(BLOCK_MS), '--finality-lag', '2'],
    ]),
    ready: { kind: 'tcp', port: Number(chainPort) },
  };
  const llm: ProcessSpec = {
    name: 'model-vendor',
    ...node('demo/standins/llm/main.js', [
      ...['--port', llmPort, '--knowledge', dataset.file],
      ...['--latency-ms', String(settings.modelLatencyMs ?? 0)],
    ]),
    ready: { kind: 'tcp', port: Number(llmPort) },
  };
  // Whoever asks models is stopped before the vendor is.
  const vendor = realModels && realJudge && oracles.real ? [] : [llm.name];
  const web: ProcessSpec = {
    name: 'web',
    ...node('demo/standins/search/main.js', ['--port', webPort, '--dataset', dataset.file]),
    ready: { kind: 'tcp', port: Number(webPort) },
  };
  const judge: ProcessSpec = {
    name: 'judge',
    ...node('services/judge/main.js'),
    env: {
      ...base,
      EIRETES_JUDGE_PORT: judgePort,
      EIREL_EVAL_JUDGE_CACHE_DIR: join(settings.dataDir, 'judge-cache'),
      ...(realJudge
        ? {}
        : {
            EIREL_EVAL_JUDGE_BASE_URL: llmUrl,
            EIREL_EVAL_JUDGE_API_KEY: 'stand-in',
            EIREL_EVAL_JUDGE_MODEL: 'zai-org/GLM-5.1-TEE',
          }),
    },
    startAfter: vendor,
    ready: { kind: 'http', url: `http://127.0.0.1:${judgePort}/healthz` },
  };
  const validators = await Promise.all(
    settings.validators.map(async (wallet, index): Promise<ProcessSpec[]> => {
      const enginePort = await port();
      // A validator's processes get what a stranger would have: the owner's public address, no secret, no database.
      const settingsOfValidator = {
        PATH: base.PATH,
        HOME: base.HOME,
        TEMPORAL_ADDRESS: env.TEMPORAL_ADDRESS,
        TEMPORAL_NAMESPACE: env.TEMPORAL_NAMESPACE,
        ...wallet.env('EIREL_VALIDATOR'),
        OWNER_API_URL: `http://127.0.0.1:${apiPort}`,
        EIREL_OWNER_HOTKEY_SS58: settings.owner.hotkey.ss58,
        EIREL_JUDGE_SERVICE_URL: `http://127.0.0.1:${judgePort}`,
        EIREL_VALIDATOR_PORT: enginePort,
        EIREL_VALIDATOR_BATCH_SIZE: '2',
        EIREL_VALIDATOR_MAX_PARALLEL: '2',
        EIREL_VALIDATOR_POLL_INTERVAL_SECONDS: '1',
        EIREL_WEIGHT_POLL_SECONDS: '2',
        EIREL_VALIDATOR_SHUTDOWN_GRACE_SECONDS: '5',
        ...chainEnv,
        // One validator commits by time lock, the other by hash, so that both are seen.
        EIREL_WEIGHTS_COMMIT: index === 0 ? 'auto' : 'hash',
      };
      const { env: own } = validatorEnv(
        settingsOfValidator,
        join(settings.dataDir, 'validators', wallet.name),
      );
      const specs = validatorProcesses(own, {
        ownJudge: false,
        publishes: true,
        names: { engine: wallet.name, publisher: `${wallet.name}-publisher` },
        parts: parts.filter((part) => part === 'temporal'),
        inheritEnv: false,
      });
      return specs.map((spec) => ({
        ...spec,
        startAfter: [
          ...(spec.startAfter ?? []),
          ...(spec.name === wallet.name ? ['owner-api', 'judge'] : ownChain ? ['chain'] : []),
        ],
      }));
    }),
  );
  // The oracles' keys are in one process only; the control plane's worker serves the other queues.
  const worker = { ...env, EIREL_WORKER_QUEUES: base.EIREL_WORKER_QUEUES ?? 'control,runtime,chain' };
  const controlPlane = controlPlaneProcesses(worker, parts).map((spec) => ({
    ...spec,
    startAfter: [...(spec.startAfter ?? []), ...(ownChain ? [chain.name] : []), web.name, ...vendor],
  }));
  const oracleWorker: ProcessSpec = {
    name: 'oracle-worker',
    ...node('workers/main.js'),
    env: { ...env, ...oracles.env, EIREL_WORKER_QUEUES: 'llm' },
    startAfter: ['worker', ...(oracles.real ? [] : [llm.name])],
    ready: { kind: 'alive', seconds: 1 },
    stopGraceSeconds: 25,
  };
  return {
    env,
    chainUrl,
    netuid: Number(netuid),
    ownChain,
    apiUrl: `http://127.0.0.1:${apiPort}`,
    realModels,
    specs: [
      ...(ownChain ? [chain] : []),
      web,
      ...(vendor.length > 0 ? [llm] : []),
      judge,
      ...controlPlane,
      oracleWorker,
      ...validators.flat(),
    ],
  };
}

/** Where the oracle layer's models are: the vendors', where their keys are set, else the local server. */
function oracleEnv(base: NodeJS.ProcessEnv, llmUrl: string): { env: NodeJS.ProcessEnv; real: boolean } {
  if (layerConfigured(oracleConfigFromEnv(base))) return { env: {}, real: true };
  const at = (prefix: string, url: string): NodeJS.ProcessEnv => ({
    [`${prefix}_API_KEY`]: 'stand-in',
    [`${prefix}_BASE_URL`]: url,
    // As long as a whole run of the demo takes, a real vendor's rate would let twenty calls through.
    [`${prefix}_PER_SECOND`]: '20',
  });
  return {
    real: false,
    env: {
      ...at('EIREL_ORACLE_OPENAI', llmUrl),
      ...at('EIREL_ORACLE_GEMINI', llmUrl.replace(/\/v1$/, '/v1beta')),
      ...at('EIREL_ORACLE_GROK', llmUrl),
      ...at('EIREL_RECONCILER', llmUrl),
    },
  };
}

/** The subnet at block 0: the owner on uid 0, then validators, then miners. */
function writeGenesis(settings: DemoSettings): string {
  const tao = (amount: number) => String(amount * 1e9);
  const { owner, validators, miners } = settings;
  const genesis = {
    netuid: NETUID,
    neurons: [
      {
        hotkey: owner.hotkey.ss58,
        coldkey: owner.coldkey.ss58,
        stakeRao: tao(10_000),
        validatorPermit: true,
      },
      ...validators.map((v) => ({
        hotkey: v.hotkey.ss58,
        coldkey: v.coldkey.ss58,
        stakeRao: tao(20_000),
        validatorPermit: true,
      })),
      ...miners.map((m) => ({ hotkey: m.hotkey.ss58, coldkey: m.coldkey.ss58 })),
    ],
    balances: Object.fromEntries(miners.map((m) => [m.coldkey.ss58, tao(5)])),
    subnetOwner: { hotkey: owner.hotkey.ss58, coldkey: owner.coldkey.ss58 },
    weightsRateLimit: 10,
    // Hidden weights are revealed an epoch after their commit; short epochs keep the demo short.
    commitReveal: settings.weights !== 'open',
    tempo: 14,
  };
  mkdirSync(settings.dataDir, { recursive: true });
  const path = join(settings.dataDir, 'genesis.json');
  writeFileSync(path, JSON.stringify(genesis, null, 2));
  return path;
}
