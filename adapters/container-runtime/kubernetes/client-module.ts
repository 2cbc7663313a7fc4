import { pathToFileURL } from 'node:url';
import { constants, Script } from 'node:vm';
import type * as Client from '@kubernetes/client-node' with { 'resolution-mode': 'import' };

type ClientModule = typeof Client;

let loaded: Promise<ClientModule> | undefined;

/**
 * The client library, which exists only as an ES module, loaded where this backend is first used. Node's own loader is
 * asked for it by a script, since a test runner puts a loader that knows no ES modules in the place of `import()`.
 */
export function loadClient(): Promise<ClientModule> {
  loaded ??= new Script(
    `import(${JSON.stringify(pathToFileURL(require.resolve('@kubernetes/client-node')).href)})`,
    { importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER },
  ).runInThisContext() as Promise<ClientModule>;
  return loaded;
}
