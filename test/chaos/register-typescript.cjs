/** Lets a program run the TypeScript sources as they are: `node -r ./test/chaos/register-typescript.cjs FILE.ts`. */
const Module = require('node:module');

require('../integration/chain/register-typescript.cjs');

// The generated Prisma client names its own TypeScript files by their compiled names.
const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, ...rest) {
  try {
    return resolve.call(this, request, ...rest);
  } catch (error) {
    if (!/^\..*\.js$/.test(request)) throw error;
    return resolve.call(this, request.replace(/\.js$/, '.ts'), ...rest);
  }
};
