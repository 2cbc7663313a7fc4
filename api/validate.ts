import type { Request } from 'express';
import type { z } from 'zod';
import { fieldErrors, unprocessable } from '../domain/http-errors';
import type { FieldError } from '../domain/http-errors';
import type { Route } from './route';

export interface ValidInput {
  params: unknown;
  query: unknown;
  body: unknown;
}

/**
 * Validates path, query and body together, so that a client sees every fault at once.
 * @throws HttpError 422 with the list of field errors
 */
export function validateInput(route: Route, req: Request, body: unknown): ValidInput {
  const errors: FieldError[] = [];
  const { params, query, body: bodyContract } = route.contract.request ?? {};
  const check = (
    contract: z.ZodType | undefined,
    where: 'path' | 'query' | 'body',
    input: unknown,
  ): unknown => {
    if (!contract) return input;
    const parsed = contract.safeParse(input);
    if (parsed.success) return parsed.data;
    // `null` is what a body that was not sent looks like.
    if (where === 'body' && (input === undefined || input === null)) {
      errors.push({ type: 'missing', loc: ['body'], msg: 'Field required', input: null });
    } else if (where === 'body' && (typeof input !== 'object' || Array.isArray(input))) {
      errors.push({
        type: 'model_attributes_type',
        loc: ['body'],
        msg: 'Input should be a valid dictionary or object to extract fields from',
        input,
      });
    } else {
      errors.push(...wireErrors(parsed.error, where, input));
    }
    return undefined;
  };
  const valid = {
    params: check(params, 'path', pathValues(req.params)),
    query: check(query, 'query', lastValues(req.query)),
    body: check(bodyContract, 'body', body),
  };
  if (errors.length > 0) throw unprocessable(errors);
  return valid;
}

/** Field errors; a missing parameter has no input, while a missing field shows the body that lacks it. */
function wireErrors(error: z.ZodError, where: 'path' | 'query' | 'body', input: unknown): FieldError[] {
  return fieldErrors(error, where, input).map((fault) =>
    fault.type === 'missing' && where !== 'body' ? { ...fault, input: null } : fault,
  );
}

/** A wildcard comes as its components; here it is one text again. */
function pathValues(params: Record<string, string | string[]>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [name, Array.isArray(value) ? value.join('/') : value]),
  );
}

/** A repeated query parameter counts with its last value. */
function lastValues(query: Request['query']): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => [name, Array.isArray(value) ? value.at(-1) : value]),
  );
}

/** The query of a route that reads its body itself. @throws HttpError 422 */
export function queryOf<Q extends z.ZodObject>(contract: Q, req: Request): z.output<Q> {
  const input = lastValues(req.query);
  const parsed = contract.safeParse(input);
  if (!parsed.success) throw unprocessable(wireErrors(parsed.error, 'query', input));
  return parsed.data;
}
