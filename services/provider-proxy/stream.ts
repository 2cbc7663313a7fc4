import { once } from 'node:events';
import type { Response } from 'express';
import { LlmError, type RawChatStream } from '../../adapters/llm';
import { HttpError } from '../../domain/http-errors';
import type { TokenUsage } from '../../domain/pricing/cost';
import { requireLedger, type ProxyDeps } from './accounting';
import type { Caller } from './auth';
import { close, fail, guessUsage, hold, upstreamError, type AskedCall, type HeldCall } from './call';

/** Ledger's error code of a stream whose caller left before its usage was known. */
export const CLIENT_DISCONNECTED = 'client_disconnected';

type Chunk = Record<string, unknown>;

/**
 * Answers a call as server-sent events. The worst-case price is held before the vendor is called, and the last chunk
 * leaves only after the ledger has the call, so that a stream which ended well is always accounted for.
 *
 * When the caller leaves, the stream is still read for a short while, because the vendor tells the usage at its end.
 * If it takes longer, the vendor is cut off and the whole hold is charged: the use is unknown then, and leaving just
 * before the end must not be cheaper than staying.
 *
 * A vendor's failure on the way is told in an `error` event; what had come until then is charged by its size.
 * @throws HttpError before the first byte only
 */
export async function streamCall(
  caller: Caller,
  asked: AskedCall,
  wantsUsage: boolean,
  res: Response,
  deps: ProxyDeps,
): Promise<void> {
  await requireLedger(caller.job, deps);
  const held = await hold(caller, asked, deps);
  const { head, bounded, timeoutMs } = held;
  const { provider, model } = head;
  const startedAt = performance.now();
  let stream: RawChatStream;
  try {
    stream = await deps.llm.chatStream({ provider, model, payload: bounded.payload, timeoutMs });
  } catch (error) {
    throw await fail(held, error, performance.now() - startedAt, deps);
  }
  const reader = new Reader(res, stream, deps.config.disconnectGraceSeconds * 1000, timeoutMs);
  const failure = await reader.read();
  const latencyMs = performance.now() - startedAt;
  try {
    await settleStream(held, reader, failure, latencyMs, deps);
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    reader.endWithError(error);
    return;
  }
  if (failure) reader.endWithError(upstreamError(failure));
  else reader.end(wantsUsage);
}

async function settleStream(
  held: HeldCall,
  reader: Reader,
  failure: LlmError | null,
  latencyMs: number,
  deps: ProxyDeps,
): Promise<void> {
  const { provider, model } = held.head;
  const reported = reader.usage();
  if (!failure) {
    if (!reported) {
      deps.logger.warn('a vendor did not say what a call used; it is guessed', { provider, model });
    }
    const usage = reported ?? guessUsage(held.bounded, reader.outputTokens());
    await close(held, usage, { errorCode: null, latencyMs }, deps);
    return;
  }
  const guess = guessUsage(held.bounded, reader.outputTokens());
  const usage: TokenUsage = {
    ...guess,
    ...reported,
    completionTokens: Math.max(guess.completionTokens, reported?.completionTokens ?? 0),
  };
  const cutOff = reader.wasCutOff();
  if (!cutOff) {
    deps.logger.warn('a stream broke off', {
      job_id: held.head.jobId,
      provider,
      model,
      kind: failure.kind,
      reason: failure.message,
    });
  }
  const outcome = cutOff
    ? { errorCode: CLIENT_DISCONNECTED, latencyMs, costMicroUsd: held.worstMicroUsd }
    : { errorCode: failure.kind, latencyMs };
  await close(held, usage, outcome, deps);
}

/** Passes a stream on to a caller, and keeps its end back. */
class Reader {
  private readonly last: Chunk[] = [];
  private usageChunk: Chunk | null = null;
  private characters = 0;
  private pieces = 0;
  private gone = false;
  private cutOff = false;

  constructor(
    private readonly res: Response,
    private readonly stream: RawChatStream,
    private readonly graceMs: number,
    private readonly timeoutMs: number,
  ) {}

  /** Reads the stream to its end, whether or not the caller stays. Returns what broke it off, or null. */
  async read(): Promise<LlmError | null> {
    const { res, stream } = this;
    let grace: NodeJS.Timeout | undefined;
    const onClose = () => {
      this.gone = true;
      grace = setTimeout(() => {
        this.cutOff = true;
        stream.stop();
      }, this.graceMs);
    };
    if (res.destroyed) onClose();
    else res.once('close', onClose);
    const deadline = AbortSignal.timeout(this.timeoutMs);
    try {
      if (!this.gone) {
        res.writeHead(200, {
          'content-type': 'text/event-stream; charset=utf-8',
          'cache-control': 'no-store',
          'x-accel-buffering': 'no',
        });
        res.flushHeaders();
      }
      for await (const chunk of stream.chunks) {
        this.tally(chunk);
        if (!this.gone) await this.pass(chunk, deadline);
      }
      return null;
    } catch (error) {
      if (error instanceof LlmError) return error;
      throw error;
    } finally {
      res.off('close', onClose);
      clearTimeout(grace);
      stream.stop();
    }
  }

  usage(): TokenUsage | null {
    return this.stream.usage();
  }

  wasCutOff(): boolean {
    return this.cutOff;
  }

  /** Tokens that have come, by their size: four characters to one, and no fewer than one to a piece. */
  outputTokens(): number {
    return Math.max(1, this.pieces, Math.ceil(this.characters / 4));
  }

  /** Lets the end of the answer go. */
  end(wantsUsage: boolean): void {
    if (this.gone) return;
    for (const chunk of this.last) this.write(chunk);
    if (wantsUsage && this.usageChunk) this.write(this.usageChunk);
    this.res.end('data: [DONE]\n\n');
  }

  /** Ends without the end of the answer. */
  endWithError(error: HttpError): void {
    if (this.gone) return;
    const code = error.extra.error_code ?? null;
    this.write({ error: { message: error.message, type: 'upstream_error', param: null, code } });
    this.res.end();
  }

  private tally(chunk: Chunk): void {
    const choices = Array.isArray(chunk.choices) ? (chunk.choices as { delta?: unknown }[]) : [];
    for (const { delta } of choices) {
      if (!delta || typeof delta !== 'object') continue;
      const before = this.characters;
      for (const [key, value] of Object.entries(delta)) {
        if (key !== 'role' && value) this.characters += lengthOf(value);
      }
      if (this.characters > before) this.pieces += 1;
    }
  }

  private async pass(chunk: Chunk, deadline: AbortSignal): Promise<void> {
    const { usage, ...rest } = chunk;
    const choices = Array.isArray(rest.choices) ? (rest.choices as { finish_reason?: unknown }[]) : [];
    if (usage) this.usageChunk = { ...rest, choices: [], usage };
    if (choices.length === 0) return;
    if (this.last.length > 0 || choices.some((choice) => choice.finish_reason)) {
      this.last.push(rest);
      return;
    }
    if (this.write(rest)) return;
    // A caller that does not read holds a place at the vendor, and may do so no longer than the call may take. It is
    // then treated as one that left, lest stalling be cheaper than reading.
    const enough = new AbortController();
    const signal = AbortSignal.any([deadline, enough.signal]);
    await Promise.race([once(this.res, 'drain', { signal }), once(this.res, 'close', { signal })]).catch(
      () => {
        this.gone = true;
        this.cutOff = true;
        this.res.destroy();
        this.stream.stop();
      },
    );
    enough.abort();
  }

  private write(value: object): boolean {
    return this.res.write(`data: ${JSON.stringify(value)}\n\n`);
  }
}

function lengthOf(value: unknown): number {
  return typeof value === 'string' ? value.length : (JSON.stringify(value)?.length ?? 0);
}
