import type { SubmittableExtrinsic } from '@polkadot/api/types';
import type { IKeyringPair } from '@polkadot/types/types';
import type { ApiPromise } from '@polkadot/api';
import type { Hotkey } from '../keys/types';
import { bestBlock, finalizedBlock, headerOf } from './connection';
import type { ChainConnection, Link } from './connection';
import { ChainUnavailable } from './errors';
import { eventsOf, extrinsicHashes, failureIn } from './events';
import type { DispatchFailure } from './events';
import { RpcError } from './rpc-socket';
import type { BlockRef, SentExtrinsic } from './types';

export type Call = SubmittableExtrinsic<'promise'>;

type Signed = ReturnType<Call['sign']>;

export interface SubmitRequest {
  signer: Hotkey;
  /** Builds the call from the metadata of the node in use. */
  call: (api: ApiPromise) => Call;
  /** Mortality in blocks, a power of two from 4 to 4096. */
  eraPeriod: number;
  tipRao: bigint;
  deadlineMs: number;
  /** Awaited between signing and sending. */
  onSigned?: ((sent: SentExtrinsic) => Promise<void>) | undefined;
}

interface Included {
  block: BlockRef;
  extrinsicHash: string;
  extrinsicIndex: number;
}

/** What became of an extrinsic. Only `unknown` leaves open whether it has had or will have an effect. */
export type SubmitOutcome =
  | ({ kind: 'included' } & Included)
  | ({ kind: 'failed'; failure: DispatchFailure } & Included)
  /** Refused by the pool. */
  | { kind: 'refused'; error: RpcError }
  /** Its era passed, on the finalised chain, without it. */
  | { kind: 'lapsed' }
  | { kind: 'unsent'; message: string }
  | { kind: 'unknown'; message: string };

const ALREADY_IMPORTED = 1013;
const FIRST_POLL_MS = 150;
const LONGEST_POLL_MS = 1_000;

// One queue per signer and process: two extrinsics that are signed at once would take the same nonce.
const queues = new Map<string, Promise<unknown>>();

function inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
  const before = queues.get(key) ?? Promise.resolve();
  const mine = before.then(work, work);
  queues.set(key, mine);
  const forget = (): void => {
    if (queues.get(key) === mine) queues.delete(key);
  };
  mine.then(forget, forget);
  return mine;
}

/**
 * Signs, sends and waits for inclusion in a block. Lost connections are made again while the deadline lasts: inclusion is
 * looked for in the blocks themselves, so that nothing depends on the connection that sent it.
 * @throws GenesisMismatch before anything is signed, and what `request.call` throws
 */
export async function submitExtrinsic(
  connection: ChainConnection,
  request: SubmitRequest,
): Promise<SubmitOutcome> {
  const deadline = Date.now() + request.deadlineMs;
  const sent = await inTurn(request.signer.ss58, () => signAndSend(connection, request));
  if (!('hash' in sent)) return sent;
  return watch(connection, sent, deadline);
}

/** Follows an extrinsic that was signed earlier: whether it is in a block, may still come, or never will. */
export function followExtrinsic(
  connection: ChainConnection,
  sent: SentExtrinsic,
  deadlineMs: number,
): Promise<SubmitOutcome> {
  return watch(connection, sent, Date.now() + deadlineMs);
}

async function signAndSend(
  connection: ChainConnection,
  request: SubmitRequest,
): Promise<SentExtrinsic | SubmitOutcome> {
  let prepared: Prepared;
  try {
    prepared = await connection.read(() => prepare(connection, request));
  } catch (error) {
    if (error instanceof ChainUnavailable) return { kind: 'unsent', message: error.message };
    throw error;
  }
  const { link, signed, birth } = prepared;
  const hash = signed.hash.toHex();
  const sent = { hash, birth: birth.number, death: birth.number + request.eraPeriod };
  await request.onSigned?.(sent);
  try {
    await link.socket.send('author_submitExtrinsic', [signed.toHex()]);
  } catch (error) {
    if (error instanceof RpcError && error.code !== ALREADY_IMPORTED) return { kind: 'refused', error };
    // Already imported is as good as sent; when the answer was lost, the chain will tell whether it arrived.
    if (!(error instanceof RpcError || error instanceof ChainUnavailable)) throw error;
  }
  return sent;
}

interface Prepared {
  link: Link;
  signed: Signed;
  birth: BlockRef;
}

async function prepare(connection: ChainConnection, request: SubmitRequest): Promise<Prepared> {
  const link = await freshLink(connection);
  const birth = await eraBirth(link, request.eraPeriod);
  // Counts what waits in the pool as well.
  const nonce = await link.socket.send<number>('system_accountNextIndex', [request.signer.ss58]);
  return { link, signed: sign(link.api, request, birth, nonce), birth };
}

/** A link whose metadata is that of the node's present runtime, since a signature names the runtime's version. */
async function freshLink(connection: ChainConnection): Promise<Link> {
  const link = await connection.get();
  const now = await link.socket.send<{ specVersion: number }>('state_getRuntimeVersion', []);
  if (now.specVersion === link.api.runtimeVersion.specVersion.toNumber()) return link;
  await connection.renew();
  return connection.get();
}

// The finalised head cannot be re-orged away, which would void the signature, but costs the blocks that finality lags
// behind; where that is half of the era, the best block is the better choice.
async function eraBirth(link: Link, period: number): Promise<BlockRef> {
  const [best, finalized] = [await bestBlock(link), await finalizedBlock(link)];
  return best.number - finalized.number <= period / 4 ? finalized : best;
}

function sign(api: ApiPromise, request: SubmitRequest, birth: BlockRef, nonce: number): Signed {
  const { signer, eraPeriod } = request;
  const era = api.registry.createType('ExtrinsicEra', { current: birth.number, period: eraPeriod });
  const pair = {
    address: signer.ss58,
    addressRaw: signer.publicKey,
    publicKey: signer.publicKey,
    // MultiSignature: the byte 1 names sr25519.
    sign: (payload: Uint8Array) =>
      Buffer.concat([Buffer.of(1), Buffer.from(signer.sign(payload).slice(2), 'hex')]) as Uint8Array,
  } as unknown as IKeyringPair;
  return request.call(api).sign(pair, {
    era,
    blockHash: birth.hash,
    genesisHash: api.genesisHash,
    nonce,
    runtimeVersion: api.runtimeVersion,
    signedExtensions: api.registry.signedExtensions,
    tip: request.tipRao,
  });
}

async function watch(
  connection: ChainConnection,
  sent: SentExtrinsic,
  deadline: number,
): Promise<SubmitOutcome> {
  const scanned = new Set<string>();
  let lastTrouble = '';
  for (let pause = FIRST_POLL_MS; ; pause = Math.min(LONGEST_POLL_MS, pause * 1.3)) {
    try {
      const link = await connection.get();
      const found = await scan(link, sent, scanned);
      if (found) {
        const events = await eventsOf(link, found.block.hash, found.extrinsicIndex);
        const failure = await failureIn(link, found.block.hash, events);
        return failure ? { kind: 'failed', failure, ...found } : { kind: 'included', ...found };
      }
      // With the last possible block final and searched, the extrinsic can never be included any more.
      if ((await finalizedBlock(link)).number >= sent.death - 1) return { kind: 'lapsed' };
    } catch (error) {
      if (!(error instanceof ChainUnavailable || error instanceof RpcError)) throw error;
      lastTrouble = `; last trouble: ${error.message}`;
    }
    if (Date.now() + pause >= deadline) {
      return {
        kind: 'unknown',
        message: `extrinsic ${sent.hash} was not seen in a block within the deadline, and may still be included until block ${sent.death}${lastTrouble}`,
      };
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

// Walks back from the head to what was searched before, by parent hashes, so that blocks that a re-org brought in are
// searched as well. A block counts as searched only after all of its ancestors are.
async function scan(link: Link, sent: SentExtrinsic, scanned: Set<string>): Promise<Included | null> {
  const fresh: string[] = [];
  let block: (BlockRef & { parentHash: string }) | null = await bestBlock(link);
  while (block && block.number > sent.birth && !scanned.has(block.hash)) {
    const index = (await extrinsicHashes(link, block.hash))?.indexOf(sent.hash) ?? -1;
    if (index >= 0) {
      const { number, hash } = block;
      return { block: { number, hash }, extrinsicHash: sent.hash, extrinsicIndex: index };
    }
    fresh.push(block.hash);
    block = await headerOf(link, block.parentHash);
  }
  for (const hash of fresh) scanned.add(hash);
  return null;
}
