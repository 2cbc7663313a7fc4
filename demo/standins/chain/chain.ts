import { EventEmitter } from 'node:events';
import { compactToU8a, hexToU8a, u8aConcat, u8aToHex } from '@polkadot/util';
import { blake2AsHex, blake2AsU8a } from '@polkadot/util-crypto';
import { readAccount } from './balances';
import type { Emit } from './balances';
import { revealTimelocked } from './commits';
import { renewPermits } from './stake';
import { applyExtrinsic, checkState, unsupportedCall } from './execute';
import {
  ANCIENT,
  BAD_PROOF,
  FUTURE,
  hasValidSignature,
  invalid,
  parseExtrinsic,
  PoolError,
  STALE,
} from './extrinsic';
import type { SignedExtrinsic } from './extrinsic';
import { genesisJson, parseGenesis, writeGenesis } from './genesis';
import type { Genesis } from './genesis';
import type { Journal, JournalContent } from './journal';
import type { Runtime } from './runtime';
import { StateDb } from './state';

export interface Block {
  number: number;
  hash: string;
  parentHash: string;
  stateRoot: string;
  extrinsicsRoot: string;
  /** Milliseconds since the epoch. */
  time: number;
  /** Signed extrinsics; the time-setting one that precedes them is built on demand. */
  signed: string[];
}

export type TxStatus = 'future' | 'ready' | 'invalid' | { inBlock: string } | { finalized: string };

// Blocks whose hashes an era may be anchored to.
const BLOCK_HASH_COUNT = 2_400;
const ZERO_HASH = `0x${'00'.repeat(32)}`;

interface ChainEvents {
  head: [Block];
  finalized: [Block];
  status: [string, TxStatus];
}

/** The chain itself: state, pool, block production and finality, without any network. */
export class Chain extends EventEmitter<ChainEvents> {
  readonly db = new StateDb();
  readonly genesis: Genesis;
  private readonly blocks: Block[] = [];
  private readonly numberOf = new Map<string, number>();
  /** Blocks whose events are stored, since more happened than that time went on. */
  private readonly eventful = new Set<number>();
  private pool: SignedExtrinsic[] = [];
  private finalizedNumber = 0;
  private readonly emptyEvents: string;
  private readonly computed: { events: string; now: string; number: string };

  /**
   * @param content what the journal holds; its genesis wins, and must equal the given one when both are there
   * @throws Error when neither names a genesis, both differ, or the journal does not reproduce its own hashes
   */
  constructor(
    public runtime: Runtime,
    private readonly options: {
      genesis?: unknown;
      finalityLag: number;
      journal: Journal | null;
      content: JournalContent;
    },
  ) {
    super();
    const given = options.genesis === undefined ? null : parseGenesis(options.genesis);
    const recorded =
      options.content.genesis === null ? null : parseGenesis(JSON.parse(options.content.genesis));
    if (given && recorded && genesisJson(given) !== genesisJson(recorded)) {
      throw new Error(
        'the data folder holds a chain of another genesis: give another folder, or remove it to start anew',
      );
    }
    const genesis = recorded ?? given;
    if (!genesis) throw new Error('a new chain needs a genesis: give a genesis file');
    this.genesis = genesis;
    this.computed = {
      events: runtime.item('system', 'events').key(),
      now: runtime.item('timestamp', 'now').key(),
      number: runtime.item('system', 'number').key(),
    };
    this.emptyEvents = u8aToHex(u8aConcat(compactToU8a(1), this.timestampEvent()));
    writeGenesis(runtime, this.db, genesis);
    const stateRoot = blake2AsHex(JSON.stringify(this.db.seal(0)));
    this.push({
      number: 0,
      parentHash: ZERO_HASH,
      stateRoot,
      extrinsicsRoot: ZERO_HASH,
      time: 0,
      signed: [],
    });
    if (!recorded) options.journal?.writeGenesis(genesisJson(genesis));
    for (const line of options.content.blocks) this.replay(line);
    this.finalizedNumber = Math.max(0, this.best.number - options.finalityLag);
  }

  get best(): Block {
    return this.blocks[this.blocks.length - 1] as Block;
  }
  get finalized(): Block {
    return this.blocks[this.finalizedNumber] as Block;
  }
  get genesisHash(): string {
    return (this.blocks[0] as Block).hash;
  }
  blockAt(number: number): Block | null {
    return this.blocks[number] ?? null;
  }
  /** @param hash the best block without one; null for a hash that this chain does not have */
  block(hash?: string | null): Block | null {
    if (!hash) return this.best;
    const number = this.numberOf.get(hash.toLowerCase());
    return number === undefined ? null : this.blockAt(number);
  }

  /**
   * Takes the newest block back, as when another branch wins: its extrinsics wait in the pool again, unless they are lost.
   * @throws Error for a block that is final, and on a chain that is kept on disk
   */
  reorganise(lose = false): void {
    const { best } = this;
    if (best.number <= this.finalizedNumber) throw new Error(`block ${best.number} is final`);
    if (this.options.journal) throw new Error('a chain that is kept on disk cannot be re-organised');
    this.blocks.pop();
    this.numberOf.delete(best.hash);
    this.eventful.delete(best.number);
    this.db.revert(best.number);
    if (!lose) this.pool = [...best.signed.map((hex) => parseExtrinsic(this.runtime, hex)), ...this.pool];
  }

  /** Runs on another runtime from now on; what was signed for the old one no longer fits. */
  upgrade(runtime: Runtime): void {
    if (this.options.journal) throw new Error('a chain that is kept on disk keeps its runtime');
    this.runtime = runtime;
    for (const extrinsic of this.pool) this.drop(extrinsic);
  }

  /** How many blocks finality is behind the head from now on; what is final stays final. */
  setFinalityLag(lag: number): void {
    this.options.finalityLag = lag;
    this.advanceFinality();
  }

  /** Raw value of a storage key after a block, null when there is none. */
  storageAt(key: string, block: Block): string | null {
    const k = key.toLowerCase();
    if (k === this.computed.number) return this.runtime.item('system', 'number').encode(block.number);
    if (k === this.computed.now) return this.runtime.item('timestamp', 'now').encode(block.time);
    // Blocks without signed extrinsics all have the same events, which are not stored over and over.
    if (k === this.computed.events && !this.eventful.has(block.number))
      return block.number === 0 ? null : this.emptyEvents;
    return this.db.getAt(k, block.number);
  }

  /** All extrinsics of a block as hex, the time first as in every block of the real chain. */
  extrinsicsOf(block: Block): string[] {
    return block.number === 0 ? [] : [this.runtime.timestampExtrinsic(block.time), ...block.signed];
  }

  /** Nonce that the next extrinsic of an account needs, those in the pool counted. */
  nextNonce(address: string): number {
    let nonce = readAccount(this.runtime, this.db, address).nonce;
    while (this.pool.some((x) => x.signer === address && x.nonce === nonce)) nonce += 1;
    return nonce;
  }

  /**
   * Takes an extrinsic into the pool.
   * @returns its hash and whether it waits for an earlier nonce
   * @throws PoolError as a real node would refuse it
   */
  submit(hex: string): { hash: string; status: 'ready' | 'future' } {
    const extrinsic = parseExtrinsic(this.runtime, hex);
    if (this.pool.some((x) => x.hash === extrinsic.hash))
      throw new PoolError(1013, 'Transaction Already Imported', extrinsic.hash);
    const unsupported = unsupportedCall(extrinsic.call);
    if (unsupported)
      throw new PoolError(1002, `Verification Error: this development chain does not execute ${unsupported}`);
    const nonce = readAccount(this.runtime, this.db, extrinsic.signer).nonce;
    this.checkOrigin(extrinsic, nonce);
    checkState(this.runtime, this.db, extrinsic, this.best.number);
    const rival = this.pool.find((x) => x.signer === extrinsic.signer && x.nonce === extrinsic.nonce);
    if (rival) {
      if (rival.tip >= extrinsic.tip) {
        const data =
          'The transaction has too low priority to replace another transaction already in the pool.';
        throw new PoolError(1014, `Priority is too low: (${rival.tip} vs ${extrinsic.tip})`, data);
      }
      this.drop(rival);
    }
    const ready = this.nextNonce(extrinsic.signer) >= extrinsic.nonce;
    this.pool.push(extrinsic);
    return { hash: extrinsic.hash, status: ready ? 'ready' : 'future' };
  }

  /** Hex of the extrinsics that wait in the pool. */
  pending(): string[] {
    return this.pool.map((x) => x.hex);
  }

  /** Builds the next block from the pool, journals it, and announces it. */
  produce(timeMs = Date.now(), fromPool = true): Block {
    const number = this.best.number + 1;
    // Another branch has other hashes, which the time alone makes sure of.
    // Block time never runs backwards, also when the machine's clock does.
    const time = Math.max(timeMs, this.best.time + 1);
    const included: SignedExtrinsic[] = [];
    const events: Buffer[] = this.beforeExtrinsics(number, time);
    for (let again = fromPool; again;) {
      again = false;
      for (const extrinsic of [...this.pool]) {
        const nonce = readAccount(this.runtime, this.db, extrinsic.signer).nonce;
        if (extrinsic.nonce > nonce) continue;
        try {
          this.checkOrigin(extrinsic, nonce);
          checkState(this.runtime, this.db, extrinsic, this.best.number);
        } catch (error) {
          if (!(error instanceof PoolError)) throw error;
          this.drop(extrinsic);
          continue;
        }
        this.pool = this.pool.filter((x) => x !== extrinsic);
        events.push(
          ...applyExtrinsic(this.runtime, this.db, extrinsic, { index: included.length + 1, block: number }),
        );
        included.push(extrinsic);
        again = true;
      }
    }
    const block = this.sealBlock(number, time, included, events);
    const line = { n: number, t: time };
    this.options.journal?.writeBlock(
      included.length > 0 ? { ...line, x: included.map((x) => x.hex), h: block.hash } : line,
    );
    // Nonces that a gap or a lapsed era keeps from ever becoming valid must not stay in the pool for ever.
    for (const extrinsic of this.pool) if (this.hasLapsed(extrinsic)) this.drop(extrinsic);
    this.emit('head', block);
    for (const { hash } of included) this.emit('status', hash, { inBlock: block.hash });
    this.advanceFinality();
    return block;
  }

  private replay(line: { n: number; t: number; x?: string[]; h?: string }): void {
    const expected = this.best.number + 1;
    if (line.n !== expected)
      throw new Error(`the journal has block ${line.n} where ${expected} was expected`);
    const included = (line.x ?? []).map((hex) => parseExtrinsic(this.runtime, hex));
    const events = this.beforeExtrinsics(line.n, line.t);
    included.forEach((extrinsic, i) =>
      events.push(...applyExtrinsic(this.runtime, this.db, extrinsic, { index: i + 1, block: line.n })),
    );
    const block = this.sealBlock(line.n, line.t, included, events);
    if (line.h && line.h !== block.hash) {
      throw new Error(
        `block ${line.n} of the journal does not reproduce its hash: it was written by another version`,
      );
    }
  }

  /** What the runtime does at the start of a block. @returns the records of its events */
  private beforeExtrinsics(block: number, timeMs: number): Buffer[] {
    const events: Buffer[] = [];
    const emit: Emit = (pallet, name, fields) =>
      events.push(this.runtime.eventRecord(null, pallet, name, fields));
    const { netuid } = this.genesis;
    renewPermits(this.runtime, this.db, { netuid, block });
    revealTimelocked(this.runtime, this.db, emit, { netuid, block, seconds: Math.floor(timeMs / 1000) });
    return events;
  }

  private sealBlock(number: number, time: number, included: SignedExtrinsic[], events: Buffer[]): Block {
    if (included.length > 0 || events.length > 0) {
      this.eventful.add(number);
      const records = [Buffer.from(this.timestampEvent()), ...events];
      this.db.set(this.computed.events, u8aToHex(u8aConcat(compactToU8a(records.length), ...records)));
    }
    const changes = this.db.seal(number);
    const parent = this.best;
    const stateRoot =
      changes.length === 0 ? parent.stateRoot : blake2AsHex(parent.stateRoot + JSON.stringify(changes));
    const extrinsicsRoot = blake2AsHex(
      u8aConcat(compactToU8a(time), ...included.map((x) => hexToU8a(x.hash))),
    );
    const signed = included.map((x) => x.hex);
    return this.push({ number, parentHash: parent.hash, stateRoot, extrinsicsRoot, time, signed });
  }

  private push(block: Omit<Block, 'hash'>): Block {
    // The SCALE header: parent, number, both roots and an empty digest.
    const header = u8aConcat(
      hexToU8a(block.parentHash),
      compactToU8a(block.number),
      hexToU8a(block.stateRoot),
      hexToU8a(block.extrinsicsRoot),
      Uint8Array.of(0),
    );
    const full = { ...block, hash: u8aToHex(blake2AsU8a(header)) };
    this.blocks.push(full);
    this.numberOf.set(full.hash, full.number);
    return full;
  }

  private timestampEvent(): Buffer {
    const info = { weight: { refTime: 1_000_000, proofSize: 1_000 }, class: 'Mandatory', paysFee: 'Yes' };
    return this.runtime.eventRecord(0, 'system', 'ExtrinsicSuccess', [info]);
  }

  // Nonce, era and signature: what does not depend on what the call does.
  private checkOrigin(extrinsic: SignedExtrinsic, nonce: number): void {
    if (extrinsic.nonce < nonce) throw invalid(STALE);
    if (extrinsic.nonce > nonce + 64) throw invalid(FUTURE);
    const now = this.best.number;
    const birth = extrinsic.birth(now);
    if (birth !== null && now - birth >= BLOCK_HASH_COUNT) throw invalid(ANCIENT);
    // A lapsed era resolves to a later birth block, so that the signature no longer fits, as on the real chain.
    const birthHash = (birth === null ? this.blockAt(0) : this.blockAt(birth))?.hash;
    if (!birthHash) throw invalid(ANCIENT);
    if (!hasValidSignature(this.runtime, extrinsic, { genesisHash: this.genesisHash, birthHash }))
      throw invalid(BAD_PROOF);
  }

  private hasLapsed(extrinsic: SignedExtrinsic): boolean {
    try {
      const nonce = readAccount(this.runtime, this.db, extrinsic.signer).nonce;
      this.checkOrigin(extrinsic, Math.min(nonce, extrinsic.nonce));
      return extrinsic.nonce < nonce;
    } catch {
      // Any refusal of the origin is final for these bytes.
      return true;
    }
  }

  private drop(extrinsic: SignedExtrinsic): void {
    this.pool = this.pool.filter((x) => x !== extrinsic);
    this.emit('status', extrinsic.hash, 'invalid');
  }

  private advanceFinality(): void {
    const target = Math.max(this.finalizedNumber, this.best.number - this.options.finalityLag);
    while (this.finalizedNumber < target) {
      this.finalizedNumber += 1;
      const block = this.finalized;
      this.emit('finalized', block);
      for (const hex of block.signed)
        this.emit('status', blake2AsHex(hexToU8a(hex)), { finalized: block.hash });
    }
  }
}
