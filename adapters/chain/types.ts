import type { Hotkey } from '../keys/types';

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
  commitRevealEnabled: boolean;
}

export interface WeightSubmission {
  netuid: number;
  /** Ascending, no duplicates, same length as `values`. */
  uids: number[];
  /** u16 values as of `toU16Weights`. */
  values: number[];
  versionKey: bigint | number;
  signer: Hotkey;
  /** Mortality in blocks, a power of two from 4 to 4096; 8 is usual. */
  eraPeriod: number;
  tipRao?: bigint | undefined;
  /** Longest wait for inclusion, in milliseconds. */
  deadlineMs: number;
}

export type WeightFailure =
  | 'no_permit'
  | 'not_registered'
  | 'stake_too_low'
  | 'bad_version_key'
  | 'length_too_low'
  | 'max_weight_exceeded'
  | 'commit_reveal_enabled'
  | 'outdated'
  | 'rpc_down'
  | 'unknown_outcome'
  | 'refused';

/**
 * What became of a weight vector. `outdated` (nonce or era lapsed) may be sent again with a fresh signature; `rpc_down`
 * means that it was certainly not sent; `unknown_outcome` that it may have been: read the chain before sending again.
 */
export type WeightOutcome =
  | { kind: 'included'; blockHash: string; blockNumber: number; extrinsicHash: string }
  | { kind: 'too_soon'; untilBlock: number }
  | { kind: WeightFailure; message: string };

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
  /** The stored row of a uid, empty when it never set weights. `at` is `best` without one. */
  readWeights(netuid: number, uid: number, at?: 'best' | 'finalized'): Promise<UidWeight[]>;
  /** True once the block is on the canonical chain and not above the finalised head. */
  isFinalized(blockHash: string, blockNumber: number): Promise<boolean>;
  /**
   * Pays and waits for inclusion (not for finality). Used by the demo and the operator's CLI.
   * @throws TransferFailed with the chain's reason
   */
  transferKeepAlive(request: TransferRequest): Promise<TransferReceipt>;
  /** Coldkey that owns a hotkey at a block (best block without one), null when the chain knows no owner. */
  resolveOwner(hotkey: string, blockHash?: string): Promise<string | null>;
  /** Free balance in rao at the best block, 0 for an account the chain does not know. */
  freeBalance(address: string): Promise<bigint>;
  /** Closes the connection and lets the process end; idempotent. */
  close(): Promise<void>;
}
