/** Pieces that several pages share. Everything is escaped by the renderer; no page contains raw HTML. */
import type { Child } from 'hono/jsx';
import type { FactorMeans } from '../../domain/contracts/public-record';

/** The nine factors in the order of the formula, as docs/scoring.md names them to miners. */
export const FACTORS: readonly { key: keyof FactorMeans; label: string; meaning: string }[] = [
  {
    key: 'outcome_score',
    label: 'outcome',
    meaning: 'the judge found the answer right (1), partly right (0.5) or wrong (0)',
  },
  { key: 'grounded_correctness_gate', label: 'grounded', meaning: 'gate: supported by the task or a source' },
  { key: 'instruction_safety_gate', label: 'safety', meaning: 'gate: kept to the instructions and was safe' },
  {
    key: 'safety_attestation_knockout',
    label: 'denylist',
    meaning: 'gate: no injection phrase or template token in the answer',
  },
  {
    key: 'tool_attestation_factor',
    label: 'tools',
    meaning: "gate: a required tool is in the owner's ledger",
  },
  { key: 'hallucination_knockout', label: 'claims', meaning: 'gate: no forbidden claim in the answer' },
  {
    key: 'cost_attestation_knockout',
    label: 'cost',
    meaning: 'gate: a model was really asked through the proxy',
  },
  {
    key: 'efficiency_factor',
    label: 'speed',
    meaning: 'factor: 1 up to half of the latency budget, then falling to 0.5',
  },
  {
    key: 'pairwise_bonus',
    label: 'bonus',
    meaning: 'added to the outcome: preferred over the reference or not',
  },
];

export const score = (value: number | null): string => (value === null ? '–' : value.toFixed(3));
export const usd = (value: number | null): string =>
  value === null ? '–' : value === 0 ? '$0' : value < 0.01 ? `$${value.toFixed(5)}` : `$${value.toFixed(2)}`;

/** `3 h 12 min` and the like, for what is left or has passed. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

/** A UTC time of the wire, readable and machine-readable. */
export function Time({ at }: { at: string }) {
  const text = at.replace(/Z$/, '');
  return <time datetime={`${text}Z`}>{`${text.slice(0, 19).replace('T', ' ')} UTC`}</time>;
}

export function Hotkey({ ss58 }: { ss58: string }) {
  return (
    <a class="mono" href={`/miners/${ss58}`} title={ss58}>
      {`${ss58.slice(0, 6)}…${ss58.slice(-4)}`}
    </a>
  );
}

/** A value from 0 to 1 with a bar under it; the number is the content, the bar only repeats it. */
export function Bar({ value, text }: { value: number; text: string }) {
  const width = Math.round(Math.min(1, Math.max(0, value)) * 100);
  return (
    <>
      {text}
      <span class={value < 0.5 ? 'bar low' : 'bar'} aria-hidden="true">
        <svg viewBox="0 0 100 6" preserveAspectRatio="none">
          <rect width={width} height="6" />
        </svg>
      </span>
    </>
  );
}

const TONES: Record<string, 'good' | 'bad' | 'warn'> = {
  done: 'good',
  scored: 'good',
  completed: 'good',
  evaluated: 'good',
  healthy: 'good',
  failed: 'bad',
  rejected: 'bad',
  build_failed: 'bad',
  unhealthy: 'bad',
  expired: 'bad',
  retry: 'warn',
  waiting: 'warn',
  pending_capacity: 'warn',
  unscored: 'warn',
  paused: 'warn',
};
export const tone = (word: string): string => TONES[word] ?? '';

export function Tag({ word }: { word: string }) {
  return <span class={`tag ${tone(word)}`}>{word.replaceAll('_', ' ')}</span>;
}

/** The head of a table: the columns' names; those of numbers stand on the right. */
export function Head({ of }: { of: readonly (string | { num: string })[] }) {
  return (
    <thead>
      <tr>
        {of.map((column) =>
          typeof column === 'string' ? (
            <th scope="col">{column}</th>
          ) : (
            <th scope="col" class="num">
              {column.num}
            </th>
          ),
        )}
      </tr>
    </thead>
  );
}

export function Facts({ of }: { of: readonly (readonly [string, Child])[] }) {
  return (
    <dl class="facts">
      {of.map(([name, value]) => (
        <div>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/**
 * The frame of every page.
 * @param live reload `main` every so many seconds; works without a script too, by reloading by hand
 */
export function Layout({ title, live, children }: { title: string; live?: number | null; children: Child }) {
  const refresh = live
    ? { 'hx-get': '', 'hx-trigger': `every ${live}s`, 'hx-select': '#live', 'hx-swap': 'outerHTML' }
    : {};
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="htmx-config" content='{"includeIndicatorCSS":false}' />
        <title>{`${title} · EIREL`}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/assets/page.css" />
        <script src="/assets/htmx.js" defer></script>
      </head>
      <body>
        <a class="skip" href="#content">
          Skip to the content
        </a>
        <header class="site">
          <nav aria-label="Site">
            <a class="name" href="/">
              EIREL
            </a>
            <a href="/runs">Runs</a>
            <a href="/queue">Queue</a>
            <a href="/docs">API</a>
          </nav>
        </header>
        <main id="content">
          <div id="live" aria-live={live ? 'polite' : undefined} {...refresh}>
            {children}
          </div>
        </main>
        <footer>
          Times are UTC. Everything shown here is computed from public records; a completed run can be
          recomputed from its evidence with <span class="mono">eirel-ai run verify</span>.
        </footer>
      </body>
    </html>
  );
}
