import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { connectChain } from '../adapters/chain/client';
import { chainConfigFromEnv } from '../adapters/chain/config';
import type { ChainClient, UidWeight } from '../adapters/chain/types';
import { containerRuntimeFromEnv } from '../adapters/container-runtime';
import { ensurePythonVenv, prepareSandbox, projectRoot, startParts } from '../adapters/local-stack';
import type { Parts } from '../adapters/local-stack';
import { messageOf, type Logger } from '../adapters/logging';
import { OwnerClient } from '../adapters/owner-client';
import { migrate } from '../adapters/postgres/migrate';
import { connectTemporal, temporalConfigFromEnv } from '../adapters/temporal';
import { weightsPayload } from '../domain/contracts/runs';
import { sha256Hex } from '../domain/evidence/canonical';
import { parseEvidence, type FamilyEvidence } from '../domain/evidence/contract';
import { recomputeRun } from '../domain/evidence/recompute';
import { workflowIds } from '../domain/messages';
import { packAgent, type Packaging } from './archives';
import { demoWallet, type DemoWallet } from './keys';
import { demoProcesses, type DemoProcesses } from './processes';
import { prepareSubnet, weightsPatience } from './subnet';
import { publicationsOf } from './publications';
import { attemptRefusals, type Refusal } from './refusals';
import { tamper } from './tamperings';

/** Moments of the demo, in order; a test kills processes at them. */
export const MOMENTS = [
  'uploading',
  'building',
  'opened',
  'evaluating',
  'halfway',
  'evaluated',
  'closing',
] as const;
export type Moment = (typeof MOMENTS)[number];

export interface DemoEvents {
  moment: [Moment];
  say: [string];
  progress: [Progress];
}

export interface DemoOptions {
  dataDir: string;
  toolsDir: string;
  runSeconds: number;
  leaseSeconds: number;
  taskCount: number;
  /** Lets the stand-in for the model vendors take its time, so that tasks take theirs. */
  modelLatencyMs?: number;
  weights?: 'hidden' | 'open' | undefined;
  logger: Logger;
  env: NodeJS.ProcessEnv;
}

const progressSchema = z.looseObject({
  run_id: z.string(),
  status: z.string(),
  phase: z.string(),
  remaining_seconds: z.number().nullish(),
  total: z.number(),
  tasks: z.looseObject({
    pending: z.number(),
    claimed: z.number(),
    evaluated: z.number(),
  }),
});
export type Progress = z.infer<typeof progressSchema>;

/** What the demo ends with; the figures that must not depend on crashes. */
export interface DemoOutcome {
  runId: string;
  family: FamilyEvidence;
  names: Record<string, string>;
  weights: Record<string, number>;
  /** Row of each validator on chain, by the validator's name. */
  onChain: Record<string, UidWeight[]>;
  /** How each validator's weights got there, extrinsic by extrinsic. */
  published: Record<string, string[]>;
  uidOf: Record<string, number>;
  /** Names of miners whose archive was downloaded by a stranger after the close. */
  publicArchives: string[];
  evidenceDifferences: number;
  /** Falsifications of what was published, and those of them that verifying did not find. */
  tamperings: { tried: number; missed: string[] };
  refusals: Refusal[];
}

const MINERS: { name: string; packaging: Packaging; realModel: string }[] = [
  { name: 'scholar', packaging: 'sdk', realModel: 'moonshotai/Kimi-K2.5-TEE' },
  { name: 'analyst', packaging: 'typescript', realModel: 'Qwen/Qwen3-32B-TEE' },
  { name: 'parrot', packaging: 'plain', realModel: 'Qwen/Qwen3-32B-TEE' },
];
const RUN_ID = 'run-1';
const EXTEND_BELOW_SECONDS = 6;
const EXTENSION_SECONDS = 15;
const MAX_EXTENSIONS = 12;
const MINER_SDK = 'eirel==0.5.2';
const submissionSchema = z.looseObject({ id: z.string(), status: z.string() });
const eventsSchema = z.looseObject({
  events: z.array(z.looseObject({ step: z.string(), outcome: z.string() })),
});

/** One evaluation run of the subnet, from upload to weights on chain, on real parts. */
export class Demo extends EventEmitter<DemoEvents> {
  parts: Parts | undefined;
  processes: DemoProcesses | undefined;
  private chain: ChainClient | undefined;
  private readonly clients: OwnerClient[] = [];
  private wallets!: {
    owner: DemoWallet;
    treasury: DemoWallet;
    validators: DemoWallet[];
    miners: DemoWallet[];
  };

  constructor(private readonly options: DemoOptions) {
    super();
  }

  /** Brings everything up: servers, chain, model vendor, control plane, judge, two validators. */
  async start(): Promise<void> {
    const { dataDir, toolsDir, logger, env } = this.options;
    const say = (text: string): boolean => this.emit('say', text);
    const parts = await startParts({
      dataDir,
      toolsDir,
      logger,
      env,
      ports: 'free',
      onProgress: say,
      purpose: 'demo',
    });
    this.parts = parts;
    const [{ applied }, python, sandbox] = await Promise.all([
      migrate(parts.env.DATABASE_URL ?? '', { migrationsDir: join(projectRoot(), 'prisma', 'migrations') }),
      ensurePythonVenv('miner-sdk', [MINER_SDK], {
        toolsDir,
        ignoreRequiresPython: true,
        onProgress: say,
        env,
      }),
      prepareSandbox({ env, onProgress: say }),
    ]);
    say(`database ready (${applied.length} migrations applied), miner SDK ${MINER_SDK} ready`);
    const walletPath = join(dataDir, 'wallets');
    const wallet = (name: string): DemoWallet => demoWallet(walletPath, name);
    this.wallets = {
      owner: wallet('owner'),
      treasury: wallet('treasury'),
      validators: [wallet('validator-a'), wallet('validator-b')],
      miners: MINERS.map(({ name }) => wallet(name)),
    };
    this.processes = await demoProcesses(
      { ...this.options, ...this.wallets, sdkPython: python.python },
      { ...env, ...parts.env, ...sandbox.env },
      parts.started,
    );
    parts.supervisor.on('restarted', ({ name, pid }) =>
      this.emit('say', `${name} was started again (process ${pid})`),
    );
    parts.supervisor.add(...this.processes.specs);
    await parts.supervisor.start(this.processes.specs.map(({ name }) => name));
    this.chain = await connectChain(chainConfigFromEnv(this.processes.env), logger);
    if (!this.processes.ownChain)
      await prepareSubnet(this.chain, this.processes.netuid, this.wallets, env, say);
    say(`${this.processes.specs.length} processes up`);
    this.sdkPython = python.python;
  }

  private sdkPython = 'python3';
  private firstUpload: { archive: Buffer; usedFee: { extrinsicHash: string; blockHash: string } } | undefined;

  /** Plays the run through. */
  async play(): Promise<DemoOutcome> {
    const { owner, validators, miners } = this.wallets;
    const admin = this.client(owner);
    await this.until('the metagraph is synced', 60, async () => {
      const rows = await this.get(admin, '/v1/admin/neurons', z.array(z.looseObject({ hotkey: z.string() })));
      return rows.length >= miners.length + validators.length;
    });
    for (const [index, validator] of validators.entries()) {
      await this.patient(() =>
        admin.send({
          method: 'POST',
          path: '/v1/admin/validators',
          json: { hotkey: validator.hotkey.ss58, uid: index + 1, stake: 20_000 },
          answer: z.unknown(),
          timeoutMs: 10_000,
          idempotent: true,
        }),
      );
    }
    this.emit('say', `${validators.length} validators on the owner's list`);
    this.emit('moment', 'uploading');
    const submissions = await this.upload();
    this.emit('moment', 'building');
    await this.untilBuilt(submissions);
    const refusals = await this.tryRefusals();
    await this.openRun(admin);
    this.emit('moment', 'opened');
    await this.follow();
    return this.conclude(submissions, refusals);
  }

  /** Stops everything that was started, the agents included. */
  async stop(): Promise<void> {
    await this.chain?.close();
    await Promise.all(this.clients.map((client) => client.close()));
    if (this.parts && this.processes) {
      await this.parts.supervisor.stopAll(this.processes.specs.map(({ name }) => name));
      await containerRuntimeFromEnv(this.processes.env, this.options.logger).stopAll(3);
    }
    await this.parts?.stop();
  }

  private client(wallet: DemoWallet): OwnerClient {
    const client = new OwnerClient({
      baseUrl: this.up.apiUrl,
      hotkey: wallet.hotkey,
      attempts: 40,
      baseDelayMs: 250,
      maxDelayMs: 1000,
    });
    this.clients.push(client);
    return client;
  }

  private get up(): DemoProcesses {
    if (!this.processes) throw new Error('the demo is not started');
    return this.processes;
  }

  /** Each miner pays its fee on chain and uploads its agent. Answers the submission's id by miner. */
  private async upload(): Promise<Map<string, string>> {
    const ids = new Map<string, string>();
    for (const [index, miner] of MINERS.entries()) {
      const wallet = this.wallets.miners[index];
      if (!wallet) throw new Error(`no wallet for ${miner.name}`);
      const archive = await packAgent(join(projectRoot(), 'demo', 'agents', miner.name), miner.packaging, {
        sdkPython: this.sdkPython,
        workDir: join(this.options.dataDir, 'archives'),
        ...(this.up.realModels ? { modelOverride: miner.realModel } : {}),
      });
      const fee = await this.payFee(wallet);
      this.firstUpload ??= { archive, usedFee: fee };
      this.emit(
        'say',
        `${miner.name}: fee of 0.1 TAO in block ${fee.blockNumber}, archive of ${archive.length} bytes`,
      );
      const client = this.client(wallet);
      // An upload whose answer was lost may have been accepted: look before sending it again.
      const accepted = await this.patient(async () => {
        const present = await client.currentSubmission();
        return (
          present ??
          client.submitArchive(archive, { extrinsicHash: fee.extrinsicHash, blockHash: fee.blockHash })
        );
      });
      ids.set(miner.name, submissionSchema.parse(accepted).id);
    }
    return ids;
  }

  private async payFee(
    wallet: DemoWallet,
  ): Promise<{ extrinsicHash: string; blockHash: string; blockNumber: number }> {
    const chain = this.chain;
    if (!chain) throw new Error('the demo is not started');
    return chain.transferKeepAlive({
      from: wallet.coldkey,
      to: this.wallets.treasury.coldkey.ss58,
      amountRao: 100_000_000n,
    });
  }

  private async untilBuilt(submissions: Map<string, string>): Promise<void> {
    for (const [index, miner] of MINERS.entries()) {
      const wallet = this.wallets.miners[index];
      const id = submissions.get(miner.name);
      if (!wallet || !id) continue;
      const client = this.client(wallet);
      await this.until(`${miner.name} is built`, 120, async () => {
        const submission = await client.submission(id);
        if (['rejected', 'build_failed'].includes(String(submission.status))) {
          throw new Error(`the submission of ${miner.name} ended: ${submission.status}`);
        }
        const events = await this.get(client, `/v1/submissions/${id}/events`, eventsSchema);
        return events.events.some((event) => event.step === 'build' && event.outcome === 'passed');
      });
      this.emit('say', `${miner.name}: fee verified, archive built`);
    }
  }

  private async openRun(admin: OwnerClient): Promise<void> {
    await this.patient(async () => {
      const { status } = await this.progress();
      if (status !== 'scheduled') return;
      await admin.send({
        method: 'POST',
        path: `/v1/admin/runs/${RUN_ID}/open`,
        json: { reason: 'the demo begins' },
        answer: z.unknown(),
        timeoutMs: 20_000,
        idempotent: false,
      });
    });
    this.emit('say', `${RUN_ID} opens; it closes by its own timer after ${this.options.runSeconds} s`);
  }

  /** On a busy machine the run would close before everything is judged; its operator gives it more time. */
  private async extend(round: number): Promise<void> {
    const owner = this.client(this.wallets.owner);
    const seconds = EXTENSION_SECONDS;
    await owner.send({
      method: 'POST',
      path: `/v1/admin/runs/${RUN_ID}/extend`,
      json: { seconds, reason: 'tasks are left', order_id: `demo-extension-${round}` },
      answer: z.unknown(),
      timeoutMs: 20_000,
      idempotent: false,
    });
    this.emit('say', `${RUN_ID} is extended by ${seconds} s: tasks are left`);
  }

  /** Shows progress until the run is completed, naming the moments on the way. */
  private async follow(): Promise<void> {
    const announced = new Set<Moment>();
    const announce = (moment: Moment): void => {
      if (announced.has(moment)) return;
      announced.add(moment);
      this.emit('moment', moment);
    };
    let extensions = 0;
    await this.until(`${RUN_ID} is completed`, this.options.runSeconds + 360, async () => {
      const progress = await this.progress();
      this.emit('progress', progress);
      const { total } = progress;
      const { evaluated, claimed, pending } = progress.tasks;
      const isShort =
        progress.phase === 'running' && (progress.remaining_seconds ?? Infinity) <= EXTEND_BELOW_SECONDS;
      if (isShort && claimed + pending > 0 && extensions < MAX_EXTENSIONS) {
        extensions += 1;
        await this.extend(extensions);
      }
      if (total > 0 && claimed + evaluated > 0) announce('evaluating');
      if (total > 0 && evaluated >= total / 2) announce('halfway');
      if (total > 0 && evaluated >= total) announce('evaluated');
      if (['draining', 'aggregating', 'publishing', 'completed'].includes(progress.phase))
        announce('closing');
      return progress.status === 'completed';
    });
  }

  private async conclude(submissions: Map<string, string>, refusals: Refusal[]): Promise<DemoOutcome> {
    const published = weightsPayload.parse(
      await this.patient(() => this.publicJson(`/v1/weights?run_id=${RUN_ID}`)),
    );
    const bytes = await this.patient(() => this.publicBytes(`/v1/runs/${RUN_ID}/evidence`));
    const evidence = parseEvidence(JSON.parse(bytes.toString('utf8')));
    const family = evidence.families[0];
    if (!family) throw new Error('the evidence has no family');
    const onChain: Record<string, UidWeight[]> = {};
    const uidOf: Record<string, number> = {};
    const chain = this.chain;
    if (!chain) throw new Error('the demo is not started');
    for (const neuron of (await this.patient(() => chain.listNeurons(this.up.netuid))).neurons)
      uidOf[neuron.hotkey] = neuron.uid;
    for (const validator of this.wallets.validators) {
      const uid = uidOf[validator.hotkey.ss58] ?? -1;
      const seconds = await this.patient(() => weightsPatience(chain, this.up.netuid, validator.hotkey.ss58));
      // What is on chain may be of an earlier demo on the same node; the publication itself knows better.
      await this.until(`${validator.name} has read its weights back`, seconds, () =>
        this.isPublished(validator.hotkey.ss58),
      );
      onChain[validator.name] = await chain.readWeights(this.up.netuid, uid, 'finalized');
      this.emit('say', `${validator.name} has put its weights on chain (uid ${uid})`);
    }
    const publicArchives: string[] = [];
    const archives = new Map<string, string>();
    for (const [name, id] of submissions) {
      const url = `${this.up.apiUrl}/api/v1/dashboard/runs/${RUN_ID}/submissions/${id}/artifact`;
      const response = await fetch(url);
      archives.set(id, sha256Hex(Buffer.from(await response.arrayBuffer())));
      if (response.ok) publicArchives.push(name);
    }
    const rows = this.wallets.validators.map(({ name, hotkey }) => ({
      hotkey: hotkey.ss58,
      uid: uidOf[hotkey.ss58] ?? -1,
      row: {
        uids: (onChain[name] ?? []).map((item) => item.uid),
        values: (onChain[name] ?? []).map((item) => item.value),
      },
    }));
    const chainRows = { block: 0, uidOf: new Map(Object.entries(uidOf)), rows };
    const tamperings = tamper({ evidence: bytes, weights: published, archives, chain: chainRows });
    return {
      runId: RUN_ID,
      family,
      names: Object.fromEntries(this.wallets.miners.map((miner) => [miner.hotkey.ss58, miner.name])),
      weights: published.weights,
      onChain,
      published: Object.fromEntries(
        this.wallets.validators.map(({ name }) => [name, publicationsOf(this.options.dataDir, name)]),
      ),
      uidOf,
      publicArchives,
      evidenceDifferences: recomputeRun(evidence).differences.length,
      tamperings,
      refusals,
    };
  }

  /** Whether a validator's publication of the run has ended. @throws Error when it failed */
  private async isPublished(hotkey: string): Promise<boolean> {
    const client = await connectTemporal(temporalConfigFromEnv(this.up.env));
    try {
      const handle = client.workflow.getHandle(workflowIds.publication(RUN_ID, hotkey));
      const { status } = await handle.describe();
      if (status.name === 'FAILED') await handle.result();
      return status.name === 'COMPLETED';
    } finally {
      await client.connection.close();
    }
  }

  /** What must not work, does not: each with the status and the reason that a client would see. */
  private async tryRefusals(): Promise<Refusal[]> {
    const miner = this.wallets.miners.at(-1);
    const validator = this.wallets.validators[0];
    const first = this.firstUpload;
    if (!miner || !validator || !first) throw new Error('nothing was uploaded yet');
    return this.patient(() => attemptRefusals({ apiUrl: this.up.apiUrl, miner, validator, ...first }));
  }

  private progress(): Promise<Progress> {
    return this.publicJson(`/v1/runs/${RUN_ID}/progress`).then((body) => progressSchema.parse(body));
  }

  private async publicJson(path: string): Promise<unknown> {
    const response = await fetch(`${this.up.apiUrl}${path}`, { signal: AbortSignal.timeout(10_000) });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return response.json();
  }

  private async publicBytes(path: string): Promise<Buffer> {
    const response = await fetch(`${this.up.apiUrl}${path}`, { signal: AbortSignal.timeout(10_000) });
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  }

  private get<T extends z.ZodType>(client: OwnerClient, path: string, answer: T): Promise<z.output<T>> {
    return client.send({ method: 'GET', path, answer, timeoutMs: 10_000, idempotent: true });
  }

  /** Tries until it works: processes may be killed and started again under the demo. */
  private async patient<T>(act: () => Promise<T>, seconds = 60): Promise<T> {
    const end = Date.now() + seconds * 1000;
    for (;;) {
      try {
        return await act();
      } catch (error) {
        if (Date.now() > end) throw error;
        this.options.logger.debug('again', { reason: messageOf(error) });
        await sleep(500);
      }
    }
  }

  private async until(what: string, seconds: number, done: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + seconds * 1000;
    let last = 'no answer yet';
    for (;;) {
      try {
        if (await done()) return;
        last = 'not yet';
      } catch (error) {
        last = messageOf(error);
      }
      if (Date.now() > end) throw new Error(`waited ${seconds} s until ${what}, in vain: ${last}`);
      await sleep(500);
    }
  }
}
