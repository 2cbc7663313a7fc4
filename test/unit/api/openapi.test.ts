/** Guards the one thing that routes, document and client have in common: nothing is served that is not described. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Express } from 'express';
import { Registry } from 'prom-client';
import { createApp } from '../../../api/app';
import type { ApiDeps } from '../../../api/deps';
import { openApiDocument } from '../../../api/openapi';
import { openApiPath } from '../../../api/route';
import { allRoutes } from '../../../api/routes';

const ROOT = join(__dirname, '..', '..', '..');
const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options', 'trace'] as const;

const routes = allRoutes.flat();
const document = openApiDocument(routes);
const described = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
  METHODS.filter((method) => method in item).map((method) => `${method} ${path}`),
);

/** What Express itself would answer, read from its router; what says 405 is mounted for every method at once. */
function mounted(app: Express): string[] {
  const { stack } = app.router as unknown as {
    stack: { route?: { path: string; methods: Record<string, boolean> } }[];
  };
  return stack.flatMap(({ route }) =>
    route && Object.keys(route.methods).length === 1
      ? Object.keys(route.methods).map(
          (method) => `${method} ${route.path.replace(/\*(\w+)/g, '{$1}').replace(/:(\w+)/g, '{$1}')}`,
        )
      : [],
  );
}

describe('the OpenAPI document', () => {
  it('has every route of the table, and no other', () => {
    const table = routes.flatMap(({ contract, paths }) =>
      paths.map((path) => `${contract.method} ${openApiPath(path)}`),
    );
    expect(new Set(table).size).toBe(table.length);
    expect(described.sort()).toEqual(table.sort());
  });

  it('has every route that Express serves, but for itself and its page', () => {
    const deps = { config: { corsOrigins: ['*'] }, metrics: new Registry() } as unknown as ApiDeps;
    const served = mounted(createApp(deps, allRoutes)).filter((route) => route !== 'get /openapi.json');
    expect(served.sort()).toEqual(described.sort());
  });

  it('says who may call, and what is answered, for each', () => {
    for (const [path, item] of Object.entries(document.paths ?? {})) {
      for (const method of METHODS) {
        const operation = item[method];
        if (!operation) continue;
        expect([path, method, operation.security?.length ?? 0]).toEqual([path, method, expect.any(Number)]);
        expect(operation.security).not.toHaveLength(0);
        expect(operation.summary).toBeTruthy();
        const statuses = Object.keys(operation.responses ?? {});
        expect([path, method, statuses.some((status) => status.startsWith('2'))]).toEqual([
          path,
          method,
          true,
        ]);
        const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
        const declared = (operation.parameters ?? []).flatMap((parameter) =>
          'in' in parameter && parameter.in === 'path' ? [parameter.name] : [],
        );
        expect([path, declared.sort()]).toEqual([path, named.sort()]);
      }
    }
  });

  it('names no type that may be null: only a place where one stands may be', () => {
    const nullable = Object.entries(document.components?.schemas ?? {}).filter(([, schema]) =>
      JSON.stringify((schema as { type?: unknown }).type ?? '').includes('null'),
    );
    expect(nullable.map(([name]) => name)).toEqual([]);
  });

  it('is the one that the client was generated from', () => {
    const script = join(ROOT, 'scripts', 'generate-client.mjs');
    expect(() => execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe' })).not.toThrow();
  });
});
