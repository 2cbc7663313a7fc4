import { OpenApiGeneratorV31, OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { deploymentPayload } from '../domain/contracts/deployments';
import { factorMeans } from '../domain/contracts/public-record';
import { artifactRef } from '../domain/contracts/runs';
import { scorecardPayload } from '../domain/contracts/scorecards';
import { openApiPath } from './route';
import type { AuthKind, Route } from './route';

const errorBody = z.object({ detail: z.string() }).meta({ id: 'Error' });
const validationBody = z
  .object({
    detail: z.array(
      z.object({
        type: z.string(),
        loc: z.array(z.union([z.string(), z.number()])),
        msg: z.string(),
        input: z.unknown(),
        ctx: z.record(z.string(), z.unknown()).optional(),
      }),
    ),
  })
  .meta({ id: 'ValidationError' });

const REFUSALS: Record<AuthKind, Record<number, string>> = {
  public: {},
  signed: { 401: 'The signature headers are missing, stale or wrong', 409: 'Replayed (mutating methods)' },
  validator: { 401: 'The signature headers are missing, stale or wrong', 403: 'Not an active validator' },
  owner: {
    401: 'The signature headers are missing, stale or wrong',
    403: 'Not the owner',
    503: 'No owner is configured',
  },
  internal: { 401: 'The internal service token is missing or wrong' },
};

/** Contracts that are also shown as nullable. */
const SHARED: z.ZodType[] = [deploymentPayload, scorecardPayload, artifactRef, factorMeans];

const SIGNED_BY = [{ hotkey: [], signature: [], timestamp: [] }];

/** The OpenAPI 3.1 document of a router table. */
export function openApiDocument(
  routes: readonly Route[],
): ReturnType<OpenApiGeneratorV31['generateDocument']> {
  const registry = new OpenAPIRegistry();
  const header = (name: string, description: string) => ({
    type: 'apiKey' as const,
    in: 'header' as const,
    name,
    description,
  });
  registry.registerComponent(
    'securitySchemes',
    'hotkey',
    header('X-Hotkey', 'SS58 address of the signer, prefix 42'),
  );
  registry.registerComponent(
    'securitySchemes',
    'signature',
    header(
      'X-Signature',
      '0x and 128 hex digits: sr25519 over METHOD, path, hex SHA-256 of the body, timestamp',
    ),
  );
  registry.registerComponent(
    'securitySchemes',
    'timestamp',
    header('X-Timestamp', 'ISO-8601, at most 60 s off'),
  );
  registry.registerComponent('securitySchemes', 'internal', { type: 'http', scheme: 'bearer' });
  for (const route of routes) {
    for (const path of route.paths) registry.registerPath(pathItem(route, path));
  }
  // Ahead of any route that shows one of them as nullable, and would make that the component.
  const shared = SHARED.map((schema) => ({ type: 'schema' as const, schema }));
  const document = new OpenApiGeneratorV31([...shared, ...registry.definitions]).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'eirel-ai owner API',
      version: '1',
      description:
        'Submissions, tasks, runs, weights and administration of the EIREL subnet. Calls other than public ones are ' +
        'signed with an sr25519 hotkey; times are UTC without a zone.',
      license: { name: 'MIT' },
    },
  });
  return nullableAsEither(document) as typeof document;
}

/**
 * The generator writes a named type that may be null as `allOf` of the name and `object | null`, which null does not
 * fit: here it is either.
 */
function nullableAsEither(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(nullableAsEither);
  if (node === null || typeof node !== 'object') return node;
  const { allOf, ...rest } = node as { allOf?: { $ref?: string; type?: unknown }[] };
  const [named, other] = allOf ?? [];
  if (named?.$ref && Array.isArray(other?.type) && other.type.includes('null')) {
    return { ...rest, anyOf: [named, { type: 'null' }] };
  }
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, nullableAsEither(value)]));
}

/** A body that has no contract: any JSON value, or text. */
const opaque = (contentType: string): z.ZodType =>
  contentType === 'application/json' ? z.unknown() : z.string();

function pathItem(route: Route, path: string): RouteConfig {
  const { contract } = route;
  const kinds = typeof contract.auth === 'object' ? contract.auth.describedAs : [contract.auth];
  const { params, query, body } = contract.request ?? {};
  const responses: RouteConfig['responses'] = {};
  const error = (description: string) => ({
    description,
    content: { 'application/json': { schema: errorBody } },
  });
  for (const kind of kinds) {
    for (const [status, text] of Object.entries(REFUSALS[kind])) responses[status] = error(text);
  }
  if (params ?? query ?? body) {
    responses[422] = {
      description: 'A field is missing or wrong',
      content: { 'application/json': { schema: validationBody } },
    };
  }
  for (const [status, spec] of Object.entries(contract.responses)) {
    if (Number(status) >= 400 && !spec.schema) responses[status] = error(spec.description);
    else if (spec.schema)
      responses[status] = {
        description: spec.description,
        content: { [spec.contentType ?? 'application/json']: { schema: spec.schema } },
      };
    else
      responses[status] = {
        description: spec.description,
        ...(spec.contentType
          ? { content: { [spec.contentType]: { schema: opaque(spec.contentType) } } }
          : {}),
      };
  }
  const security = kinds.flatMap((kind): Record<string, string[]>[] =>
    kind === 'public' ? [{}] : kind === 'internal' ? [{ internal: [] }] : SIGNED_BY,
  );
  return {
    method: contract.method,
    path: openApiPath(path),
    summary: contract.summary,
    ...(contract.description ? { description: contract.description } : {}),
    tags: [...contract.tags],
    security,
    request: {
      ...(params ? { params } : {}),
      ...(query ? { query } : {}),
      ...(body
        ? { body: { content: { [contract.rawBodyType ?? 'application/json']: { schema: body } } } }
        : {}),
    },
    responses,
  };
}
