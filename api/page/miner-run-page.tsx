/** Why a miner scored what it scored in a run: every task with every factor. */
import type { Schema } from '../../adapters/owner-api';
import { FACTORS, Facts, Head, Hotkey, Layout, score, Tag, usd } from './parts';

type TaskRecord = Schema<'MinerRunRecord'>['tasks'][number];

export function MinerRunPage({ record }: { record: Schema<'MinerRunRecord'> }) {
  const { costs, factors } = record;
  const answered = record.tasks.filter((task) => task.status === 'evaluated').length;
  return (
    <Layout title={`${record.hotkey.slice(0, 8)} in ${record.run_id}`} live={record.texts_public ? null : 5}>
      <h1>Why this score</h1>
      <p class="lead">
        <Hotkey ss58={record.hotkey} /> in <a href={`/runs/${record.run_id}`}>{record.run_id}</a>, submission{' '}
        <a href={`/submissions/${record.submission_id}`}>{record.submission_id.slice(0, 8)}</a>
      </p>
      <Facts
        of={[
          ['score', score(record.score)],
          ['answered', `${answered} of ${record.tasks.length}`],
          ['models', usd(costs.llm_usd)],
          ['tools', usd(costs.tool_usd)],
          ['per answer', usd(costs.usd_per_answer)],
          ['per point', usd(costs.usd_per_point)],
          ['refused calls', String(costs.refused_calls)],
        ]}
      />
      <h2>Factors, averaged</h2>
      <table class="cards">
        <Head of={['factor', { num: 'mean' }, 'what it is']} />
        <tbody>
          {FACTORS.map(({ key, label, meaning }) => (
            <tr>
              <th scope="row" data-label="factor">
                {label}
              </th>
              <td class="num" data-label="mean">
                {score(factors?.[key] ?? null)}
              </td>
              <td data-label="what it is">{meaning}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <h2>Tasks</h2>
      {record.texts_public ? null : (
        <p>
          Prompts, answers and explanations are withheld while the run is open. Its miner reads its own
          feedback with <span class="mono">eirel-ai miner feedback</span>.
        </p>
      )}
      {record.tasks.map((task) => (
        <Task task={task} />
      ))}
    </Layout>
  );
}

function Task({ task }: { task: TaskRecord }) {
  const where = [task.mode, task.capability, task.domain].filter(Boolean).join(' · ');
  return (
    <details>
      <summary>
        <strong>{`Task ${task.task_index + 1}`}</strong> <span class="soft">{where}</span>{' '}
        <Tag word={task.status} />{' '}
        <span>{task.composite === null ? verdictOfNothing(task) : `score ${score(task.composite)}`}</span>
        {task.disputed ? <Tag word="disputed" /> : null}
      </summary>
      <div>
        {task.status_reason ? <p>{task.status_reason}</p> : null}
        {task.explanation ? <p>{task.explanation}</p> : null}
        {task.factors ? (
          <p>
            {FACTORS.map(({ key, label }) => `${label} ${score(task.factors?.[key] ?? null)}`).join(' · ')}
          </p>
        ) : null}
        <p class="soft">
          {[
            task.verdict ? `verdict ${task.verdict}` : null,
            task.latency_seconds === null ? null : `${task.latency_seconds.toFixed(1)} s`,
            `cost ${usd(task.cost_usd)}`,
            task.attested_tools.length > 0
              ? `attested tools ${task.attested_tools.join(', ')}`
              : 'no tool attested',
            task.oracle_status ? `oracles ${task.oracle_status}` : null,
            task.judged_by.length > 0
              ? `judged by ${task.judged_by.map((hotkey) => hotkey.slice(0, 8)).join(', ')}`
              : null,
          ]
            .filter(Boolean)
            .join(' · ')}
        </p>
        {task.prompt ? (
          <>
            <h3>Prompt</h3>
            <pre>{task.prompt}</pre>
          </>
        ) : null}
        {task.response ? (
          <>
            <h3>Answer</h3>
            <pre>{task.response}</pre>
          </>
        ) : null}
      </div>
    </details>
  );
}

function verdictOfNothing(task: TaskRecord): string {
  if (task.status === 'unscored') return "set aside by the owner; nobody's score counts it";
  if (task.status === 'expired') return 'not answered: counts 0';
  return 'not yet evaluated';
}
