import { publicKeyOf } from '../keys/address';
import { finalizedBlock, headerOf } from './connection';
import type { ChainConnection, Link } from './connection';
import { eventsOf, extrinsicHashes, failureIn } from './events';
import type { ChainEvent } from './events';
import { addressOfCodec } from './neurons';
import { isZeroAccount, SubtensorStorage, toBigInt } from './storage';
import type { FeeClaim, FeeRejection, FeeVerdict, PaymentIdentity } from './types';

const HASH = /^0x[0-9a-fA-F]{64}$/;

const PRUNED = /discarded|pruned/i;

/** Asks an archive node, on a connection of its own for this one question; null where none is configured. */
async function fromArchive(connection: ChainConnection, claim: FeeClaim): Promise<FeeVerdict | null> {
  const { archiveEndpoints, ...config } = connection.config;
  if (!archiveEndpoints?.length) return null;
  const archive = connection.sibling({ ...config, endpoints: archiveEndpoints, archiveEndpoints: [] });
  try {
    return await verifyFee(archive, claim);
  } finally {
    await archive.close();
  }
}

class Rejected extends Error {
  constructor(
    readonly reason: FeeRejection,
    message: string,
  ) {
    super(message);
  }
}

interface Transfer {
  from: string;
  to: string;
  amountRao: bigint;
}

/** Checks a fee payment (chain.md section 6, decision 22); see `ChainClient.verifyFee`. Never throws. */
export async function verifyFee(connection: ChainConnection, claim: FeeClaim): Promise<FeeVerdict> {
  try {
    checkClaim(claim);
    return await connection.read((link) => check(link, claim));
  } catch (error) {
    if (error instanceof Rejected) return { kind: 'rejected', reason: error.reason, message: error.message };
    const message = (error as Error).message;
    if (PRUNED.test(message)) {
      const answer = await fromArchive(connection, claim);
      if (answer) return answer;
    }
    const forgotten = PRUNED.test(message)
      ? '; the node has forgotten that block: use an archive endpoint (BITTENSOR_NETWORK=archive), or a recent payment'
      : '';
    return { kind: 'unavailable', message: `${message}${forgotten}` };
  }
}

// What the sender of the claim wrote wrongly is told before the node is bothered with it.
function checkClaim(claim: FeeClaim): void {
  if (!claim.blockHash)
    throw new Rejected('block-missing', 'block_hash is required for extrinsic verification');
  if (!HASH.test(claim.blockHash)) {
    throw new Rejected('block-missing', 'extrinsic lookup failed: block_hash must be 0x and 64 hex digits');
  }
  if (claim.extrinsicHash !== undefined && !HASH.test(claim.extrinsicHash)) {
    throw new Rejected(
      'extrinsic-missing',
      'extrinsic lookup failed: extrinsic_hash must be 0x and 64 hex digits',
    );
  }
  if (claim.extrinsicHash === undefined && claim.extrinsicIndex === undefined) {
    throw new Rejected('extrinsic-missing', 'extrinsic not found on chain');
  }
  if (!publicKeyOf(claim.hotkey)) throw new Rejected('owner-unknown', noOwner(claim.hotkey));
  if (!publicKeyOf(claim.treasury)) {
    throw new Error(
      `the treasury "${claim.treasury}" is not an SS58 address: correct EIREL_SUBMISSION_TREASURY_ADDRESS`,
    );
  }
}

const noOwner = (hotkey: string): string => `could not resolve coldkey for hotkey ${hotkey}`;

async function check(link: Link, claim: FeeClaim): Promise<FeeVerdict> {
  const blockHash = claim.blockHash.toLowerCase();
  const header = await headerOf(link, blockHash);
  if (!header)
    throw new Rejected('block-missing', `extrinsic lookup failed: block ${blockHash} is not on the chain`);
  const finalized = await finalizedBlock(link);
  const isFinal = header.number <= finalized.number;
  const canonical = await link.socket.send<string | null>('chain_getBlockHash', [header.number]);
  if (canonical?.toLowerCase() !== blockHash) {
    // Above finality another branch may still win; below it this one has lost.
    if (isFinal)
      throw new Rejected(
        'block-missing',
        `extrinsic lookup failed: block ${blockHash} is not on the canonical chain`,
      );
    return {
      kind: 'pending',
      reason: 'the block is on a branch that is not the best one',
      blockHash,
      blockNumber: header.number,
    };
  }
  const age = finalized.number - header.number;
  if (age > claim.maxAgeBlocks) {
    throw new Rejected(
      'too-old',
      `payment is too old: block ${header.number} is ${age} blocks behind the finalized head, at most ${claim.maxAgeBlocks} are accepted`,
    );
  }
  const found = await findExtrinsic(link, claim, blockHash);
  const events = await eventsOf(link, blockHash, found.extrinsicIndex);
  if (await failureIn(link, blockHash, events))
    throw new Rejected('extrinsic-failed', 'extrinsic did not succeed on chain');
  const transfer = await matchTransfer(link, claim, blockHash, transfersIn(events));
  const identity: PaymentIdentity = {
    genesisHash: link.genesisHash,
    blockHash,
    blockNumber: header.number,
    ...found,
  };
  if (!isFinal) {
    const reason = `block ${header.number} is not finalized yet, the finalized head is ${finalized.number}`;
    return { kind: 'pending', reason, ...identity };
  }
  return { kind: 'verified', ...identity, amountRao: transfer.amountRao, from: transfer.from };
}

async function findExtrinsic(
  link: Link,
  claim: FeeClaim,
  blockHash: string,
): Promise<{ extrinsicIndex: number; extrinsicHash: string }> {
  const hashes = (await extrinsicHashes(link, blockHash)) ?? [];
  const wanted = claim.extrinsicHash?.toLowerCase();
  const index = claim.extrinsicIndex ?? hashes.indexOf(wanted as string);
  const extrinsicHash = hashes[index];
  if (extrinsicHash === undefined || (wanted !== undefined && extrinsicHash !== wanted)) {
    throw new Rejected('extrinsic-missing', 'extrinsic not found on chain');
  }
  return { extrinsicIndex: index, extrinsicHash };
}

function transfersIn(events: ChainEvent[]): Transfer[] {
  return events
    .filter((e) => e.pallet === 'balances' && e.name === 'Transfer' && e.data.length >= 3)
    .map(({ data: [from, to, amount] }) => ({
      from: addressOfCodec(from as NonNullable<typeof from>),
      to: addressOfCodec(to as NonNullable<typeof to>),
      amountRao: toBigInt(amount),
    }));
}

// The rule is one transfer that satisfies everything: a batch makes several, and the first may be another payment.
async function matchTransfer(
  link: Link,
  claim: FeeClaim,
  blockHash: string,
  transfers: Transfer[],
): Promise<Transfer> {
  if (transfers.length === 0)
    throw new Rejected('no-transfer', 'no Balances.Transfer event found in extrinsic');
  const owner = await (await SubtensorStorage.at(link, blockHash)).read('owner', claim.hotkey);
  const payers = isZeroAccount(owner) ? [claim.hotkey] : [addressOfCodec(owner), claim.hotkey];
  const fromPayer = transfers.filter(({ from }) => payers.includes(from));
  if (fromPayer.length === 0) {
    if (isZeroAccount(owner)) throw new Rejected('owner-unknown', noOwner(claim.hotkey));
    throw new Rejected('wrong-sender', 'sender does not match hotkey owner');
  }
  // Addresses come from `addressOfCodec` and a checked claim: with one prefix and one spelling, equal text is equal key.
  const toTreasury = fromPayer.filter(({ to }) => to === claim.treasury);
  if (toTreasury.length === 0) throw new Rejected('wrong-destination', 'destination does not match treasury');
  const enough = toTreasury.find(({ amountRao }) => amountRao >= claim.minimumRao);
  if (!enough) throw new Rejected('amount-too-low', 'transferred amount below required fee');
  return enough;
}
