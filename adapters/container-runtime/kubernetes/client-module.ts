type ClientModule = typeof import('@kubernetes/client-node', { with: { 'resolution-mode': 'import' } });

let loaded: ClientModule | undefined;

/**
 * The client library, which exists only as an ES module. Node loads those from CommonJS, but neither the compiler nor
 * a test runner's own module system does, so it is asked of Node itself; and only where this backend is used.
 */
export function loadClient(): ClientModule {
  loaded ??= process.getBuiltinModule('node:module').createRequire(__filename)(
    '@kubernetes/client-node',
  ) as ClientModule;
  return loaded;
}
