/** What can become of an attempt to publish weights, and what is done about each (chain.md sections 4 and 7). */

/** How weights get on chain: openly, as a commit that the chain opens itself, or as a hash that is revealed later. */
export type WeightMode = 'set' | 'timelocked' | 'crv3' | 'commit';

/**
 * - `none`: it worked.
 * - `at_block`: wait until the block that the outcome names.
 * - `next_block`: sign anew with the next block.
 * - `backoff`: try again as long as it takes.
 * - `look_first`: search the chain before anything is sent again.
 * - `once`: read the chain's state anew and try once more; the second time it is final.
 * - `final`: an operator must act.
 */
export type RetryRule = 'none' | 'at_block' | 'next_block' | 'backoff' | 'look_first' | 'once' | 'final';

interface Outcome {
  /** The name that logs, tables and metrics show. */
  label: string;
  retry: RetryRule;
  /** What an operator must do; empty where nothing is to be done. */
  advice: string;
}

const outcome = (label: string, retry: RetryRule, advice = ''): Outcome => ({ label, retry, advice });

export const WEIGHT_OUTCOMES = {
  included: outcome('INCLUDED', 'none'),
  too_soon: outcome('TOO_SOON', 'at_block'),
  reveal_too_early: outcome('REVEAL_TOO_EARLY', 'at_block'),
  too_many_commits: outcome('TOO_MANY_COMMITS', 'at_block'),
  outdated: outcome('OUTDATED', 'next_block'),
  rpc_down: outcome('RPC_DOWN', 'backoff'),
  unknown_outcome: outcome('UNKNOWN_OUTCOME', 'look_first'),
  bad_signature: outcome(
    'BAD_SIGNATURE',
    'once',
    'the node does not accept the signature: it may run a runtime that this program does not know yet, update it',
  ),
  commit_reveal_changed: outcome(
    'COMMIT_REVEAL_CHANGED',
    'once',
    'the node contradicts itself about commit-reveal on this subnet: try another endpoint',
  ),
  bad_commit: outcome(
    'BAD_COMMIT',
    'once',
    'the chain wants another version of commits than it names, or another round: update this program',
  ),
  commit_lost: outcome(
    'COMMIT_LOST',
    'once',
    'the commit was not revealed within its epoch: look for outages of this worker or of its chain endpoint',
  ),
  bad_vector: outcome(
    'BAD_VECTOR',
    'once',
    'the subnet has other uids than the node lists: look whether its endpoint lags behind',
  ),
  bad_owner_signature: outcome(
    'BAD_OWNER_SIGNATURE',
    'final',
    'the weights are not those that the owner signed, and are not published: ask the owner, and look who answers at OWNER_API_URL',
  ),
  no_permit: outcome(
    'NO_PERMIT',
    'final',
    'the hotkey has no validator permit on this subnet: it needs more stake than it has',
  ),
  not_registered: outcome(
    'NOT_REGISTERED',
    'final',
    'the hotkey holds no slot on this subnet: register it (btcli subnet register)',
  ),
  stake_too_low: outcome(
    'LOW_STAKE',
    'final',
    'the stake of the hotkey is below the threshold of the chain: add stake',
  ),
  cannot_pay: outcome(
    'CANNOT_PAY',
    'final',
    'the hotkey cannot pay the tip or the fee: set no tip, or fund the hotkey',
  ),
  bad_version_key: outcome(
    'OLD_VERSION_KEY',
    'final',
    "the version key is below the subnet's: update this program, or set the key that the subnet asks for",
  ),
  length_too_low: outcome(
    'TOO_FEW_WEIGHTS',
    'final',
    'the subnet asks for more weights per row (MinAllowedWeights): its owner has to lower that',
  ),
  max_weight_exceeded: outcome(
    'WEIGHT_TOO_LARGE',
    'final',
    'one weight is above the limit of the subnet (MaxWeightsLimit): its owner has to raise that',
  ),
  commit_reveal_unsupported: outcome(
    'COMMIT_REVEAL_UNSUPPORTED',
    'final',
    'CommitRevealUnsupported: the subnet has commit-reveal on, and the runtime offers no commit that this program can make: update it',
  ),
  refused: outcome('REFUSED', 'final'),
} as const satisfies Record<string, Outcome>;

export type WeightOutcomeKind = keyof typeof WEIGHT_OUTCOMES;
export type WeightFailure = Exclude<WeightOutcomeKind, 'included' | 'too_soon'>;

/** By the name of the pallet's error, as a failed extrinsic carries it. */
const BY_ERROR_NAME: Readonly<Record<string, WeightOutcomeKind>> = {
  SettingWeightsTooFast: 'too_soon',
  CommittingWeightsTooFast: 'too_soon',
  TxRateLimitExceeded: 'too_soon',
  RevealTooEarly: 'reveal_too_early',
  TooManyUnrevealedCommits: 'too_many_commits',
  NoWeightsCommitFound: 'commit_lost',
  ExpiredWeightCommit: 'commit_lost',
  InvalidRevealCommitHashNotMatch: 'commit_lost',
  CommitRevealEnabled: 'commit_reveal_changed',
  CommitRevealDisabled: 'commit_reveal_changed',
  IncorrectCommitRevealVersion: 'bad_commit',
  DuplicateUids: 'bad_vector',
  UidVecContainInvalidOne: 'bad_vector',
  UidsLengthExceedUidsInSubNet: 'bad_vector',
  WeightVecNotEqualSize: 'bad_vector',
  NeuronNoValidatorPermit: 'no_permit',
  HotKeyNotRegisteredInSubNet: 'not_registered',
  HotKeyNotRegisteredInNetwork: 'not_registered',
  HotKeyAccountNotExists: 'not_registered',
  NotEnoughStakeToSetWeights: 'stake_too_low',
  IncorrectWeightVersionKey: 'bad_version_key',
  WeightVecLengthIsLow: 'length_too_low',
  MaxWeightExceeded: 'max_weight_exceeded',
};

/** By the number with which the pool refuses an extrinsic before it gets into a block. */
const BY_CUSTOM_CODE: Readonly<Record<number, WeightOutcomeKind>> = {
  1: 'stake_too_low',
  2: 'cannot_pay',
  4: 'not_registered',
  6: 'too_soon',
  10: 'not_registered',
  15: 'bad_commit',
  16: 'commit_lost',
  17: 'reveal_too_early',
  18: 'bad_vector',
  19: 'bad_vector',
};

/** What the chain's error of a failed extrinsic means. */
export function outcomeOfError(name: string): WeightOutcomeKind {
  return BY_ERROR_NAME[name] ?? 'refused';
}

/** What a refusal by the node's pool means. @param code of the JSON-RPC error @param text its message and data */
export function outcomeOfRefusal(code: number, text: string): WeightOutcomeKind {
  const custom = /Custom error: (\d+)/i.exec(text)?.[1];
  if (custom !== undefined) return BY_CUSTOM_CODE[Number(custom)] ?? 'refused';
  if (/bad signature|bad proof/i.test(text)) return 'bad_signature';
  if (/inability to pay/i.test(text)) return 'cannot_pay';
  // 1014: a rival with the same nonce is in the pool; 1012: banned for a while, these very bytes; 1016: the pool is full.
  if (code === 1014 || code === 1012) return 'outdated';
  if (code === 1016) return 'rpc_down';
  if (/outdated|stale|ancient birth|in the future|exhausts/i.test(text)) return 'outdated';
  return 'refused';
}

/** Sentence for people: what to do, then what the chain said. */
export function outcomeMessage(kind: WeightOutcomeKind, said: string): string {
  const { advice } = WEIGHT_OUTCOMES[kind];
  return advice ? `${advice} (${said})` : said;
}
