/** A submission's journey, and the list of a miner's submissions. */
import type { Schema } from '../../adapters/owner-api';
import { Facts, Head, Hotkey, Layout, score, Tag, Time, tone } from './parts';

const ENDED = new Set(['retired', 'withdrawn', 'rejected', 'build_failed']);

export function SubmissionPage({ journey }: { journey: Schema<'PublicJourney'> }) {
  return (
    <Layout
      title={`Submission ${journey.submission_id.slice(0, 8)}`}
      live={ENDED.has(journey.status) ? null : 5}
    >
      <h1>{`${journey.agent_name ?? 'Submission'} ${journey.agent_version ?? ''}`}</h1>
      <p class="lead">
        <Tag word={journey.status} /> {journey.reason}
      </p>
      <Facts
        of={[
          ['miner', <Hotkey ss58={journey.hotkey} />],
          ['submitted', <Time at={journey.submitted_at} />],
          [
            'enters',
            journey.introduced_run_id ? (
              <a href={`/runs/${journey.introduced_run_id}`}>{journey.introduced_run_id}</a>
            ) : (
              '–'
            ),
          ],
          ['agent', journey.deployment ? <Tag word={journey.deployment.status} /> : 'not placed'],
          ['health', journey.deployment ? <Tag word={journey.deployment.health_status} /> : '–'],
        ]}
      />
      <p class="mono soft">{`archive sha256 ${journey.archive_sha256}`}</p>
      <h2>Journey</h2>
      <ol class="steps">
        {journey.steps.map((step) => (
          <li class={tone(step.outcome)}>
            <Time at={step.at} />
            <strong>{`${step.about === 'submission' ? '' : `${step.about}: `}${step.step.replaceAll('_', ' ')}`}</strong>{' '}
            <span class="soft">{step.outcome}</span>
            {step.reason ? <div>{step.reason}</div> : null}
          </li>
        ))}
        {journey.now ? (
          <li class="now" aria-current="step">
            <span class="soft">now, since </span>
            <Time at={journey.now.since} />
            <strong>{journey.now.step.replaceAll('_', ' ')}</strong>
            <div>{journey.now.reason}</div>
          </li>
        ) : null}
      </ol>
      {journey.deployment?.reason ? <p class="warn">{journey.deployment.reason}</p> : null}
      <h2>Scores</h2>
      {journey.scores.length === 0 ? (
        <p>Not scored yet.</p>
      ) : (
        <ul>
          {journey.scores.map((entry) => (
            <li>
              <a
                href={`/runs/${entry.run_id}/miners/${journey.hotkey}`}
              >{`${entry.run_id}: ${score(entry.score)}`}</a>{' '}
              {entry.is_winner ? <Tag word="winner" /> : null}
              {entry.ineligible_because.length > 0
                ? ` cannot win: ${entry.ineligible_because.join('; ')}`
                : null}{' '}
              {entry.archive_public ? (
                <a
                  href={`/api/v1/dashboard/runs/${entry.run_id}/submissions/${journey.submission_id}/artifact`}
                >
                  archive
                </a>
              ) : null}
            </li>
          ))}
        </ul>
      )}
    </Layout>
  );
}

export function MinerPage({ miner }: { miner: Schema<'MinerSubmissions'> }) {
  return (
    <Layout title={`Miner ${miner.hotkey.slice(0, 8)}`}>
      <h1>Miner</h1>
      <p class="lead mono">{miner.hotkey}</p>
      <p>{miner.uid === null ? 'Not registered on the subnet at the last sync.' : `UID ${miner.uid}`}</p>
      <h2>Submissions</h2>
      <table class="cards">
        <Head of={['submission', 'status', 'submitted', 'enters']} />
        <tbody>
          {miner.submissions.map((row) => (
            <tr>
              <th scope="row" data-label="submission">
                <a href={`/submissions/${row.submission_id}`}>
                  {`${row.agent_name ?? row.submission_id.slice(0, 8)} ${row.agent_version ?? ''}`}
                </a>
              </th>
              <td data-label="status">
                <span>
                  <Tag word={row.status} /> {row.reason}
                </span>
              </td>
              <td data-label="submitted">
                <Time at={row.submitted_at} />
              </td>
              <td data-label="enters">{row.introduced_run_id ?? '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <h2>Scores</h2>
      {miner.runs.length === 0 ? <p>Not scored in any run yet.</p> : null}
      <ul>
        {miner.runs.map((row) => (
          <li>
            <a href={`/runs/${row.run_id}/miners/${miner.hotkey}`}>{`${row.run_id}: ${score(row.score)}`}</a>{' '}
            {row.is_winner ? <Tag word="winner" /> : null}
          </li>
        ))}
      </ul>
    </Layout>
  );
}
