/** `eirel-ai miner submit|status`: a miner's side, signed with the miner's wallet. */
import { createRequire } from 'node:module';
import type { Command } from 'commander';
import { answerOf, type Schema } from '../../adapters/owner-api';
import { multipartArchive, type FeeReference } from '../../adapters/owner-client/multipart';
import { CliError, EXIT, UsageError } from '../exit-codes';
import { hash32, seconds, wholeNumber } from '../options';
import { cell, fields } from '../output';
import type { PackedArchive } from '../pack';
import { Session } from '../session';
import { runIdOf } from '../run-api';
import { shown, until } from '../watch';
import { hasSettled, storyText, submissionStory, type SubmissionStory } from './submission';
import type * as Packer from '../pack';

// Loaded when it is needed: readers of archives and manifests.
const load = createRequire(__filename);
const packer = () => load('../pack') as typeof Packer;

/** A large archive over a slow line. */
const UPLOAD_MS = 300_000;

interface SubmitOptions {
  extrinsicHash?: string;
  extrinsicIndex?: number;
  blockHash?: string;
  dryRun?: boolean;
  yes?: boolean;
  wait?: boolean;
  timeout: number;
}

/** Adds `eirel-ai miner`. */
export function registerMiner(program: Command): void {
  const miner = program.command('miner').description("a miner's submissions; signed with the miner's wallet");
  miner
    .command('submit <path>')
    .description('check an agent (a folder or a .tar.gz) and upload it')
    .option('--extrinsic-hash <hash>', 'the transfer that paid the fee', hash32)
    .option('--extrinsic-index <n>', 'or its place in the block, from 0', wholeNumber(0))
    .option('--block-hash <hash>', 'the block that holds it', hash32)
    .option('--dry-run', 'pack and check, send nothing')
    .option('--yes', 'do not ask')
    .option('--wait', 'wait until it is ready to be evaluated, or has failed')
    .option('--timeout <seconds>', 'longest time to wait', seconds, 1800)
    .action(submit);
  miner
    .command('status')
    .description('where the latest submission stands, and every step so far')
    .option('--watch', 'look again until it has ended or is ready to be evaluated')
    .action(async (options: { watch?: boolean }, command: Command) => {
      const session = new Session(command);
      await session.withApi('miner', async (api) => {
        const read = async (): Promise<SubmissionStory | null> => {
          const current = await answerOf(api.owner.GET('/v1/submissions/current'));
          return current === null ? null : submissionStory(api, current.id, 'miner');
        };
        const asText = (story: SubmissionStory | null): string =>
          story === null ? 'nothing was submitted yet' : storyText(story);
        await shown(session, options.watch, read, asText, hasSettled);
      });
    });
  miner
    .command('feedback [run]')
    .description('task by task, what was right, what was not, and what to do about it (the current run)')
    .action(async (argument: string | undefined, _options: object, command: Command) => {
      const session = new Session(command);
      const answer = await session.withApi('miner', async (api) => {
        const query = { run_id: await runIdOf(api, argument) };
        return answerOf(api.owner.GET('/v1/eval/feedback', { params: { query } }));
      });
      session.printer.data(answer, feedbackText);
    });
}

async function submit(path: string, options: SubmitOptions, command: Command): Promise<void> {
  const fee = feeOf(options);
  const session = new Session(command);
  const packed = await packer().readyArchive(path, session.env);
  if (packed.leftOut.length > 0) {
    session.say(`left out, since archives become public after their run: ${packed.leftOut.join(', ')}`);
  }
  const summary = summaryOf(packed);
  if (options.dryRun)
    return session.printer.data({ dry_run: true, ...summary }, (value) => fields(Object.entries(value)));
  await session.withApi('miner', async (api) => {
    session.say(
      `${summary.agent}: ${summary.files} files, ${summary.size_bytes} bytes, signed by ${api.signer?.hotkey.ss58}`,
    );
    await session.confirm(
      'Submit it? It replaces your previous submission and uses up one of few.',
      options.yes,
    );
    const { bytes, contentType } = multipartArchive(packed.bytes, fee);
    const answer = await answerOf(
      api.within(UPLOAD_MS).POST('/v1/submissions', {
        body: { archive: '' },
        bodySerializer: () => bytes,
        headers: { 'content-type': contentType },
      }),
    );
    session.printer.data(answer, (value) =>
      fields([
        ['submission', value.id],
        ['miner', value.miner_hotkey],
        ['status', value.status],
        ['run', value.introduced_run_id],
        ['archive sha256', value.archive_sha256],
        ['deployment', value.deployment?.id],
      ]),
    );
    if (!options.wait) return session.say('follow it with: eirel-ai miner status --watch');
    const read = (): Promise<SubmissionStory> => submissionStory(api, answer.id, 'miner');
    const story = await until(
      session,
      read,
      hasSettled,
      options.timeout,
      ({ journey }) => journey.reason ?? journey.status,
    );
    if (story.journey.status === 'deployed_for_eval') return session.say('ready to be evaluated');
    throw new CliError(
      `the submission is ${story.journey.status}: ${story.journey.reason ?? 'no reason known'}`,
      EXIT.failed,
      [`its build log: eirel-ai submission logs ${answer.id} --as miner`],
    );
  });
}

/** @throws UsageError for half a reference */
function feeOf({ extrinsicHash, extrinsicIndex, blockHash }: SubmitOptions): FeeReference | null {
  const extrinsic = extrinsicHash ?? extrinsicIndex;
  if ((extrinsic === undefined) !== (blockHash === undefined)) {
    throw new UsageError(
      '--block-hash goes together with --extrinsic-hash or --extrinsic-index: the block is where the payment is looked up',
    );
  }
  return blockHash === undefined ? null : { blockHash, extrinsicHash, extrinsicIndex };
}

type FeedbackAnswer = Schema<'Feedback'>;

function feedbackText(answer: FeedbackAnswer): string {
  if (answer.items.length === 0) return `no feedback in ${answer.run_id} yet`;
  return answer.items
    .map((item) =>
      [
        `${cell(item.task_id)}  ${cell(item.outcome)}  ${item.composite_score.toFixed(4)}`,
        ...[item.explanation, item.guidance].filter((text) => text).map((text) => `  ${cell(text)}`),
        ...(item.knockout_reasons.length > 0
          ? [`  gates: ${item.knockout_reasons.map(cell).join(', ')}`]
          : []),
      ].join('\n'),
    )
    .join('\n');
}

function summaryOf({ report, manifest }: PackedArchive) {
  return {
    agent: `${manifest.agent.name} ${manifest.agent.version}`,
    family_id: manifest.family_id,
    sha256: report.sha256,
    size_bytes: report.sizeBytes,
    unpacked_bytes: report.unpackedBytes,
    files: report.entries.length,
  };
}
