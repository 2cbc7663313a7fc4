/** `POST /v1/submissions` from the spooled upload to the stored rows: the checks of api.md section 4.1, in their order. */
import { inspectArchive } from '../../adapters/archive/archive';
import type { ArchiveReport } from '../../adapters/archive/archive';
import { ArchiveRefused } from '../../adapters/archive/limits';
import { messageOf } from '../../adapters/logging';
import { acceptSubmission, countForCap } from '../../adapters/postgres/submissions';
import type { AcceptOutcome } from '../../adapters/postgres/submissions';
import { admitInWindow, forgetAdmission } from '../../adapters/redis/rate-limit';
import { parseManifest } from '../../domain/contracts/manifest';
import type { SubmissionManifest } from '../../domain/contracts/manifest';
import { HttpError } from '../../domain/http-errors';
import { naiveIso } from '../../domain/time';
import type { ApiDeps } from '../deps';
import { retireSubmission, startSubmissionLifecycle } from '../temporal-control';
import { checkFee, FEE_USED, OwnerUnavailable } from './fee';
import type { NamedPayment } from './fee';
import type { SpooledArchive, Upload } from './upload';

export type Accepted = Extract<AcceptOutcome, { kind: 'accepted' }>;

const MIB = 1024 * 1024;

/**
 * Admits an upload whose signature was verified, or refuses it with the wire's status and text and stores nothing.
 * @param baseUrl address that this API is reached at
 */
export async function acceptUpload(
  deps: ApiDeps,
  upload: Upload,
  caller: { hotkey: string; payment: NamedPayment; baseUrl: string },
): Promise<Accepted> {
  const archive = archiveOf(upload);
  const release = await refuseTooMany(deps, caller.hotkey);
  try {
    return await admit(deps, archive, caller);
  } catch (error) {
    // What failed on the owner's side does not count against the miner's rate.
    if (error instanceof OwnerUnavailable || !(error instanceof HttpError)) await release();
    throw error;
  }
}

async function admit(
  deps: ApiDeps,
  archive: SpooledArchive,
  { hotkey, payment, baseUrl }: { hotkey: string; payment: NamedPayment; baseUrl: string },
): Promise<Accepted> {
  const { submission } = deps.config;
  await refuseBanned(deps, hotkey);
  if (submission.lifetimeCap > 0 && (await countForCap(deps.db, hotkey)) >= submission.lifetimeCap) {
    throw capReached(submission.lifetimeCap);
  }
  refuseLargeArchive(archive, submission.archive.maxBytes);
  await requireRegistered(deps, hotkey);
  const { report, manifest } = await readArchive(deps, archive);
  if (!deps.config.providerProxy.url || !deps.config.providerProxy.token) {
    throw new HttpError(400, 'provider proxy is required but not configured on the owner side');
  }
  const fee = await checkFee(hotkey, payment, deps);
  const stored = await deps.objectStore.putContentAddressed('submissions', archive.open(), '.tar.gz', {
    contentType: 'application/gzip',
  });
  const outcome = await acceptSubmission(deps.db, {
    minerHotkey: hotkey,
    familyId: manifest.family_id,
    agentName: manifest.agent.name,
    manifest,
    archive: {
      storageKey: stored.key,
      sha256: report.sha256,
      sizeBytes: report.sizeBytes,
      entryCount: report.entryCount,
    },
    extrinsicHash: payment.extrinsicHash ?? fee?.extrinsicHash ?? null,
    blockHash: payment.blockHash,
    fee,
    cpuMillis: submission.cpuMillis,
    memoryBytes: submission.memoryBytes,
    baseUrl,
    lifetimeCap: submission.lifetimeCap,
    runPolicy: deps.config.run,
    now: deps.clock(),
  });
  if (outcome.kind === 'cap_reached') throw capReached(submission.lifetimeCap);
  if (outcome.kind === 'fee_used') throw new HttpError(400, FEE_USED);
  await tellWorkflows(deps, outcome, { hotkey, manifest, report });
  return outcome;
}

function archiveOf(upload: Upload): SpooledArchive {
  if (upload.archive) return upload.archive;
  const fault = upload.archiveIsText
    ? { type: 'value_error', msg: 'Value error, the archive part has to be a file with a file name' }
    : { type: 'missing', msg: 'Field required' };
  throw new HttpError(422, [{ type: fault.type, loc: ['body', 'archive'], msg: fault.msg, input: null }]);
}

/** @returns takes the call out of the window again */
async function refuseTooMany(deps: ApiDeps, hotkey: string): Promise<() => Promise<void>> {
  const { rateLimitRequests, rateLimitWindowSeconds } = deps.config.submission;
  if (rateLimitRequests <= 0 || rateLimitWindowSeconds <= 0) return () => Promise.resolve();
  const key = `eirel:submission-rate:${hotkey}`;
  const now = deps.clock().getTime();
  let verdict: Awaited<ReturnType<typeof admitInWindow>>;
  try {
    verdict = await admitInWindow(deps.redis, key, rateLimitRequests, rateLimitWindowSeconds * 1000, now);
  } catch (error) {
    deps.logger.error('rate limit store unreachable, submission refused', { error });
    throw new OwnerUnavailable(
      'the rate limit cannot be checked now, nothing was stored: sign and send the submission again in a few seconds',
    );
  }
  if (!verdict.admitted) {
    const seconds = Math.ceil(verdict.retryAfterMs / 1000);
    throw new HttpError(
      429,
      'rate limit exceeded',
      { retry_after_seconds: seconds },
      { 'retry-after': String(seconds) },
    );
  }
  const { ticket } = verdict;
  return async () => {
    await forgetAdmission(deps.redis, key, ticket).catch((error: unknown) =>
      deps.logger.warn('a rate limit slot could not be given back', { hotkey, error: messageOf(error) }),
    );
  };
}

async function refuseBanned(deps: ApiDeps, hotkey: string): Promise<void> {
  const ban = await deps.db.bannedHotkey.findUnique({ where: { hotkey } });
  if (!ban || ban.liftedAt) return;
  throw new HttpError(403, `hotkey ${hotkey.slice(0, 16)}... is banned by the subnet owner: ${ban.reason}`, {
    banned_at: naiveIso(ban.createdAt),
  });
}

function capReached(cap: number): HttpError {
  return new HttpError(429, `hotkey submission cap reached (lifetime limit: ${cap} submissions per hotkey)`);
}

function refuseLargeArchive(archive: SpooledArchive, maxBytes: number): void {
  if (!archive.tooLarge) return;
  const limit = maxBytes % MIB === 0 ? `${maxBytes / MIB} MB` : `${maxBytes} byte`;
  throw new HttpError(413, `archive exceeds ${limit} limit`);
}

async function requireRegistered(deps: ApiDeps, hotkey: string): Promise<void> {
  await requireFreshMetagraph(deps);
  const neuron = await deps.db.registeredNeuron.findUnique({ where: { hotkey } });
  if (!neuron || neuron.deregisteredAt) {
    throw new HttpError(403, `hotkey ${hotkey.slice(0, 16)}... is not registered on the metagraph`);
  }
}

async function requireFreshMetagraph(deps: ApiDeps): Promise<void> {
  const maxAge = deps.config.metagraphMaxAgeSeconds;
  if (maxAge === null) return;
  const last = await deps.db.metagraphSyncSnapshot.findFirst({
    where: { status: 'success', netuid: deps.config.netuid },
    orderBy: { createdAt: 'desc' },
  });
  if (last && deps.clock().getTime() - last.createdAt.getTime() <= maxAge * 1000) return;
  const when = last ? `the last good sync was at ${naiveIso(last.createdAt)}` : 'it was never synced';
  throw new OwnerUnavailable(
    `the metagraph is out of date: ${when}, and at most ${maxAge} s are allowed; nothing was stored: try again later`,
  );
}

async function readArchive(
  deps: ApiDeps,
  archive: SpooledArchive,
): Promise<{ report: ArchiveReport; manifest: SubmissionManifest }> {
  let report: ArchiveReport;
  try {
    report = await inspectArchive(archive.open(), deps.config.submission.archive);
  } catch (error) {
    if (!(error instanceof ArchiveRefused)) throw error;
    throw new HttpError(400, `invalid submission archive: ${error.message}`, {
      code: error.code,
      entry: error.entry,
    });
  }
  const parsed = parseManifest(report.manifestText);
  if (!parsed.ok) throw new HttpError(400, `invalid submission manifest: ${parsed.message}`);
  const { family_id: family } = parsed.manifest;
  if (!deps.config.activeFamilies.includes(family)) {
    throw new HttpError(400, `family ${family} is deferred in managed v1`);
  }
  return { report, manifest: parsed.manifest };
}

/**
 * The rows are stored, so the submission is accepted whatever happens here: a worker starts the workflows of rows that
 * have none, and a superseded submission's row says so.
 */
async function tellWorkflows(
  deps: ApiDeps,
  accepted: Accepted,
  { hotkey, manifest, report }: { hotkey: string; manifest: SubmissionManifest; report: ArchiveReport },
): Promise<void> {
  const { submissionId, deploymentId, introducedRunId, predecessor } = accepted;
  const settled = await Promise.allSettled([
    startSubmissionLifecycle(
      deps.temporal,
      { submissionId, deploymentId, minerHotkey: hotkey, familyId: manifest.family_id, introducedRunId },
      {
        archiveSha256: report.sha256,
        sizeBytes: report.sizeBytes,
        agent: `${manifest.agent.name} ${manifest.agent.version}`,
      },
    ),
    predecessor && !predecessor.keptForRun
      ? retireSubmission(deps.temporal, predecessor.submissionId, `superseded by submission ${submissionId}`)
      : undefined,
  ]);
  for (const outcome of settled) {
    if (outcome.status === 'rejected') {
      deps.logger.warn('a workflow could not be told of a submission; a worker will catch up', {
        submissionId,
        error: messageOf(outcome.reason),
      });
    }
  }
}
