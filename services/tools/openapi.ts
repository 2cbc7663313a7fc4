import { OpenApiGeneratorV31, OpenAPIRegistry, type RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import type { SideRoute, ToolDefinition, ToolServiceWords } from './types';

const errorBody = z.object({ detail: z.unknown() }).meta({ id: 'Error' });

const CALLER_REFUSALS: Readonly<Record<number, string>> = {
  400: 'No job is named beside a bearer that needs one',
  401: 'The bearer is missing, forged or expired',
  403: 'The job is of another caller, the header contradicts the token, or the attempt is over',
  503: 'The ledger cannot be reached',
};
const CALL_REFUSALS: Readonly<Record<number, string>> = {
  ...CALLER_REFUSALS,
  429: 'The job has used up its calls or a budget',
};
const INVALID: Readonly<Record<number, string>> = { 422: 'A field is missing or wrong' };

/** Routes that every service has, whatever its tools. */
const OPEN_ROUTES: [path: string, summary: string, contentType: string][] = [
  ['/healthz', 'Whether the process answers', 'application/json'],
  ['/readyz', 'Whether what it needs is there; 503 when not', 'application/json'],
  ['/metrics', 'Metrics in the Prometheus text format', 'text/plain'],
  ['/openapi.json', 'This document', 'application/json'],
];

/** What the document needs to know of a route that is no tool. */
export type DescribedRoute = Omit<SideRoute, 'handle'>;

/** The OpenAPI 3.1 document of one service, made from what its routes are made from. */
export function openApiDocument(
  words: Pick<ToolServiceWords, 'name'>,
  tools: readonly ToolDefinition[],
  routes: readonly DescribedRoute[],
): ReturnType<OpenApiGeneratorV31['generateDocument']> {
  const registry = new OpenAPIRegistry();
  registry.registerComponent('securitySchemes', 'job', {
    type: 'http',
    scheme: 'bearer',
    description: 'The token of an attempt, or of a deployment with the job in X-Eirel-Job-Id',
  });
  registry.registerComponent('securitySchemes', 'owner', { type: 'http', scheme: 'bearer' });
  for (const tool of tools) {
    const { summary, request, response } = tool;
    const refusals = { ...CALL_REFUSALS, ...INVALID, ...tool.refusals };
    const security: Record<string, string[]>[] = [{ job: [] }, { owner: [] }];
    for (const path of [tool.path, ...(tool.aliases ?? [])]) {
      registry.registerPath(
        pathItem({ method: 'post', path, summary, request, response, refusals, security }),
      );
    }
  }
  for (const route of routes) {
    const { access } = route;
    const refusals: Record<number, string> = {
      ...(access === 'public' ? {} : CALLER_REFUSALS),
      ...(route.request ? INVALID : {}),
      ...route.refusals,
    };
    const security: Record<string, string[]>[] =
      access === 'public' ? [] : access === 'owner' ? [{ owner: [] }] : [{ job: [] }, { owner: [] }];
    registry.registerPath(pathItem({ ...route, refusals, security }));
  }
  for (const [path, summary, contentType] of OPEN_ROUTES) {
    const schema = contentType === 'text/plain' ? z.string() : z.record(z.string(), z.unknown());
    const content = { [contentType]: { schema } };
    const responses: RouteConfig['responses'] = { 200: { description: 'Done', content } };
    if (path === '/readyz') responses[503] = { description: 'Not ready', content };
    registry.registerPath({ method: 'get', path, summary, security: [], responses });
  }
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: { title: `eirel-ai ${words.name}`, version: '1', license: { name: 'MIT' } },
  });
}

interface Item {
  method: 'get' | 'post';
  path: string;
  summary: string;
  request?: z.ZodType | undefined;
  response: z.ZodType;
  refusals: Readonly<Record<number, string>>;
  security: Record<string, string[]>[];
}

function pathItem(item: Item): RouteConfig {
  const names = [...item.path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? '');
  const responses: RouteConfig['responses'] = {
    200: { description: 'Done', content: { 'application/json': { schema: item.response } } },
  };
  for (const [status, description] of Object.entries(item.refusals)) {
    responses[status] = { description, content: { 'application/json': { schema: errorBody } } };
  }
  return {
    method: item.method,
    path: item.path.replace(/:(\w+)/g, '{$1}'),
    summary: item.summary,
    security: item.security,
    request: {
      ...(names.length > 0
        ? { params: z.object(Object.fromEntries(names.map((name) => [name, z.string()]))) }
        : {}),
      ...(item.request ? { body: { content: { 'application/json': { schema: item.request } } } } : {}),
    },
    responses,
  };
}
