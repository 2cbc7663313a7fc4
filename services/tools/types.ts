import type { Request } from 'express';
import type { z } from 'zod';
import type { Budgets } from '../../adapters/budget/keeper';
import type { JobIdentity } from '../../adapters/budget/ledger';
import type { Logger } from '../../adapters/logging';
import type { ToolName } from '../../domain/status';
import type { ListenConfig } from '../http';

/** What every tool service is configured with, beside its own settings. */
export interface ToolServiceConfig {
  listen: ListenConfig;
  databaseUrl: string;
  redisUrl: string;
  /** Signs job and deployment tokens. */
  jobTokenSecret: string;
  /** The owner's own bearer, and the key of the older per-job bearers; without it neither is accepted. */
  masterToken: string | undefined;
  budgets: Budgets;
  /** Calls that one job may make of this service. */
  maxRequestsPerJob: number;
}

/** The words that differ from service to service where clients of the original see them. */
export interface ToolServiceWords {
  /** Name in logs, metrics and the OpenAPI document, such as `url-fetch`. */
  name: string;
  /** Detail of a 401. */
  invalidToken: string;
  /** Detail of the 401 for a token past its time; made from `invalidToken` without one. */
  expiredToken?: string;
  /** Detail of the 400 for a bearer that needs a job id beside it. */
  missingJob: string;
  /** Detail of the 429 past `maxRequestsPerJob`. */
  quotaExceeded: (maxRequests: number) => string | object;
}

/** Who calls: the owner, who may name any job or none, or a job. */
export type Caller = { kind: 'owner'; job: JobIdentity | null } | { kind: 'job'; job: JobIdentity };

/** One admitted call, as a tool sees it. */
export interface ToolCall {
  /** Id of the ledger entry. */
  id: string;
  job: JobIdentity;
  /** Fires when the caller has gone or the call's time is over; the work may then be given up. */
  signal: AbortSignal;
  logger: Logger;
}

/** What a tool has to say of a call that was carried out. */
export interface ToolResult<B> {
  /** The answer. */
  body: B;
  /** What the ledger keeps of it, the answer itself unless given; written as canonical JSON, cut at 512 characters. */
  digest?: unknown;
  /** Why a call that is answered with 200 does not attest, such as an upstream 404; it is still charged. */
  failure?: string;
}

/**
 * A tool: one route, recorded under one name. The middleware around `run` authenticates, counts, holds the price,
 * records and settles; `run` does the work and nothing else. An HttpError that it throws is the answer and is recorded
 * as a failed call, free of charge; anything else is a 500 and is recorded too.
 */
export interface ToolDefinition<I = unknown, B = unknown> {
  name: ToolName;
  /** Path of the POST route. */
  path: string;
  /** Other paths of the same, for clients that were made for another layout. */
  aliases?: readonly string[];
  summary: string;
  request: z.ZodType<I>;
  response: z.ZodType<B>;
  /** Charged for a call that is carried out, in micro-USD; 0 charges nothing. */
  priceMicroUsd: number;
  /** Longest time that `run` may take, in seconds: then its signal fires, and the held price lapses a minute later. */
  maxSeconds: number;
  /** Statuses of its own refusals, for the OpenAPI document. */
  refusals?: Readonly<Record<number, string>>;
  /** What the ledger keeps of the arguments, the parsed body unless given; without large or secret parts. */
  loggedArgs?: (input: I) => Record<string, unknown>;
  run: (input: I, call: ToolCall) => Promise<ToolResult<B>>;
}

/** A route that is neither charged, counted nor recorded, such as the counters of a job. */
export interface SideRoute<I = unknown, B = unknown> {
  method: 'get' | 'post';
  /** Express path; parameters are described as strings. */
  path: string;
  summary: string;
  /** `job` needs a job, `owner` the master token, `either` takes both; `public` anybody. */
  access: 'job' | 'owner' | 'either' | 'public';
  request?: z.ZodType<I>;
  response: z.ZodType<B>;
  refusals?: Readonly<Record<number, string>>;
  handle: (context: { req: Request; caller: Caller; body: I }) => Promise<B>;
}

/** Gives a tool definition its types from its schemas. */
export function defineTool<I, B>(tool: ToolDefinition<I, B>): ToolDefinition {
  return tool as unknown as ToolDefinition;
}

/** Gives a side route its types from its schemas. */
export function defineRoute<I, B>(route: SideRoute<I, B>): SideRoute {
  return route as unknown as SideRoute;
}
