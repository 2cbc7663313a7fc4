/** Lists: runs, the queue; and the page that says that something is not there. */
import type { Schema } from '../../adapters/owner-api';
import { Head, Hotkey, Layout, Tag, Time } from './parts';

export function RunsPage({ runs }: { runs: readonly Schema<'Run'>[] }) {
  return (
    <Layout title="Runs">
      <h1>Runs</h1>
      <p class="lead">
        Each run draws its tasks, freezes who takes part, and ends in scores, weights and evidence.
      </p>
      {runs.length === 0 ? (
        <p>There was no run yet: the first one is created by the first submission.</p>
      ) : null}
      <table class="cards">
        <Head of={['run', 'phase', 'opened', 'closes', 'winner']} />
        <tbody>
          {runs.map((run) => {
            const winners = Object.values(run.family_results).flatMap((result) => result.winner_hotkey ?? []);
            return (
              <tr>
                <th scope="row" data-label="run">
                  <a href={`/runs/${run.run_id}`}>{run.run_id}</a>
                </th>
                <td data-label="phase">
                  <Tag word={run.phase} />
                </td>
                <td data-label="opened">
                  <Time at={run.started_at} />
                </td>
                <td data-label="closes">
                  <Time at={run.closed_at ?? run.ends_at} />
                </td>
                <td data-label="winner">
                  <span>{winners.length > 0 ? winners.map((hotkey) => <Hotkey ss58={hotkey} />) : '–'}</span>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Layout>
  );
}

export function QueuePage({ queue }: { queue: Schema<'QueuedSubmissions'>['submissions'] }) {
  return (
    <Layout title="Queue" live={5}>
      <h1>Queue</h1>
      <p class="lead">Submissions that wait for their build, for room, or for their run.</p>
      {queue.length === 0 ? (
        <p>Nobody waits. A submission that arrives now enters the next run.</p>
      ) : (
        <table class="cards">
          <Head of={['submission', 'miner', 'status', 'submitted']} />
          <tbody>
            {queue.map((row) => (
              <tr>
                <th scope="row" data-label="submission">
                  <a href={`/submissions/${row.submission_id}`}>
                    {`${row.agent_name ?? row.submission_id.slice(0, 8)} ${row.agent_version ?? ''}`}
                  </a>
                </th>
                <td data-label="miner">
                  <Hotkey ss58={row.hotkey} />
                </td>
                <td data-label="status">
                  <Tag word={row.status} />
                </td>
                <td data-label="submitted">
                  <Time at={row.submitted_at} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Layout>
  );
}

/** @param detail what the API said */
export function MissingPage({ detail }: { detail: string }) {
  return (
    <Layout title="Not found">
      <h1>Not found</h1>
      <p>{detail}</p>
      <p>
        <a href="/runs">All runs</a>
      </p>
    </Layout>
  );
}
