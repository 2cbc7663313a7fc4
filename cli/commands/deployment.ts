/** `eirel-ai deployment show|logs`: one deployment. */
import type { Command } from 'commander';
import { answerOf, type Schema } from '../../adapters/owner-api';
import type { Api } from '../api';
import { fields, printable, table } from '../output';
import { Session } from '../session';
import type { Role } from '../settings';
import { shown } from '../watch';
import { asOption } from './submission';

interface Story {
  deployment: Schema<'Deployment'>;
  events: Schema<'DeploymentHealthEvent'>[];
}

/** Adds `eirel-ai deployment`. */
export function registerDeployment(program: Command): void {
  const deployment = program.command('deployment').description('one deployment');
  deployment
    .command('show <id>')
    .description('where it runs, how it is, and what happened to it')
    .addOption(asOption())
    .option('--watch', 'look again until it is retired')
    .action(async (id: string, options: { as: Role; watch?: boolean }, command: Command) => {
      const session = new Session(command);
      await session.withApi(options.as, (api) =>
        shown(
          session,
          options.watch,
          () => readStory(api, id),
          storyText,
          ({ deployment: { status } }) => status === 'retired',
        ),
      );
    });
  deployment
    .command('logs <id>')
    .description('the last lines that its agent printed before each failure')
    .addOption(asOption())
    .action(async (id: string, options: { as: Role }, command: Command) => {
      const session = new Session(command);
      const { events } = await session.withApi(options.as, (api) => readStory(api, id));
      const failures = events.flatMap(({ created_at, status, reason, details }) =>
        Array.isArray(details.log_lines)
          ? [{ created_at, status, reason, lines: details.log_lines.map(String) }]
          : [],
      );
      session.printer.data(failures, (all) =>
        all.length === 0
          ? 'no failure has left log lines'
          : all
              .map((one) =>
                [
                  `${one.created_at}  ${one.status}  ${printable(one.reason ?? '')}`,
                  ...one.lines.map((line) => `  ${printable(line)}`),
                ].join('\n'),
              )
              .join('\n\n'),
      );
    });
}

async function readStory({ owner }: Api, id: string): Promise<Story> {
  const params = { path: { id } };
  const [deployment, events] = await Promise.all([
    answerOf(owner.GET('/v1/deployments/{id}', { params })),
    answerOf(owner.GET('/v1/deployments/{id}/health-history', { params })),
  ]);
  return { deployment, events };
}

function storyText({ deployment, events }: Story): string {
  const head = fields([
    ['deployment', deployment.id],
    ['submission', deployment.submission_id],
    ['miner', deployment.miner_hotkey],
    ['status', deployment.status],
    ['health', deployment.health_status],
    ['placement', deployment.placement_status],
    ['node', deployment.assigned_node_name],
    ['waits for', deployment.placement_error],
    ['active', deployment.is_active ? `yes, rank ${deployment.active_set_rank ?? '-'}` : 'no'],
    ['image', deployment.image_ref],
    ['updated', deployment.updated_at],
  ]);
  if (events.length === 0) return head;
  const history = table(events, [
    { head: 'WHEN', value: (row) => row.created_at },
    { head: 'STATUS', value: (row) => row.status },
    { head: 'REASON', value: (row) => row.reason },
  ]);
  return `${head}\n\n${history}`;
}
