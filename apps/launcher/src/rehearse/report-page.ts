import { eventsByStage, type Report } from './report.ts';
import { timelinePlot } from './timeline-plot.ts';

const text = (given: string) =>
  given.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign] ?? sign);

/** Columns whose heads begin with `#` hold numbers. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const numeric = head.map((name) => name.startsWith('#'));
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell, column) => `<${tag}${numeric[column] === true ? ' class="number"' : ''}>${cell}</${tag}>`).join('')}</tr>`;
  return `<div class="wide" tabindex="0"><table><thead>${line(
    head.map((name) => name.replace('#', '')),
    'th',
  )}</thead><tbody>${rows.map((row) => line(row, 'td')).join('')}</tbody></table></div>`;
}

/** The report as a page of its own, without scripts and without anything from elsewhere. */
export function reportPage(report: Report): string {
  const { measurement, checks, phases, crossings, marks } = report;
  const number = (value: number | null | undefined) => (value == null ? 'not measured' : value.toLocaleString('en-GB'));
  const seconds = (at: number) => `${at.toFixed(1)} s`;
  // Of less than a second no rate is told: it would be of the moment.
  const rate = (count: number, took: number) => (took < 1 ? '' : number(Math.round(count / took)));
  const facts: readonly (readonly [string, string])[] = [
    ['Result', report.ok ? 'held' : 'did not hold'],
    ['Applied, by chain', number(measurement?.applied)],
    ['Published', number(measurement?.published)],
    ['Lost', number(measurement?.lost)],
    ['Repeated', number(measurement?.repeated)],
    ['Unequal chains', number(measurement?.unequal_chains)],
    ['Units', number(measurement?.units)],
    ['Changes of lane', number(report.handovers.done)],
    ['Highest rate, applied/s', number(report.peak_applied_per_second)],
    ['Time', seconds(report.seconds)],
  ];
  const failed = checks.filter(({ ok }) => !ok).length;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Cutover rehearsal: ${report.ok ? 'held' : 'did not hold'}</title>
<style>
:root { color-scheme: light dark; --ink: #1c2024; --paper: #fff; --line: #d5d9de; --soft: #60666e; --good: #17723b; --bad: #b3261e;
  --a: #2563b0; --b: #a85a00; --fault: #b3261e; --flip: #17723b; --band: #eef1f5; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --paper: #16181b; --line: #3a3f45; --soft: #9aa1a9; --good: #5cc98a;
  --bad: #ff8a80; --a: #7fb2f5; --b: #f0a64b; --fault: #ff8a80; --flip: #5cc98a; --band: #22262b; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1080px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(170px, 1fr)); gap: .75rem; }
dt { color: var(--soft); font-size: .85rem; } dd { margin: 0; font-size: 1.15rem; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td:last-child { overflow-wrap: anywhere; } @media (max-width: 600px) { table { font-size: .8rem; } th, td { padding: .3rem .25rem; } }
.number { white-space: nowrap; font-variant-numeric: tabular-nums; } td.number, th.number { text-align: right; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; } .soft { color: var(--soft); overflow-wrap: anywhere; }
svg { display: block; width: 100%; min-width: 52rem; height: auto; font: 11px system-ui, sans-serif; fill: var(--soft); }
svg path { fill: none; stroke-width: 1.6; stroke-linejoin: round; } svg .grid { stroke: var(--line); stroke-width: .7; }
svg .title { fill: var(--ink); } svg .lines line { stroke-width: 1.2; stroke-opacity: .5; } svg .lines .leader { stroke-opacity: 1; }
svg .over { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; }
</style></head><body>
<h1>Cutover rehearsal</h1>
<p class="${report.ok ? 'good' : 'bad'}">${report.ok ? 'Everything held' : 'Not everything held'}: ${checks.length - failed} of ${checks.length} checks.</p>
<p class="soft">Began ${text(report.began)}, seed ${report.seed}, commit ${text(report.commit ?? 'not known')}.</p>
${report.stopped_by === null ? '' : `<p class="bad">Stopped by: ${text(report.stopped_by)}</p>`}
<dl>${facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${text(value)}</dd></div>`).join('')}</dl>
<h2>Timeline</h2>
<div class="wide" tabindex="0">${timelinePlot(report)}</div>
<h2>Checks</h2>
${table(
  ['#at', 'check', 'result', 'seen'],
  checks.map(({ at, name, ok, seen }) => [
    seconds(at),
    text(name),
    ok ? '<span class="good">held</span>' : '<span class="bad">failed</span>',
    text(seen),
  ]),
)}
<h2>Events by stage</h2>
<p class="soft">To the streams of the fleet, and by all its units together. A phase in which the stage changed is counted by itself.</p>
${table(
  ['stage', '#took', '#published', '#applied', '#applied/s'],
  eventsByStage(phases).map(({ stage, seconds: took, published, applied }) => [
    text(stage),
    seconds(took),
    number(published),
    number(applied),
    rate(applied, took),
  ]),
)}
<h2>Events across each change</h2>
<p class="soft">Published from a moment before the command until every unit was where it belongs. Fewest: in the stream that had
the fewest. Applied: by the units together, of what was published.</p>
${table(
  ['change', '#at', '#took', '#published', '#streams', '#fewest', '#units', '#applied'],
  crossings.map(({ name, at, seconds: took, published, least, streams, applied, units }) => [
    text(name),
    seconds(at),
    seconds(took),
    ...[published, streams, least, units, applied].map(number),
  ]),
)}
<h2>Phases</h2>
${table(
  ['phase', 'stage', '#from', '#took', '#published', '#applied', '#applied/s'],
  phases.map(({ name, stage, from, to, published, applied }) => [
    text(name),
    text(stage ?? 'not known'),
    seconds(from),
    seconds(to - from),
    number(published),
    number(applied),
    rate(applied, to - from),
  ]),
)}
<h2>What was done</h2>
${table(
  ['#at', 'kind', 'what'],
  marks.map((mark) => [seconds(mark.at), mark.kind, text(mark.text)]),
)}
${(measurement?.faults.length ?? 0) === 0 ? '' : `<h2>Faults of the measurement</h2><ul>${measurement?.faults.map((fault) => `<li class="bad">${text(fault)}</li>`).join('')}</ul>`}
</body></html>
`;
}
