#!/usr/bin/env node
'use strict';
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const main = join(__dirname, '..', 'build', 'cli', 'main.js');
if (existsSync(main)) {
  // Run as the main module, so that the program cannot tell it from `node build/cli/main.js`.
  process.argv[1] = main;
  require('node:module').runMain(main);
} else {
  process.stderr.write('eirel-ai is not built yet: run `npm run build` in its checkout first.\n');
  process.exitCode = 1;
}
