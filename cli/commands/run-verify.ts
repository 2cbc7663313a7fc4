/** `eirel-ai run verify`: does the published run follow from its public evidence? */
import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { answerOf } from '../../adapters/owner-api';
import { CliError, EXIT, UsageError } from '../exit-codes';
import { cell } from '../output';
import type { Api } from '../api';
import { Session } from '../session';
import type * as Chain from '../chain';
import type { ChainRows, EvidenceBytes, PublishedWeights, Verification } from '../verify';
import type * as Verifier from '../verify';

// Loaded when it is needed: the cryptography and the whole of scoring.
const load = createRequire(__filename);
const verifier = () => load('../verify') as typeof Verifier;

const READ_MS = 30_000;
/** Of a whole download: a large run's evidence is hundreds of megabytes. */
const EVIDENCE_MS = 900_000;
const CHUNK_BYTES = 1024 * 1024;
/** Differences that a table shows. */
const SHOWN = 20;

interface VerifyOptions {
  file?: string;
  sha256?: string;
  save?: string;
  owner?: string;
  archives?: boolean;
  chain?: string;
  netuid?: string;
  validator?: string[];
}

/** Adds `eirel-ai run verify`. */
export function registerRunVerify(run: Command): void {
  run
    .command('verify [run]')
    .description(
      'compute a completed run (the latest) again from its public evidence and compare every number',
    )
    .option('--file <path>', 'evidence that is at hand, instead of fetching it')
    .option('--sha256 <hex>', 'digest known from elsewhere; with --file nothing is asked of a server')
    .option('--owner <ss58>', 'address that must have signed the weights (EIREL_OWNER_HOTKEY_SS58)')
    .option('--save <path>', 'keep the evidence that was fetched')
    .option('--archives', 'download the archives that were scored, and compare their digests')
    .option('--chain <network>', 'compare with the weights on chain: a network name or a ws:// address')
    .option('--netuid <n>', 'subnet to look at with --chain (BITTENSOR_NETUID)')
    .option(
      '--validator <ss58...>',
      'validators whose rows must be those of the run; without any, one is enough',
    )
    .action(async (argument: string | undefined, options: VerifyOptions, command: Command) => {
      const session = new Session(command);
      const owner = options.owner ?? (session.env.EIREL_OWNER_HOTKEY_SS58?.trim() || undefined);
      if (owner !== undefined && !verifier().isSs58Address(owner))
        throw new UsageError('--owner is not an SS58 address');
      if (options.sha256 !== undefined && !/^[0-9a-f]{64}$/.test(options.sha256)) {
        throw new UsageError('--sha256 takes 64 lower-case hex digits');
      }
      const verification = await verify(session, argument, options, owner);
      session.printer.data(verification, verificationText);
      if (!verification.verified) {
        throw new CliError(`${verification.run_id} does not verify`, EXIT.failed, [], {
          code: 'not_verified',
          owner: 'owner',
        });
      }
    });
}

async function verify(
  session: Session,
  argument: string | undefined,
  options: VerifyOptions,
  owner: string | undefined,
): Promise<Verification> {
  const { file, sha256 } = options;
  const { EvidenceError, submissionIds, verifyRun } = verifier();
  try {
    const chain = options.chain === undefined ? {} : { chain: await chainRows(session, options) };
    const known = {
      ...(sha256 === undefined ? {} : { sha256 }),
      ...chain,
      ...(options.validator === undefined ? {} : { validators: options.validator }),
    };
    if (file !== undefined && sha256 !== undefined && !options.archives) {
      return verifyRun(argument ?? null, readEvidence(file), known);
    }
    return await session.withApi(null, async (api) => {
      const weights = await publishedWeights(api, argument);
      const runId = weights.run_id as string;
      return await withEvidence(api, runId, options, async (evidence) => {
        const archives = options.archives
          ? { archives: await archiveDigests(api, runId, submissionIds(evidence)) }
          : {};
        return verifyRun(runId, evidence, { ...known, weights, ...archives }, owner);
      });
    });
  } catch (error) {
    if (error instanceof EvidenceError) throw new CliError(error.message, EXIT.failed, [], { cause: error });
    throw error;
  }
}

async function publishedWeights(api: Api, argument: string | undefined): Promise<PublishedWeights> {
  const query = argument === undefined ? {} : { run_id: argument };
  const answer = await answerOf(api.within(READ_MS).GET('/v1/weights', { params: { query } }));
  if (answer.ready && answer.run_id !== null && answer.evidence_sha256 !== null) return answer;
  const which = argument ?? 'any run';
  throw new CliError(`there is nothing to verify for ${which} yet`, EXIT.notFound, [
    'evidence and weights are published when a run completes: follow it with `eirel-ai run watch`',
  ]);
}

const evidencePath = (runId: string): string => `/v1/runs/${encodeURIComponent(runId)}/evidence`;

/** The bytes as served, since what is signed is their digest; fetched to a file, which is removed unless it is to be saved. */
async function withEvidence<T>(
  api: Api,
  runId: string,
  options: VerifyOptions,
  use: (evidence: EvidenceBytes) => Promise<T>,
): Promise<T> {
  if (options.file !== undefined) return use(readEvidence(options.file));
  if (options.save !== undefined) {
    await api.download(evidencePath(runId), options.save, EVIDENCE_MS);
    return use(readEvidence(options.save));
  }
  const folder = mkdtempSync(join(tmpdir(), 'eirel-evidence-'));
  try {
    const path = join(folder, `${runId}.json`);
    await api.download(evidencePath(runId), path, EVIDENCE_MS);
    return await use(readEvidence(path));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** SHA-256 of each archive as everybody can download it; of the empty text for one that is not there. */
async function archiveDigests(api: Api, runId: string, ids: readonly string[]): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  for (const id of ids) {
    const path = `/api/v1/dashboard/runs/${encodeURIComponent(runId)}/submissions/${encodeURIComponent(id)}/artifact`;
    const hash = createHash('sha256');
    const response = await fetch(`${api.address.url}${path}`, { signal: AbortSignal.timeout(EVIDENCE_MS) });
    // Archives are up to 200 MiB: hashed as they come.
    if (response.ok && response.body) for await (const chunk of response.body) hash.update(chunk);
    else await response.body?.cancel();
    digests.set(id, hash.digest('hex'));
  }
  return digests;
}

/** The rows of every validator of the subnet that has set weights, at the finalised head. */
async function chainRows(session: Session, options: VerifyOptions): Promise<ChainRows> {
  const { chainConfigFromEnv, connectChain } = load('../chain') as typeof Chain;
  const env = {
    ...session.env,
    BITTENSOR_NETWORK: options.chain,
    ...(options.netuid === undefined ? {} : { BITTENSOR_NETUID: options.netuid }),
  };
  const chain = await connectChain(chainConfigFromEnv(env));
  try {
    const { netuid } = chain.config;
    const { block, neurons } = await chain.listNeurons(netuid);
    const rows: ChainRows['rows'][number][] = [];
    for (const { hotkey, uid, validatorPermit } of neurons) {
      if (!validatorPermit) continue;
      const stored = await chain.readWeights(netuid, uid, 'finalized');
      const row = { uids: stored.map((item) => item.uid), values: stored.map((item) => item.value) };
      if (stored.length > 0) rows.push({ hotkey, uid, row });
    }
    return { block: block.number, uidOf: new Map(neurons.map(({ hotkey, uid }) => [hotkey, uid])), rows };
  } finally {
    await chain.close();
  }
}

/** A file's bytes, piece by piece. */
function readEvidence(file: string): EvidenceBytes {
  return function* () {
    let opened: number;
    try {
      opened = openSync(file, 'r');
    } catch (error) {
      throw new UsageError(
        `cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`,
      );
    }
    try {
      for (;;) {
        const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
        const size = readSync(opened, chunk, 0, CHUNK_BYTES, null);
        if (size === 0) return;
        yield chunk.subarray(0, size);
      }
    } finally {
      closeSync(opened);
    }
  };
}

function verificationText(verification: Verification): string {
  const { recomputed, differences, differences_total: total } = verification;
  const lines = verification.checks.map(
    ({ name, passed, note }) => `${passed ? 'ok    ' : 'FAILED'}  ${name.padEnd(10)}  ${cell(note)}`,
  );
  const shown = differences
    .slice(0, SHOWN)
    .map(
      ({ path, published, recomputed: again }) =>
        `  ${cell(path)}: published ${cell(published)}, computed ${cell(again)}`,
    );
  if (total > SHOWN) shown.push(`  ... ${total - SHOWN} more (-o json shows ${differences.length})`);
  const scope =
    `${recomputed.judgments} judgments, ${recomputed.results} results, ` +
    `${recomputed.miners} miners, ${recomputed.tasks} tasks computed again`;
  const verdict = `${cell(verification.run_id)} ${verification.verified ? 'verifies' : 'does NOT verify'}: ${scope}`;
  return [...lines, ...shown, verdict].join('\n');
}
