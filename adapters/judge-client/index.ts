import { Agent, request } from 'undici';
import { z } from 'zod';
import {
  compositeResponseSchema,
  evalResponseSchema,
  judgeHealthSchema,
  multiResponseSchema,
  pairwiseResponseSchema,
  type CompositeRequestInput,
  type CompositeResponse,
  type EvalRequestInput,
  type EvalResponse,
  type JudgeHealth,
  type MultiRequestInput,
  type MultiResponse,
  type PairwiseRequestInput,
  type PairwiseResponse,
} from '../../domain/contracts/judge';

export interface JudgeClientConfig {
  /** Base address of the judge service (`EIREL_JUDGE_SERVICE_URL`). */
  baseUrl: string;
  /** Deadline of one call, milliseconds. */
  timeoutMs: number;
}

/** Which of the judge's routes. */
export type JudgeRole = 'pairwise' | 'multi' | 'eval' | 'composite' | 'health';

/**
 * The judge gave no usable judgement. Nothing is known about the answer then, so no score may be made without it
 * (decision 12). `retryable` is false where the same request can only be refused again.
 */
export class JudgeUnavailable extends Error {
  override readonly name = 'JudgeUnavailable';
  constructor(
    readonly role: JudgeRole,
    readonly outcome: 'unreachable' | 'timeout' | 'http_error' | 'malformed',
    readonly retryable: boolean,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The judge service by its routes; every method makes one attempt and throws `JudgeUnavailable` or the signal's reason. */
export class JudgeClient {
  private readonly agent = new Agent({ connect: { timeout: 10_000 }, headersTimeout: 0, bodyTimeout: 0 });
  private readonly baseUrl: string;

  constructor(private readonly config: JudgeClientConfig) {
    this.baseUrl = config.baseUrl.replace(/\/+$/, '');
  }

  pairwise(body: PairwiseRequestInput, signal?: AbortSignal): Promise<PairwiseResponse> {
    return this.post('pairwise', '/v1/judge/pairwise', body, pairwiseResponseSchema, signal);
  }

  multi(body: MultiRequestInput, signal?: AbortSignal): Promise<MultiResponse> {
    return this.post('multi', '/v1/judge/multi', body, multiResponseSchema, signal);
  }

  evaluate(body: EvalRequestInput, signal?: AbortSignal): Promise<EvalResponse> {
    return this.post('eval', '/v1/judge/eval', body, evalResponseSchema, signal);
  }

  composite(body: CompositeRequestInput, signal?: AbortSignal): Promise<CompositeResponse> {
    return this.post('composite', '/v1/judge/eval/composite', body, compositeResponseSchema, signal);
  }

  /** Name of the model that judges. */
  health(signal?: AbortSignal): Promise<JudgeHealth> {
    return this.call('health', 'GET', '/healthz', undefined, judgeHealthSchema, signal);
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private post<T extends z.ZodType>(
    role: JudgeRole,
    path: string,
    body: unknown,
    answer: T,
    signal?: AbortSignal,
  ): Promise<z.output<T>> {
    return this.call(role, 'POST', path, JSON.stringify(body), answer, signal);
  }

  private async call<T extends z.ZodType>(
    role: JudgeRole,
    method: 'GET' | 'POST',
    path: string,
    body: string | undefined,
    answer: T,
    outer?: AbortSignal,
  ): Promise<z.output<T>> {
    outer?.throwIfAborted();
    const timeout = AbortSignal.timeout(this.config.timeoutMs);
    let status: number;
    let text: string;
    try {
      const response = await request(`${this.baseUrl}${path}`, {
        dispatcher: this.agent,
        method,
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
        body: body ?? null,
        signal: outer ? AbortSignal.any([outer, timeout]) : timeout,
      });
      status = response.statusCode;
      text = await response.body.text();
    } catch (error) {
      outer?.throwIfAborted();
      throw this.unreached(role, error, timeout.aborted);
    }
    if (status < 200 || status > 299) throw this.refused(role, status, text);
    return this.parse(role, answer, text);
  }

  private unreached(role: JudgeRole, error: unknown, timedOut: boolean): JudgeUnavailable {
    if (timedOut) {
      const seconds = this.config.timeoutMs / 1000;
      return new JudgeUnavailable(
        role,
        'timeout',
        true,
        `the judge gave no ${role} answer within ${seconds} s`,
      );
    }
    const code = (error as { code?: unknown }).code;
    const why = typeof code === 'string' ? code : (error as Error).message;
    return new JudgeUnavailable(
      role,
      'unreachable',
      true,
      `the judge at ${this.baseUrl} was not reached (${why}); check EIREL_JUDGE_SERVICE_URL and that it runs`,
      { cause: error },
    );
  }

  private refused(role: JudgeRole, status: number, text: string): JudgeUnavailable {
    // 408 and 429 pass, every 5xx may; any other 4xx says that this very request is wrong.
    const retryable = status >= 500 || status === 408 || status === 429;
    return new JudgeUnavailable(
      role,
      'http_error',
      retryable,
      `the judge answered ${role} with HTTP ${status}: ${text.slice(0, 300)}`,
    );
  }

  private parse<T extends z.ZodType>(role: JudgeRole, answer: T, text: string): z.output<T> {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new JudgeUnavailable(
        role,
        'malformed',
        true,
        `the judge answered ${role} with something that is not JSON`,
      );
    }
    const parsed = answer.safeParse(value);
    if (parsed.success) return parsed.data;
    const issue = z.prettifyError(parsed.error).slice(0, 300);
    throw new JudgeUnavailable(
      role,
      'malformed',
      true,
      `the judge's ${role} answer is out of contract: ${issue}`,
    );
  }
}
