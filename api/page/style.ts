/** One sheet, light and dark, that reads on a phone: tables that would not fit become cards. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --bg: #fbfbfa; --card: #ffffff; --ink: #1b1d1f; --soft: #55606a; --line: #d9dee2;
  --accent: #0b5cad; --good: #1a6b3a; --bad: #a3261f; --warn: #7a5200; --bar: #2f7d54; --barlow: #c2452d; --track: #e6eaed;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #14171a; --card: #1c2024; --ink: #e8eaec; --soft: #a5b0ba; --line: #333a41;
    --accent: #7db8f5; --good: #7fd0a0; --bad: #f2958c; --warn: #e3bd6b; --bar: #4fa677; --barlow: #d9705c; --track: #2b3137;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
a { color: var(--accent); }
a:focus-visible, summary:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.skip { position: absolute; left: -999px; } .skip:focus { left: 8px; top: 8px; background: var(--card); padding: 8px; }
header.site { border-bottom: 1px solid var(--line); background: var(--card); }
header.site nav, main, footer { max-width: 1120px; margin: 0 auto; padding: 12px 16px; }
header.site nav { display: flex; gap: 20px; align-items: baseline; flex-wrap: wrap; }
header.site .name { font-weight: 700; text-decoration: none; color: var(--ink); }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 12px 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 28px 0 8px; }
p.lead { color: var(--soft); margin: 0 0 12px; }
.mono { font-family: ui-monospace, monospace; font-size: .92em; overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 8px; margin: 12px 0; padding: 0; }
.facts div { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 8px 12px; }
.facts dt { color: var(--soft); font-size: .85rem; } .facts dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
caption { text-align: left; color: var(--soft); font-size: .9rem; padding: 4px 0; }
th, td { text-align: left; padding: 8px 10px; border-top: 1px solid var(--line); vertical-align: top; }
thead th { border-top: 0; font-size: .85rem; color: var(--soft); } td.num, th.num { text-align: right; font-variant-numeric: tabular-nums; }
.bar { display: block; height: 6px; border-radius: 3px; background: var(--track); margin-top: 4px; overflow: hidden; }
.bar svg { display: block; width: 100%; height: 6px; } .bar rect { fill: var(--bar); } .bar.low rect { fill: var(--barlow); }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.tag { display: inline-block; border: 1px solid currentColor; border-radius: 99px; padding: 0 8px; font-size: .8rem; white-space: nowrap; }
.soft { color: var(--soft); }
ol.steps { list-style: none; padding: 0 0 0 18px; border-left: 3px solid var(--line); margin: 12px 0; }
ol.steps li { position: relative; padding: 4px 0 12px; } ol.steps li::before { content: ''; position: absolute; left: -26px; top: 11px; width: 12px; height: 12px; border-radius: 50%; background: var(--soft); }
ol.steps li.good::before { background: var(--good); } ol.steps li.bad::before { background: var(--bad); } ol.steps li.now::before { background: var(--accent); }
ol.steps li > * { color: var(--ink); } ol.steps time { color: var(--soft); font-size: .85rem; display: block; }
details { background: var(--card); border: 1px solid var(--line); border-radius: 8px; margin: 8px 0; } summary { padding: 10px 12px; cursor: pointer; display: flex; gap: 10px; flex-wrap: wrap; align-items: baseline; }
details > div { padding: 0 12px 12px; border-top: 1px solid var(--line); }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--bg); border: 1px solid var(--line); border-radius: 6px; padding: 8px; max-height: 22rem; overflow: auto; font-size: .9rem; }
footer { color: var(--soft); font-size: .9rem; border-top: 1px solid var(--line); margin-top: 32px; }
@media (max-width: 760px) {
  table.cards thead { position: absolute; left: -9999px; }
  table.cards, table.cards tbody, table.cards tr, table.cards td, table.cards th { display: block; width: 100%; border: 0; }
  table.cards { background: none; } table.cards tr { background: var(--card); border: 1px solid var(--line); border-radius: 8px; margin-bottom: 10px; padding: 6px 0; }
  table.cards td, table.cards th, table.cards td.num { display: grid; grid-template-columns: 42% 58%; text-align: left; padding: 4px 12px; }
  table.cards td::before, table.cards th::before { content: attr(data-label); color: var(--soft); font-weight: 400; font-size: .85rem; }
}
`;
