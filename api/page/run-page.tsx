/** A run: how far it is, who stands where and why, what it cost, and what can be downloaded. */
import type { Schema } from '../../adapters/owner-api';
import { Bar, duration, FACTORS, Facts, Head, Hotkey, Layout, score, Tag, Time, usd } from './parts';

type Leaderboard = Schema<'Leaderboard'>;
type Entry = Leaderboard['entries'][number];
type Progress = Schema<'RunProgress'>;
type Run = Schema<'Run'>;

export interface RunPageData {
  run: Run;
  progress: Progress;
  board: Leaderboard;
  weights: Schema<'Weights'> | null;
}

/** Seconds between refreshes of a run that is not completed. */
const LIVE_SECONDS = 3;

export function RunPage({ data, heading }: { data: RunPageData; heading?: string }) {
  const { run, progress } = data;
  const open = run.status !== 'completed';
  return (
    <Layout title={run.run_id} live={open ? LIVE_SECONDS : null}>
      <h1>{heading ?? run.run_id}</h1>
      <p class="lead">
        {heading ? <a href={`/runs/${run.run_id}`}>{run.run_id}</a> : null} <Tag word={progress.phase} />{' '}
        {progress.reason}
      </p>
      <Facts
        of={[
          ['opened', <Time at={run.started_at} />],
          [open ? 'closes' : 'closed', <Time at={run.closed_at ?? run.ends_at} />],
          ...(open ? ([['time left', duration(progress.remaining_seconds)]] as const) : []),
          ['judged', `${progress.tasks.evaluated} of ${progress.total}`],
          ['leased now', String(progress.tasks.claimed)],
          ['waiting', String(progress.tasks.pending)],
          ['set aside', String(progress.tasks.unscored)],
          ['scoring', `version ${run.scoring_version}`],
        ]}
      />
      {progress.total > 0 ? <ProgressBar progress={progress} /> : null}
      <Standings board={data.board} completed={!open} />
      {open ? <Validators progress={progress} /> : <Downloads data={data} />}
      <Draw run={run} />
    </Layout>
  );
}

function ProgressBar({ progress }: { progress: Progress }) {
  const { evaluated, unscored, expired } = progress.tasks;
  const done = evaluated + unscored + expired;
  return (
    <p>
      <label for="run-progress">{`${Math.floor((100 * done) / progress.total)} % of the tasks are settled `}</label>
      <progress id="run-progress" value={done} max={progress.total} />
    </p>
  );
}

function Standings({ board, completed }: { board: Leaderboard; completed: boolean }) {
  if (board.entries.length === 0) {
    return (
      <section aria-labelledby="standings">
        <h2 id="standings">Leaderboard</h2>
        <p>No miner is in this run yet. Submissions that arrive now enter the next run: see the queue.</p>
      </section>
    );
  }
  return (
    <section aria-labelledby="standings">
      <h2 id="standings">Leaderboard</h2>
      <table class="cards">
        <caption>
          {completed ? 'Final scores' : 'Standing so far'}; each factor is its mean over the judged answers. A
          gate below 1 means that some answers scored 0 for that reason.
        </caption>
        <thead>
          <tr>
            <th scope="col">rank</th>
            <th scope="col">miner</th>
            <th scope="col" class="num">
              score
            </th>
            <th scope="col" class="num">
              answered
            </th>
            {FACTORS.map(({ label, meaning }) => (
              <th scope="col" class="num" title={meaning}>
                {label}
              </th>
            ))}
            <th scope="col" class="num" title="spent on models and tools, and per whole point of score">
              spent
            </th>
          </tr>
        </thead>
        <tbody>
          {board.entries.map((entry) => (
            <Standing entry={entry} runId={board.run_id ?? ''} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Standing({ entry, runId }: { entry: Entry; runId: string }) {
  const mean = entry.metrics.mean_task_score;
  return (
    <tr>
      <td data-label="rank">{entry.rank}</td>
      <th scope="row" data-label="miner">
        <span>
          <Hotkey ss58={entry.hotkey} /> {entry.is_serving_winner ? <Tag word="winner" /> : null}
          <br />
          <span class="soft">{entry.agent_name}</span>{' '}
          <a href={`/runs/${runId}/miners/${entry.hotkey}`}>
            why<span hidden>{` ${entry.hotkey_short} scored this`}</span>
          </a>
        </span>
      </th>
      <td class="num" data-label="score">
        <span>{mean === null ? 'not yet evaluated' : <Bar value={mean} text={score(mean)} />}</span>
      </td>
      <td class="num" data-label="answered">
        {`${entry.tasks_answered}/${entry.tasks_total}`}
      </td>
      {FACTORS.map(({ key, label }) => (
        <td class="num" data-label={label}>
          {score(entry.factors?.[key] ?? null)}
        </td>
      ))}
      <td class="num" data-label="spent">
        <span>
          {usd(entry.costs.llm_usd + entry.costs.tool_usd)}
          {entry.costs.usd_per_point === null ? null : (
            <span class="soft">{` (${usd(entry.costs.usd_per_point)} a point)`}</span>
          )}
        </span>
      </td>
    </tr>
  );
}

function Validators({ progress }: { progress: Progress }) {
  return (
    <section aria-labelledby="validators">
      <h2 id="validators">Validators</h2>
      {progress.validators.length === 0 ? (
        <p>No validator has claimed a task yet.</p>
      ) : (
        <table class="cards">
          <Head of={['validator', { num: 'leases' }, { num: 'judgments' }, 'last seen']} />
          <tbody>
            {progress.validators.map((row) => (
              <tr>
                <th scope="row" class="mono" data-label="validator">
                  {row.validator_hotkey}
                </th>
                <td class="num" data-label="leases">
                  {row.active_leases}
                </td>
                <td class="num" data-label="judgments">
                  {row.judgments}
                </td>
                <td data-label="last seen">{row.last_seen_at ? <Time at={row.last_seen_at} /> : '–'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Downloads({ data: { run, board, weights } }: { data: RunPageData }) {
  const archives = board.entries.filter((entry) => entry.submission_id !== null);
  return (
    <section aria-labelledby="downloads">
      <h2 id="downloads">Weights and downloads</h2>
      {weights?.ready ? (
        <ul>
          {Object.entries(weights.weights).map(([hotkey, weight]) => (
            <li>
              <Hotkey ss58={hotkey} />: weight {weight}
            </li>
          ))}
          {Object.keys(weights.weights).length === 0 ? (
            <li>No miner earned weight in this run: all of it goes to UID 0 and is burnt.</li>
          ) : null}
        </ul>
      ) : (
        <p>No weights were published for this run.</p>
      )}
      <ul>
        <li>
          <a href={`/v1/runs/${run.run_id}/evidence`} download={`${run.run_id}-evidence.json`}>
            Evidence
          </a>{' '}
          <span class="mono soft">{run.evidence_sha256 ? `sha256 ${run.evidence_sha256}` : ''}</span>
        </li>
        <li>
          <a href={`/v1/weights?run_id=${run.run_id}`}>Signed weights</a>
        </li>
        {archives.map((entry) => (
          <li>
            <a href={`/api/v1/dashboard/runs/${run.run_id}/submissions/${entry.submission_id}/artifact`}>
              {`Archive of ${entry.agent_name ?? entry.hotkey_short}`}
            </a>{' '}
            <span class="mono soft">{entry.artifact_sha256 ? `sha256 ${entry.artifact_sha256}` : ''}</span>
          </li>
        ))}
      </ul>
      <p>
        Recompute it yourself: <span class="mono">eirel-ai run verify {run.run_id}</span>
      </p>
    </section>
  );
}

function Draw({ run }: { run: Run }) {
  if (!run.sampler_commitment) return null;
  return (
    <section aria-labelledby="draw">
      <h2 id="draw">How its tasks were drawn</h2>
      <p>
        Commitment published at opening: <span class="mono">{run.sampler_commitment}</span>.{' '}
        {run.sampler_seed ? (
          <>
            Seed revealed at closing: <span class="mono">{run.sampler_seed}</span>; its SHA-256 is the
            commitment.
          </>
        ) : (
          'The seed is revealed when the run is completed.'
        )}
      </p>
    </section>
  );
}
