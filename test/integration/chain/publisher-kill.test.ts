/**
 * The process that publishes weights is killed with SIGKILL at a moment, and started again. `EIREL_EVERY_MOMENT=1` has it
 * killed at every moment, which takes minutes.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { projectRoot } from '../../../adapters/project-root';
import type { PublicationRow } from '../../../adapters/publication-ledger';
import { startChainNode, type ChainNode } from '../../../demo/standins/chain/node';
import { weightsDigest } from '../../../domain/evidence/weights-digest';
import {
  publicationTaskQueue,
  workflowIds,
  WORKFLOW_TYPES,
  type ChainPublicationInput,
  type PublicationStatusView,
} from '../../../domain/messages';
import { workflowEnvironment, type WorkflowEnvironment } from '../../workflow/environment';
import { temporalAddress } from '../../harness/stack';
import { ensureBuilt } from '../cli/run-cli';
import { startFaultProxy, type Fate, type FaultProxy } from './fault-proxy';
import * as on from './support';

jest.setTimeout(180_000);

const BLOCK_MS = 100;
const HOTKEY = on.validator.ss58;
const WEIGHTS = { [on.miner.ss58]: 0.7 };

let temporal: WorkflowEnvironment;
let owner: Server;
let folder: string;
beforeAll(async () => {
  ensureBuilt();
  temporal = await workflowEnvironment();
  folder = await mkdtemp(join(tmpdir(), 'publisher-kill-'));
  owner = createServer((request, response) => {
    const runId = new URL(request.url ?? '', 'http://owner').searchParams.get('run_id') ?? '';
    const evidence = 'ab'.repeat(32);
    const digest = weightsDigest({ runId, evidenceSha256: evidence, weights: WEIGHTS });
    const signature = on.coldkey.sign(digest);
    response.end(
      JSON.stringify({
        ...{ run_id: runId, ready: true, weights: WEIGHTS, family_winners: [] },
        ...{ evidence_sha256: evidence, digest, signer_hotkey: on.coldkey.ss58, signature },
      }),
    );
  });
  await new Promise<void>((resolve) => owner.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await new Promise((resolve) => owner.close(resolve));
  await temporal.close();
  await rm(folder, { recursive: true });
});

/** A node whose blocks come by themselves unless they are held, a proxy before it, and the publisher behind that. */
class Bed {
  node!: ChainNode;
  proxy!: FaultProxy;
  storageStalls = false;
  private child: ChildProcess | null = null;
  private ledgerPath = join(folder, `${randomUUID()}.jsonl`);
  private ticker: NodeJS.Timeout | null = null;

  constructor(
    private readonly commits: 'none' | 'hash' | 'auto',
    private readonly log: string[] = [],
  ) {}

  /** Epochs in which a commit by hash has to be revealed are long enough for a slow machine. */
  private get tempo(): number {
    return this.commits === 'hash' ? 79 : 29;
  }

  /** Goes on to the first block of an epoch, so that what is committed now waits for most of one. */
  toEpochStart(): void {
    while ((this.node.best().number + on.NETUID + 1) % (this.tempo + 1) !== 0) this.node.produceBlock();
  }

  async open(): Promise<void> {
    const commitReveal = this.commits !== 'none';
    const genesis = { ...on.genesis, tempo: this.tempo, weightsRateLimit: 1, commitReveal };
    this.node = await startChainNode({ blockMs: 0, finalityLag: 2, genesis });
    on.produce(this.node, 5);
    this.proxy = await startFaultProxy(this.node.url);
    this.goOn();
  }

  async close(): Promise<void> {
    await this.kill();
    this.hold();
    await this.proxy.close();
    await this.node.close();
  }

  hold(): void {
    if (this.ticker) clearInterval(this.ticker);
    this.ticker = null;
  }

  goOn(): void {
    this.ticker ??= setInterval(() => this.node.produceBlock(), BLOCK_MS);
  }

  async startPublisher(): Promise<void> {
    const child = spawn(process.execPath, [join(projectRoot(), 'build', 'workers', 'main.js')], {
      env: {
        PATH: process.env.PATH,
        TEMPORAL_ADDRESS: await temporalAddress(),
        TEMPORAL_NAMESPACE: temporal.client.options.namespace,
        EIREL_WORKER_QUEUES: 'publication',
        EIREL_VALIDATOR_MNEMONIC: '//Validator',
        EIREL_OWNER_HOTKEY_SS58: on.coldkey.ss58,
        OWNER_API_URL: `http://127.0.0.1:${(owner.address() as AddressInfo).port}`,
        BITTENSOR_NETWORK: this.proxy.url,
        BITTENSOR_NETUID: String(on.NETUID),
        EIREL_BLOCK_SECONDS: String(BLOCK_MS / 1000),
        EIREL_WEIGHTS_COMMIT: this.commits === 'hash' ? 'hash' : 'auto',
        EIREL_PUBLICATION_LEDGER_PATH: this.ledgerPath,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data: Buffer) => this.log.push(data.toString()));
    this.child = child;
    await this.until('the publisher polls', () => {
      if (child.exitCode !== null) throw new Error(`the publisher ended: ${this.log.join('')}`);
      return this.log.some((text) => text.includes('polling'));
    });
  }

  async kill(): Promise<void> {
    const { child } = this;
    this.child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    this.log.length = 0;
  }

  async rows(): Promise<PublicationRow[]> {
    const text = await readFile(this.ledgerPath, 'utf8').catch(() => '');
    return text.split('\n').flatMap((line) => (line ? [JSON.parse(line) as PublicationRow] : []));
  }

  /** Calls that made it into blocks of the best chain. */
  published(): number {
    let count = 0;
    for (let block = this.node.best(); block.number > 0; block = this.node.block(block.parentHash))
      count += block.signed.length;
    return count;
  }

  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    for (const end = Date.now() + 60_000; Date.now() < end;) {
      if (await holds()) return;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error(`it never came to this: ${what}\n${this.log.join('')}`);
  }
}

interface Moment {
  when: string;
  /** Tried in every run of the tests. */
  always?: boolean;
  commits: 'none' | 'hash' | 'auto';
  /** What the node does to the publisher's calls until it is killed. */
  fate?: (bed: Bed, method: string) => Fate;
  reached: (bed: Bed, workflow: WorkflowHandle) => Promise<boolean>;
  /** Extrinsics on chain at the end, attempts in the ledger. */
  published: number;
  attempts: number;
}

const SEND = 'author_submitExtrinsic';
/** True once the node has taken so many submissions. */
function pooled(bed: Bed, count: number): boolean {
  return bed.proxy.seen.answered.filter((method) => method === SEND).length >= count;
}

const MOMENTS: Moment[] = [
  {
    when: 'after its attempt was written down, before it was signed',
    commits: 'none',
    fate: (_bed, method) => (method === 'system_accountNextIndex' ? 'stall' : 'pass'),
    reached: async (bed) => (await bed.rows()).some((row) => row.extrinsicHash === null),
    published: 1,
    attempts: 1,
  },
  {
    when: 'after it was signed, when the node never got it',
    commits: 'none',
    fate: (_bed, method) => (method === SEND ? 'stall' : 'pass'),
    reached: async (bed) => (await bed.rows()).some((row) => row.extrinsicHash !== null),
    published: 1,
    // The first signature lapsed with its era.
    attempts: 2,
  },
  {
    when: 'after it was submitted, before a block took it',
    always: true,
    commits: 'none',
    fate: (bed, method) => (method === SEND && bed.hold(), 'pass'),
    reached: async (bed) => pooled(bed, 1),
    published: 1,
    attempts: 1,
  },
  {
    when: 'after it was included, before that block was final',
    commits: 'none',
    fate: (bed, method) => {
      if (method === SEND) bed.hold();
      else if (pooled(bed, 1) && bed.published() === 0) bed.node.produceBlock();
      return 'pass';
    },
    reached: async (bed) => (await bed.rows()).some((row) => row.outcome === 'included'),
    published: 1,
    attempts: 1,
  },
  {
    when: 'after it was final, before it was read back',
    commits: 'none',
    // The weights are not to be read from when the inclusion was written down.
    fate: (bed, method) => {
      if (bed.published() > 0 && !bed.storageStalls) bed.hold();
      return bed.storageStalls && method === 'state_getStorage' ? 'stall' : 'pass';
    },
    reached: async (bed, workflow) => {
      if (!bed.storageStalls && (await bed.rows()).some((row) => row.outcome === 'included')) {
        bed.storageStalls = true;
        bed.goOn();
      }
      const { pendingActivities } = (await workflow.describe()).raw;
      return (pendingActivities ?? []).some((activity) => activity.activityType?.name === 'verifyVector');
    },
    published: 1,
    attempts: 1,
  },
  {
    when: 'while its commit by hash waits for the epoch of the reveal',
    commits: 'hash',
    reached: async (_bed, workflow) => (await viewOf(workflow)).step === 'revealing',
    published: 2,
    attempts: 2,
  },
  {
    when: 'after the reveal was submitted, before a block took it',
    always: true,
    commits: 'hash',
    fate: (bed, method) => (method === SEND && bed.published() === 1 && bed.hold(), 'pass'),
    reached: async (bed) => pooled(bed, 2),
    published: 2,
    attempts: 2,
  },
  {
    when: 'while the chain keeps its time-locked commit',
    commits: 'auto',
    reached: async (_bed, workflow) => (await viewOf(workflow)).step === 'revealing',
    published: 1,
    attempts: 1,
  },
];

function viewOf(workflow: WorkflowHandle): Promise<PublicationStatusView> {
  return workflow.query<PublicationStatusView>('status');
}

const chosen = process.env.EIREL_EVERY_MOMENT ? MOMENTS : MOMENTS.filter(({ always }) => always);

it.each(chosen.map((moment) => [moment.when, moment] as const))(
  'publishes once when it is killed %s',
  async (_when, moment) => {
    const bed = new Bed(moment.commits);
    await bed.open();
    const runId = `run-${randomUUID().slice(0, 8)}`;
    const workflowId = workflowIds.publication(runId, HOTKEY);
    try {
      bed.proxy.fate = (method) => moment.fate?.(bed, method) ?? 'pass';
      await bed.startPublisher();
      const input: ChainPublicationInput = { runId, hotkey: HOTKEY, netuid: on.NETUID };
      bed.toEpochStart();
      const workflow = await temporal.client.workflow.start(WORKFLOW_TYPES.chainPublication, {
        workflowId,
        taskQueue: publicationTaskQueue(HOTKEY),
        args: [input],
      });
      await bed.until(moment.when, () => moment.reached(bed, workflow));
      await bed.kill();
      bed.proxy.fate = () => 'pass';
      // Blocks go on while it is down, but not while a commit by hash waits: its epoch would pass, since the server leaves
      // a workflow to the worker that had it for ten seconds.
      if (moment.commits === 'hash') bed.hold();
      else bed.goOn();
      await bed.startPublisher();
      await viewOf(workflow);
      bed.goOn();
      await expect(workflow.result()).resolves.toMatchObject({ step: 'done' });
      expect(bed.published()).toBe(moment.published);
      const rows = await bed.rows();
      expect(new Set(rows.map(({ attempt }) => attempt)).size).toBe(moment.attempts);
      expect(rows.filter(({ outcome }) => outcome === 'included')).toHaveLength(moment.published);
    } finally {
      // One that failed must not keep the publisher of the next moment busy.
      const workflow = temporal.client.workflow.getHandle(workflowId);
      await workflow.terminate('the test is over').catch(() => undefined);
      await bed.close();
    }
  },
);
