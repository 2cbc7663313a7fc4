/**
 * Writes the types of the owner API's client from the OpenAPI document, which is made from the router table.
 * usage: node scripts/generate-client.mjs [--check]; with --check nothing is written, and the exit code is 1 on a difference
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';
import prettier from 'prettier';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const FILE = join(ROOT, 'adapters', 'owner-api', 'schema.ts');
const HEAD = '// Generated from the OpenAPI document by `npm run generate:client`; do not edit.\n\n';

/** The text of the types, formatted as the rest of the checkout is. */
async function typesOf(document) {
  const text = HEAD + astToString(await openapiTS(document, { alphabetize: true }));
  return prettier.format(text, { ...(await prettier.resolveConfig(FILE)), parser: 'typescript' });
}

const load = createRequire(join(ROOT, 'build', 'index.js'));
const { allRoutes } = load('./api/routes');
const { openApiDocument } = load('./api/openapi');
const types = await typesOf(openApiDocument(allRoutes.flat()));

const known = existsSync(FILE) ? readFileSync(FILE, 'utf8') : '';
if (known === types) {
  process.stderr.write('the client is up to date\n');
} else if (process.argv.includes('--check')) {
  process.stderr.write('the client is not that of the router table: run `npm run generate:client`\n');
  process.exitCode = 1;
} else {
  mkdirSync(dirname(FILE), { recursive: true });
  writeFileSync(FILE, types);
  process.stderr.write(`wrote ${FILE}\n`);
}
