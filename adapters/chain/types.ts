import type { Hotkey } from '../keys/types';
import type { EpochClock } from '../../domain/weights/epochs';
import type { WeightFailure, WeightMode } from '../../domain/weights/outcomes';
import type { Beacon } from './timelock/beacon';

/** Where and how to reach a subtensor node; see `chainConfigFromEnv`. */
export interface ChainConfig {
  /** Network name as configured, for logs: `finney`, `test`, `local`, `archive` or the address itself. */
  network: string;
  /** WebSocket addresses in order of preference; the next one is tried when the current one fails. */
  endpoints: string[];
  /** Subnet that this deployment serves. */
  netuid: number;
  /** Deadline of every single call to the node, in milliseconds. */
  callTimeoutMs: number;
  /** `0x` hash of block 0 that the network must have before anything is signed; null leaves it unchecked. */
  expectedGenesis: string | null;
  /** Where old state is kept, asked only when the others have pruned what a fee check needs; empty for nowhere. */
  archiveEndpoints?: string[] | undefined;
  /** A head older than this many seconds moves the connection on to the next endpoint; null leaves that to operators. */
  maxLagSeconds?: number | null | undefined;
}

/** What the node says about itself; never throws, so that a health page can show a lost connection. */
export interface ChainHealth {
  connected: boolean;
  endpoint: string;
  /** Runtime version, null before the first connection. */
  specVersion: number | null;
  /** Best block, null when the node could not be asked. */
  block: number | null;
  finalizedBlock: number | null;
  genesisHash: string | null;
  /** Seconds since the best block was made, by its own timestamp. */
  lagSeconds: number | null;
  /** Why the chain cannot be asked, null when it can. */
  problem: string | null;
  /** Connections made since this process began. */
  connections: number;
}

export interface BlockRef {
  number: number;
  /** `0x` hash. */
  hash: string;
}

/** One UID slot of the subnet as the chain has it at the block of its snapshot. */
export interface Neuron {
  hotkey: string;
  coldkey: string;
  uid: number;
  /** Stake that the runtime reports for the neuron, in rao (or alpha's smallest unit, also 1e-9). */
  stakeRao: bigint;
  validatorPermit: boolean;
  active: boolean;
  /** Block of the neuron's last weight update, 0 for never. */
  lastUpdate: number;
  /** Where the neuron says it serves, null when it never did. */
  axon: { ip: string; port: number } | null;
}

/** All neurons of a subnet at one finalised block, in uid order. */
export interface NeuronSnapshot {
  block: BlockRef;
  neurons: Neuron[];
}

export interface FeeClaim {
  /** Address of the miner's hotkey; the payer must be its coldkey, or the hotkey itself. */
  hotkey: string;
  treasury: string;
  /** Least amount accepted, in rao. */
  minimumRao: bigint;
  /** Payments in blocks further behind the finalised head than this are refused. */
  maxAgeBlocks: number;
  /** At least one of hash and index; with both, they must name the same extrinsic. */
  extrinsicHash?: string | undefined;
  extrinsicIndex?: number | undefined;
  blockHash: string;
}

export type FeeRejection =
  | 'owner-unknown'
  | 'block-missing'
  | 'extrinsic-missing'
  | 'extrinsic-failed'
  | 'no-transfer'
  | 'wrong-sender'
  | 'wrong-destination'
  | 'amount-too-low'
  | 'too-old';

/** What identifies a payment for the replay guard: unique on (genesisHash, blockHash, extrinsicIndex). */
export interface PaymentIdentity {
  genesisHash: string;
  blockHash: string;
  blockNumber: number;
  extrinsicIndex: number;
  extrinsicHash: string;
}

/**
 * Outcome of a fee check. `pending` is a valid-looking payment (or block) that is not final yet: ask again;
 * `unavailable` means that the node could not answer: ask again, nothing is known about the payment.
 * `message` of a rejection is the reason text of the wire.
 */
export type FeeVerdict =
  | ({ kind: 'verified'; amountRao: bigint; from: string } & PaymentIdentity)
  | ({ kind: 'pending'; reason: string } & Partial<PaymentIdentity>)
  | { kind: 'rejected'; reason: FeeRejection; message: string }
  | { kind: 'unavailable'; message: string };

/** Everything that decides whether a hotkey may set weights now, read at the best block. */
export interface WeightState {
  /** null when the hotkey holds no slot. */
  uid: number | null;
  /** Number of slots in use; valid uids are 0 .. n-1. */
  n: number;
  validatorPermit: boolean;
  stakeRao: bigint;
  minAllowedWeights: number;
  /** Of 65535; 65535 means no limit. */
  maxWeightsLimit: number;
  versionKey: bigint;
  /** Blocks that must lie between two weight updates of one uid. */
  rateLimitBlocks: number;
  /** Block of the last update, 0 for never. */
  lastUpdate: number;
  block: BlockRef;
  /** Stake weight below which the chain takes no weights. */
  stakeThresholdRao: bigint;
  /** What is held against the threshold, null when only the runtime could tell. */
  stakeWeightRao: bigint | null;
  /** The subnet owner's hotkey needs neither permit nor stake. */
  isSubnetOwner: boolean;
  commitReveal: CommitReveal;
}

/** How the subnet wants weights hidden before they count, and what the runtime offers for it. */
export interface CommitReveal {
  enabled: boolean;
  /** The call for time-locked commits, which the chain reveals by itself; null when the runtime has none. */
  timelocked: 'timelocked' | 'crv3' | null;
  /** Whether commits by hash, revealed by a second extrinsic, are possible. */
  hashed: boolean;
  /** `CommitRevealWeightsVersion`, null on runtimes without one. */
  version: number | null;
  /** Epochs between commit and reveal. */
  periodEpochs: number;
  clock: EpochClock;
  beacon: Beacon;
  /** Unix time of the block, in seconds. */
  blockTime: number;
}

/** One extrinsic about weights. */
export type WeightCall =
  | { mode: 'set'; uids: number[]; values: number[]; versionKey: bigint | number }
  | { mode: 'timelocked'; commit: Uint8Array; revealRound: number; version: number }
  | { mode: 'crv3'; commit: Uint8Array; revealRound: number }
  | { mode: 'commit'; hash: string }
  | { mode: 'reveal'; uids: number[]; values: number[]; salt: number[]; versionKey: bigint | number };

/** A signed extrinsic, by which it is found again after a crash. */
export interface SentExtrinsic {
  hash: string;
  /** Last block before it can be included. */
  birth: number;
  /** First block that can include it no longer. */
  death: number;
}

export interface WeightSubmission {
  netuid: number;
  call: WeightCall;
  signer: Hotkey;
  /** Mortality in blocks, a power of two from 4 to 4096; 8 is usual. */
  eraPeriod: number;
  tipRao?: bigint | undefined;
  /** Longest wait for inclusion, in milliseconds. */
  deadlineMs: number;
  /** Awaited between signing and sending: what it writes down is there whenever the extrinsic can be on chain. */
  onSigned?: ((sent: SentExtrinsic) => Promise<void>) | undefined;
}

/**
 * What became of an extrinsic about weights. Each kind has its retry rule in `WEIGHT_OUTCOMES`; `rpc_down` means that it
 * was certainly not sent, `unknown_outcome` that it may have been: look for it before sending again.
 */
export type WeightOutcome =
  | { kind: 'included'; blockHash: string; blockNumber: number; extrinsicHash: string }
  | { kind: 'too_soon'; untilBlock: number; message: string }
  | { kind: WeightFailure; message: string };

/** A commit that waits on chain for its reveal. */
export interface PendingCommit {
  /** BLAKE2-256: of the weights for commits by hash, of the ciphertext for time-locked ones. */
  hash: string;
  mode: Extract<WeightMode, 'commit' | 'timelocked' | 'crv3'>;
  commitEpoch: number;
  /** Blocks in which it is revealed, both ends included. */
  from: number;
  until: number;
}

export interface FollowRequest {
  netuid: number;
  hotkey: string;
  sent: SentExtrinsic;
  deadlineMs: number;
}

export interface UidWeight {
  uid: number;
  /** u16; the fraction is value / sum of the row. */
  value: number;
}

export interface TransferRequest {
  from: Hotkey;
  /** Destination address, prefix 42. */
  to: string;
  amountRao: bigint;
  /** Longest wait for inclusion in milliseconds, two minutes without one. */
  deadlineMs?: number | undefined;
}

export interface TransferReceipt {
  extrinsicHash: string;
  extrinsicIndex: number;
  blockHash: string;
  blockNumber: number;
}

/**
 * One long-lived connection to a subtensor node. Every call has the configured deadline and throws `ChainUnavailable`
 * when no endpoint answers in time, except where its result type already has a case for that.
 */
export interface ChainClient {
  readonly config: ChainConfig;
  /** Never throws. */
  health(): Promise<ChainHealth>;
  /**
   * Reads all neurons at one finalised block.
   * @throws ChainInconsistent when an existing subnet reads as empty: keep the last snapshot
   * @throws SubnetMissing when the network has no such subnet
   */
  listNeurons(netuid: number): Promise<NeuronSnapshot>;
  /** Checks a fee payment against the chain (spec chain section 6); never throws. */
  verifyFee(claim: FeeClaim): Promise<FeeVerdict>;
  /** @throws SubnetMissing */
  weightState(netuid: number, hotkey: string): Promise<WeightState>;
  /** Signs, sends and waits for inclusion in a block; never throws for what the node or chain says. */
  submitWeights(request: WeightSubmission): Promise<WeightOutcome>;
  /** What became of an extrinsic that was signed earlier, by this process or one before it; never throws for the node. */
  followWeights(request: FollowRequest): Promise<WeightOutcome>;
  /** Unrevealed commits of a hotkey, oldest first. */
  pendingCommits(netuid: number, hotkey: string, at?: 'best' | 'finalized'): Promise<PendingCommit[]>;
  /** Seconds between blocks, measured over the last ones. */
  blockSeconds(): Promise<number>;
  /** The stored row of a uid, empty when it never set weights. `at` is `best` without one. */
  readWeights(netuid: number, uid: number, at?: 'best' | 'finalized'): Promise<UidWeight[]>;
  /** Whether a block is final, may become so, or was left by the chain. */
  finality(blockHash: string, blockNumber: number): Promise<'final' | 'pending' | 'reorganised'>;
  /** True once the block is on the canonical chain and not above the finalised head. */
  isFinalized(blockHash: string, blockNumber: number): Promise<boolean>;
  /**
   * Pays and waits for inclusion (not for finality). Used by the demo and the operator's CLI.
   * @throws TransferFailed with the chain's reason
   */
  transferKeepAlive(request: TransferRequest): Promise<TransferReceipt>;
  /** Registers a hotkey for the price of the moment. @throws TransferFailed with the chain's reason */
  registerNeuron(request: { coldkey: Hotkey; netuid: number; hotkey: string }): Promise<TransferReceipt>;
  /** Stakes on a hotkey of a subnet. @throws TransferFailed with the chain's reason */
  addStake(request: {
    coldkey: Hotkey;
    netuid: number;
    hotkey: string;
    amountRao: bigint;
  }): Promise<TransferReceipt>;
  /** Coldkey that owns a hotkey at a block (best block without one), null when the chain knows no owner. */
  resolveOwner(hotkey: string, blockHash?: string): Promise<string | null>;
  /** Free balance in rao at the best block, 0 for an account the chain does not know. */
  freeBalance(address: string): Promise<bigint>;
  /** Closes the connection and lets the process end; idempotent. */
  close(): Promise<void>;
}
