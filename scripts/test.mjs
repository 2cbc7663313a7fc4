/** `npm test`: formatter, linter, type check, then every kind of test on one shared stack of real servers. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Failure, foreground, quietly } from './child.mjs';
import { say, step } from './progress.mjs';

// End-to-end tests start whole control planes and kill parts of them: they do not share the machine with others.
const STAGES = [
  { projects: ['unit', 'workflow', 'integration'], flags: ['--maxWorkers=2'] },
  { projects: ['e2e'], flags: ['--runInBand'] },
];

/** Runs the checks that need no server; returns how many failed. Each is run, so that one report shows all. */
async function staticChecks(root) {
  const npm = (script) => {
    const { npm_execpath: npmPath } = process.env;
    const viaNode = npmPath !== undefined && /\.[cm]?js$/.test(npmPath);
    return quietly(
      viaNode ? process.execPath : 'npm',
      [...(viaNode ? [npmPath] : []), 'run', '--silent', script],
      {
        cwd: root,
        what: script,
      },
    );
  };
  let failed = 0;
  for (const script of ['format:check', 'lint', 'typecheck']) {
    try {
      await step(script, () => npm(script));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failed += 1;
      say(error.message);
    }
  }
  return failed;
}

/** Runs jest once and returns its counts; a test file that could not be run at all counts as one failure. */
async function jest(root, args, env, report) {
  rmSync(report, { force: true });
  const require = createRequire(join(root, 'package.json'));
  const bin = require.resolve('jest/bin/jest');
  const code = await foreground(process.execPath, [bin, '--json', `--outputFile=${report}`, ...args], {
    cwd: root,
    env,
    // With --json jest writes the whole report to standard output as well; what people read is on standard error.
    stdio: ['inherit', 'ignore', 'inherit'],
  });
  if (!existsSync(report)) return { code: code || 1, passed: 0, failed: 1, skipped: 0 };
  const result = JSON.parse(readFileSync(report, 'utf8'));
  return {
    code,
    passed: result.numPassedTests,
    failed: result.numFailedTests + result.numRuntimeErrorTestSuites,
    skipped: result.numPendingTests + result.numTodoTests,
  };
}

/**
 * Runs the tests and ends with a line `N passed, N failed` (`, N skipped` is added when there are any).
 * @param {string} root the checkout, built
 * @param {string[]} args for jest; when there are any, the static checks are left out and jest runs once
 * @returns {Promise<number>} exit code: 0 when something passed and nothing failed
 */
export async function runTests(root, args) {
  const total = { code: 0, passed: 0, failed: 0, skipped: 0 };
  const add = (counts) => {
    total.code ||= counts.code;
    for (const key of ['passed', 'failed', 'skipped']) total[key] += counts[key];
  };
  const finish = () => {
    const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
    process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
    if (total.failed > 0 || total.code !== 0) return total.code || 1;
    return total.passed > 0 ? 0 : 1;
  };

  if (args.length === 0) {
    const failed = await staticChecks(root);
    if (failed > 0) {
      add({ code: 1, passed: 0, failed, skipped: 0 });
      return finish();
    }
  }
  const home = join(root, '.eirel', 'test');
  mkdirSync(home, { recursive: true });
  const dataDir = mkdtempSync(join(home, 'run-'));
  const require = createRequire(join(root, 'package.json'));
  const { startParts, prepareSandbox } = require(join(root, 'build', 'adapters', 'local-stack'));
  const { createLogger } = require(join(root, 'build', 'adapters', 'logging'));
  let parts;
  // Signals go to jest, which ends by them; then the stack is stopped here as after any run.
  const ignore = () => {};
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, ignore);
  try {
    parts = await step('Temporal, PostgreSQL, Redis', () =>
      startParts({
        dataDir,
        toolsDir: join(root, '.eirel', 'tools'),
        ports: 'free',
        logger: createLogger('test-stack', 'warn'),
        onProgress: say,
        throwaway: true,
        purpose: 'npm test',
      }),
    );
    // Its tests bring what they need to isolate code in containers themselves.
    await step('sandbox', () => prepareSandbox({ env: process.env, onProgress: say }));
    const env = {
      ...process.env,
      ...parts.env,
      TEST_TEMPORAL_ADDRESS: parts.temporalAddress,
      TEST_DATABASE_URL: parts.databaseUrl,
      TEST_REDIS_URL: parts.redisUrl,
      EIREL_TOOLS_DIR: join(root, '.eirel', 'tools'),
    };
    // The tests say which data directory they use; the stack's own belongs to this process.
    delete env.EIREL_DATA_DIR;
    const report = (name) => join(dataDir, `${name}.json`);
    if (args.length > 0) add(await jest(root, args, env, report('all')));
    else {
      for (const { projects, flags } of STAGES) {
        const counts = await jest(
          root,
          ['--passWithNoTests', '--selectProjects', ...projects, ...flags],
          env,
          report(projects.join('-')),
        );
        add(counts);
        if (counts.code > 128) break;
      }
    }
  } finally {
    await parts?.stop();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(signal, ignore);
    if (total.failed === 0 && total.code === 0) rmSync(dataDir, { recursive: true, force: true });
    else say(`logs and reports of this run are kept in ${dataDir}`);
  }
  return finish();
}
