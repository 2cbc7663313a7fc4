/**
 * Evidence piece by piece. A run's results make up nearly all of its evidence and are looked at one at a time, so neither
 * who writes it nor who checks it has to hold more of it in memory than one result and what is said about the run as a whole.
 */
import { canonicalJson } from './canonical';
import { EvidenceError, parseEvidence, parseResult } from './contract';
import type { ResultEvidence, RunEvidence } from './contract';

/** Evidence without its results: `results` of each family is empty. */
export type EvidenceHead = RunEvidence;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Containers around a result: the document, its families, one family, its results. */
const RESULTS_DEPTH = 4;

/** What the reader found: a result as it is written, and where. */
export type OnResult = (text: string, family: number, row: number) => void;

/**
 * Takes evidence apart as its bytes arrive.
 * @throws EvidenceError on what is not UTF-8; whether the rest is JSON shows when its parts are parsed
 */
export class EvidenceScanner {
  private readonly head: Uint8Array[] = [];
  private result: Uint8Array[] = [];
  /** Container openers around the current byte. */
  private readonly stack: number[] = [];
  private readonly keys: string[] = [];
  private string: Uint8Array[] | null = null;
  private escaped = false;
  private word = '';
  private inResults = false;
  private family = 0;
  private row = 0;

  constructor(private readonly onResult: OnResult) {}

  /** @param chunk is kept: it must not be written to again */
  push(chunk: Uint8Array): void {
    let from = 0;
    let stringFrom = 0;
    for (let i = 0; i < chunk.length; i += 1) {
      const byte = chunk[i] as number;
      if (this.string !== null) {
        if (this.escaped) this.escaped = false;
        else if (byte === BACKSLASH) this.escaped = true;
        else if (byte === QUOTE) {
          if (this.wantsKey()) this.word = decode([...this.string, chunk.subarray(stringFrom, i)]);
          this.string = null;
        }
        continue;
      }
      switch (byte) {
        case QUOTE:
          this.string = [];
          stringFrom = i + 1;
          break;
        case COLON:
          if (this.wantsKey()) this.keys[this.stack.length] = this.word;
          break;
        case OPEN_OBJECT:
        case OPEN_ARRAY:
          this.stack.push(byte);
          if (this.inFamilies()) this.family = 0;
          if (byte === OPEN_ARRAY && this.atResults()) {
            this.keep(chunk.subarray(from, i + 1));
            from = i + 1;
            this.inResults = true;
            this.row = 0;
          }
          break;
        case COMMA:
          if (this.inResults && this.stack.length === RESULTS_DEPTH) {
            this.keep(chunk.subarray(from, i));
            from = i + 1;
            this.emit();
          } else if (this.inFamilies()) this.family += 1;
          break;
        case CLOSE_OBJECT:
        case CLOSE_ARRAY:
          if (this.inResults && this.stack.length === RESULTS_DEPTH) {
            this.keep(chunk.subarray(from, i));
            from = i;
            if (this.row > 0 || this.result.some((piece) => piece.length > 0)) this.emit();
            this.inResults = false;
          }
          this.stack.pop();
          break;
      }
    }
    if (this.string !== null && this.wantsKey()) this.string.push(chunk.subarray(stringFrom));
    this.keep(chunk.subarray(from));
  }

  /** @returns the document with empty results, as it is written */
  end(): string {
    if (this.inResults) throw new EvidenceError('the evidence ends in the middle');
    return decode(this.head);
  }

  /** Only the keys of the document and of a family say where results are. */
  private wantsKey(): boolean {
    const depth = this.stack.length;
    return (depth === 1 || depth === 3) && this.stack[depth - 1] === OPEN_OBJECT;
  }

  private inFamilies(): boolean {
    const [document, families] = this.stack;
    return (
      this.stack.length === 2 &&
      document === OPEN_OBJECT &&
      families === OPEN_ARRAY &&
      this.keys[1] === 'families'
    );
  }

  private atResults(): boolean {
    const [document, families, family] = this.stack;
    return (
      this.stack.length === RESULTS_DEPTH &&
      document === OPEN_OBJECT &&
      families === OPEN_ARRAY &&
      family === OPEN_OBJECT &&
      this.keys[1] === 'families' &&
      this.keys[3] === 'results'
    );
  }

  private keep(piece: Uint8Array): void {
    (this.inResults ? this.result : this.head).push(piece);
  }

  private emit(): void {
    this.onResult(decode(this.result), this.family, this.row);
    this.result = [];
    this.row += 1;
  }
}

/** A document or a part of it, parsed and as it was written. */
export interface Read<T> {
  /** checked against the contract */
  value: T;
  /** as parsed, before the contract was applied */
  json: unknown;
}

/** @param text as `EvidenceScanner.end` gives it. @throws EvidenceError */
export function readHead(text: string): Read<EvidenceHead> {
  const json = parse(text);
  const value = parseEvidence(json);
  if (value.families.some((family) => family.results.length > 0)) {
    throw new EvidenceError('the evidence is not canonical JSON: its keys are written with escapes');
  }
  return { value, json };
}

/** @param text of one result. @throws EvidenceError */
export function readResult(text: string, family: number, row: number): Read<ResultEvidence> {
  const json = parse(text);
  return { value: parseResult(json, `families.${family}.results.${row}`), json };
}

/**
 * The canonical text of evidence around its results: with the results of family `n`, canonical and joined by commas,
 * between piece `n` and piece `n + 1`, it is the canonical text of the whole.
 * @param head as parsed, so that nothing is left out that stands in it
 */
export function evidenceFrame(head: EvidenceHead): string[] {
  const { families, ...rest } = head;
  const pieces: string[] = [];
  let text = '{"families":[';
  families.forEach(({ results: _results, ...family }, index) => {
    const before = Object.entries(family).filter(([key]) => key < 'results');
    const after = Object.entries(family).filter(([key]) => key > 'results');
    text += `${index > 0 ? ',' : ''}${canonicalJson(Object.fromEntries(before)).slice(0, -1)},"results":[`;
    pieces.push(text);
    text = `],${canonicalJson(Object.fromEntries(after)).slice(1)}`;
  });
  pieces.push(`${text}],${canonicalJson(rest).slice(1)}`);
  return pieces;
}

function decode(pieces: readonly Uint8Array[]): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(pieces));
  } catch {
    throw new EvidenceError('the evidence is not JSON in UTF-8');
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new EvidenceError('the evidence is not JSON in UTF-8');
  }
}
