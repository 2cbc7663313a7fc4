/**
 * What FastAPI 0.110.3 with pydantic 2.14 made of requests to routes with the original's models: each is given to our
 * contracts, and must be taken with the same values or refused with the same body.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Request } from 'express';
import { z } from 'zod';
import { parseJsonBody } from '../../../api/body';
import { defineRoute } from '../../../api/route';
import { validateInput } from '../../../api/validate';
import { validatorBody, validatorPatchBody } from '../../../domain/contracts/admin';
import { checkpointBody } from '../../../domain/contracts/checkpoints';
import { clampedInt, pageQuery } from '../../../domain/contracts/common';
import { feedbackQuery } from '../../../domain/contracts/feedback';
import { toolCallRequestSchema } from '../../../domain/contracts/ledger';
import { claimRequestSchema, resultRequestSchema } from '../../../domain/contracts/tasks';
import { HttpError } from '../../../domain/http-errors';

interface Vector {
  route: string;
  raw?: string;
  contentType?: string | null;
  query?: string;
  status: number;
  body: unknown;
}

const vectors = JSON.parse(readFileSync(join(__dirname, 'request-vectors.json'), 'utf8')) as Vector[];

const BODIES: Record<string, z.ZodType> = {
  claim: claimRequestSchema,
  result: resultRequestSchema,
  add: validatorBody,
  patch: validatorPatchBody,
  tool: toolCallRequestSchema,
  ckpt: checkpointBody,
};
const QUERIES: Record<string, z.ZodObject> = {
  page: pageQuery,
  clamped: z.object({ limit: clampedInt({ min: 1, max: 200, fallback: 50 }) }),
  feedback: feedbackQuery,
};

/** Where we differ on purpose, by `route raw` or `route query`. */
const DIFFERENT: Record<string, string> = {
  [`add {"hotkey": "${'\\ud83d\\ude00'.repeat(39)}"}`]:
    'lengths count UTF-16 units: no hotkey has other characters',
  'clamped limit=-5': 'clamping is part of our contract, and of the handler there',
  'clamped limit=9999': 'clamping is part of our contract, and of the handler there',
};

function answerOf({ route, raw, contentType, query }: Vector): { status: number; body: unknown } {
  const body = BODIES[route];
  const contract = {
    method: 'post' as const,
    path: '/x',
    auth: 'public' as const,
    summary: '',
    tags: [],
    request: body ? { body } : { query: QUERIES[route] as z.ZodObject },
    responses: {},
  };
  const declared = defineRoute<z.ZodObject, z.ZodObject, z.ZodType>(contract, () => null);
  const lists = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(query)) {
    lists.set(name, [...(lists.get(name) ?? []), value]);
  }
  const req = {
    headers: contentType ? { 'content-type': contentType } : {},
    params: {},
    query: Object.fromEntries([...lists].map(([name, all]) => [name, all.length > 1 ? all : all[0]])),
  } as unknown as Request;
  try {
    const input = validateInput(declared, req, body ? parseJsonBody(req, Buffer.from(raw ?? '')) : undefined);
    return { status: 200, body: body ? input.body : input.query };
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    return { status: error.status, body: { detail: error.detail } };
  }
}

/** The original fills absent fields with null, and has not our additions. */
function sameValues(recorded: unknown, ours: unknown): unknown {
  if (recorded === null || typeof recorded !== 'object' || Array.isArray(recorded)) return ours;
  return Object.fromEntries(
    Object.keys(recorded).map((name) => [name, (ours as Record<string, unknown>)[name] ?? null]),
  );
}

describe('requests are read as the original reads them', () => {
  const names = vectors.map((vector) => `${vector.route} ${vector.raw ?? vector.query}`);
  it.each(
    vectors.map((vector, index) => [names[index] as string, vector.contentType ?? '-', vector] as const),
  )('%s (%s)', (name, _type, vector) => {
    if (DIFFERENT[name] !== undefined) return;
    const ours = answerOf(vector);
    const body = vector.status === 200 ? sameValues(vector.body, ours.body) : ours.body;
    expect({ status: ours.status, body }).toEqual({ status: vector.status, body: vector.body });
  });

  it('but for what is listed, and nothing is listed in vain', () => {
    expect(Object.keys(DIFFERENT).filter((name) => !names.includes(name))).toEqual([]);
  });
});
