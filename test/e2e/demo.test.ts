/**
 * The main job, twice: once undisturbed, once with a process killed at five different moments. Both must end with the same
 * scores and weights, and the second one's records must show that nothing was lost and nothing counted twice.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { dataDirFromEnv } from '../../adapters/local-stack';
import { createLogger } from '../../adapters/logging';
import { createPrisma } from '../../adapters/postgres';
import { workflowIds } from '../../domain/messages';
import { connectTemporal, temporalConfigFromEnv } from '../../adapters/temporal';
import { Demo, type DemoOutcome, type Moment } from '../../demo/scenario';
import { essence } from '../harness/essence';

const base = dataDirFromEnv(process.env);
const root = mkdtempSync(join(resolve(base), 'e2e-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Played {
  outcome: DemoOutcome;
  checks: Awaited<ReturnType<typeof recordsOf>>;
  killed: string[];
}

/** Plays the demo; `victims` names the process that is killed at a moment. */
async function play(
  name: string,
  runSeconds: number,
  victims: Partial<Record<Moment, string>>,
): Promise<Played> {
  const { TEMPORAL_ADDRESS: _t, DATABASE_URL: _d, REDIS_URL: _r, ...env } = process.env;
  const log: string[] = [];
  const demo = new Demo({
    dataDir: join(root, name),
    toolsDir: join(resolve(base), 'tools'),
    runSeconds,
    leaseSeconds: 15,
    taskCount: 12,
    weights: 'hidden',
    logger: createLogger('e2e', 'error'),
    // The same secret draws the same tasks.
    env: { ...env, EIREL_OWNER_SECRET: 'the same tasks for both runs' },
  });
  const killed: string[] = [];
  const kills: Promise<void>[] = [];
  // One that is just being started again cannot be killed yet.
  const kill = async (victim: string, moment: Moment): Promise<void> => {
    const until = Date.now() + 30_000;
    while (!demo.parts?.supervisor.signal(victim, 'SIGKILL')) {
      if (Date.now() >= until) return;
      await sleep(100);
    }
    killed.push(`${victim} at ${moment}`);
  };
  demo.on('say', (text) => log.push(text));
  demo.on('moment', (moment) => {
    const victim = victims[moment];
    if (victim) kills.push(kill(victim, moment));
  });
  try {
    await demo.start();
    const outcome = await demo.play();
    await Promise.all(kills);
    const checks = await recordsOf(demo, outcome);
    return { outcome, checks, killed };
  } catch (error) {
    throw new Error(`${String(error)}\n${log.slice(-40).join('\n')}`, { cause: error });
  } finally {
    await demo.stop();
  }
}

/** What the records say after a run, for the history checks. */
async function recordsOf(demo: Demo, outcome: DemoOutcome) {
  const db = createPrisma(demo.parts?.databaseUrl ?? '', { poolSize: 2 });
  const temporal = await connectTemporal(temporalConfigFromEnv(demo.parts?.env ?? {}));
  try {
    const runId = outcome.runId;
    const run = await db.evaluationRun.findUniqueOrThrow({ where: { id: runId } });
    const results = await db.taskMinerResult.findMany({ where: { runId } });
    const claims = await db.taskClaim.findMany({ where: { runId }, orderBy: { fencing: 'asc' } });
    const records = await db.deploymentScoreRecord.findMany({ where: { runId } });
    const findable: Record<string, number> = {};
    for (const hotkey of Object.keys(outcome.names)) {
      findable[hotkey] = (
        await temporal.workflow.count(
          `EirelHotkey = '${hotkey}' AND EirelKind IN ('submission', 'deployment')`,
        )
      ).count;
    }
    return {
      pairs: results.map((row) => `${row.taskId}/${row.minerHotkey}`),
      claimTimes: claims.map((claim) => claim.claimedAt.getTime()),
      resultsAfterClose: results.filter((row) => run.closedAt && row.createdAt > run.closedAt).length,
      unfinishedClaims: claims.filter((claim) => claim.status === 'claimed').length,
      recordScores: Object.fromEntries(records.map((record) => [record.minerHotkey, record.rawScore])),
      disputed: results.filter((row) => row.disputed).length,
      findable,
      runStatus: (await temporal.workflow.getHandle(workflowIds.run(runId)).describe()).status.name,
      submissions: await db.managedMinerSubmission.count(),
      fees: await db.submissionFee.count({ where: { status: 'verified' } }),
    };
  } finally {
    await temporal.connection.close();
    await db.$disconnect();
  }
}

/** Tools that at least one answer was attested to have used. */
function attestedTools(outcome: DemoOutcome): string[] {
  const calls = outcome.family.results.flatMap((result) =>
    result.judgments.flatMap((judgment) => judgment.input?.ledger_calls ?? []),
  );
  return [...new Set(calls.filter((call) => call.status === 'ok').map((call) => call.tool_name))].sort();
}

describe('the main job', () => {
  let undisturbed: Played;

  it('runs from upload to weights on chain', async () => {
    undisturbed = await play('undisturbed', 45, {});
    const { outcome, checks } = undisturbed;
    const scores = essence(outcome).scores;
    expect(outcome.family.tasks.length).toBeGreaterThanOrEqual(15);
    expect(outcome.family.results).toHaveLength(outcome.family.tasks.length * 3);
    // Each tool was used, and the owner's ledger says so.
    expect(attestedTools(outcome)).toEqual(
      expect.arrayContaining(['rag.retrieve', 'url_fetch', 'web_search']),
    );
    expect(essence(outcome).winner).toBe('scholar');
    expect(scores.scholar).toBeGreaterThan(scores.analyst ?? 1);
    expect(scores.analyst).toBeGreaterThan(0);
    // It asks no model, and the cost attestation knocks every answer out.
    expect(scores.parrot).toBe(0);
    expect(Object.values(outcome.weights)).toEqual([1]);
    for (const row of Object.values(outcome.onChain)) {
      expect(row).toEqual([{ uid: outcome.uidOf[Object.keys(outcome.weights)[0] ?? ''], value: 65535 }]);
    }
    expect(Object.keys(outcome.onChain)).toHaveLength(2);
    expect(outcome.publicArchives.sort()).toEqual(['analyst', 'parrot', 'scholar']);
    expect(outcome.evidenceDifferences).toBe(0);
    expect(outcome.refusals.map(({ what, status }) => [what, status])).toEqual([
      ['wrong signature', 401],
      ['replayed request', 409],
      ['bad archive', 400],
      ['second use of a fee', 400],
    ]);
    expect(checks.runStatus).toBe('COMPLETED');
    for (const count of Object.values(checks.findable)) expect(count).toBe(2);
    expect(checks).toMatchObject({ submissions: 3, fees: 3, disputed: 0 });
  }, 300_000);

  it('ends with the same scores and weights when a process is killed at each of five moments', async () => {
    const victims: Partial<Record<Moment, string>> = {
      building: 'worker',
      opened: 'owner-api',
      evaluating: 'validator-a',
      halfway: 'temporal',
      closing: 'worker',
    };
    const { outcome, checks, killed } = await play('killed', 100, victims);
    expect(killed).toHaveLength(Object.keys(victims).length);
    expect(essence(outcome)).toEqual(essence(undisturbed.outcome));
    expect(outcome.evidenceDifferences).toBe(0);
    // One accepted result per (task, miner); nothing after the close; every lease ended.
    expect(new Set(checks.pairs).size).toBe(checks.pairs.length);
    expect(checks.pairs).toHaveLength(outcome.family.tasks.length * 3);
    expect(checks.resultsAfterClose).toBe(0);
    expect(checks.unfinishedClaims).toBe(0);
    // Fencing numbers only grow with time.
    expect([...checks.claimTimes].sort((a, b) => a - b)).toEqual(checks.claimTimes);
    // The ledger says what was published.
    expect(checks.recordScores).toEqual(
      Object.fromEntries(outcome.family.winner.ranking.map((entry) => [entry.hotkey, entry.raw_score])),
    );
    expect(checks).toMatchObject({ submissions: 3, fees: 3 });
  }, 420_000);
});
