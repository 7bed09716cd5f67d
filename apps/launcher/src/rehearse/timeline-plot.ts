import type { Report } from './report.ts';
import type { Sample } from './timeline.ts';

const width = 1040;
const left = 60;
const right = 12;
/** Heights of the bands: marks, stage and share, applied events per second, lag. */
const bands = {
  marks: { top: 8, height: 64 },
  stage: { top: 84, height: 90 },
  rate: { top: 200, height: 90 },
  lag: { top: 316, height: 90 },
};
const height = 440;
const ink = {
  flip: 'var(--flip)',
  rollback: 'var(--b)',
  fault: 'var(--fault)',
  defect: 'var(--fault)',
  cohort: 'var(--a)',
  note: 'var(--soft)',
} as const;

/** Stage, applied events per second and lag over time, with what was done, as an SVG in the page's colours. */
export function timelinePlot({ samples, marks, seconds }: Pick<Report, 'samples' | 'marks' | 'seconds'>): string {
  const end = Math.max(1, seconds);
  const x = (at: number) => left + (at / end) * (width - left - right);
  const shown = marks.filter(({ kind }) => kind !== 'note');
  const ticks = Array.from({ length: 9 }, (_, index) => (index * end) / 8);
  const axis = ticks
    .map((at) => `<text x="${x(at).toFixed(1)}" y="${height - 10}" text-anchor="middle">${Math.round(at)} s</text>`)
    .join('');
  const lines = shown
    .map(({ at, kind, text }, index) => {
      const label =
        kind === 'flip' ? text.replace('to ', '') : kind === 'cohort' ? text : kind === 'rollback' ? 'back' : kind;
      const row = 18 + (index % 4) * 14;
      return `<g style="stroke:${ink[kind]}"><line x1="${x(at).toFixed(1)}" x2="${x(at).toFixed(1)}" y1="${row + 3}" y2="${height - 28}" stroke-opacity=".55" ${kind === 'fault' || kind === 'defect' ? 'stroke-dasharray="3 3"' : ''}/><text x="${(x(at) + 2).toFixed(1)}" y="${row}" style="fill:${ink[kind]};stroke:none">${label}</text><title>${text.replace(/[<&]/g, ' ')}</title></g>`;
    })
    .join('');
  const place = ({ stage, percent }: Sample) =>
    stage === null ? null : stage === 1 ? 1 + (percent ?? 0) / 101 : stage;
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Stage, applied events per second and lag over ${Math.round(end)} seconds" style="font:11px system-ui;fill:var(--soft);stroke-width:1.3">
${band('stage, with the share', bands.stage, samples, place, 3, x, 'var(--a)', true)}
${band(
  'applied events/s',
  bands.rate,
  samples,
  ({ rate }) => rate,
  most(samples, ({ rate }) => rate),
  x,
  'var(--flip)',
)}
${band(
  'lag, events of the slowest unit',
  bands.lag,
  samples,
  ({ lag }) => lag,
  most(samples, ({ lag }) => lag),
  x,
  'var(--b)',
)}
${lines}${axis}</svg>`;
}

function most(samples: readonly Sample[], value: (sample: Sample) => number | null): number {
  return Math.max(1, ...samples.map((sample) => value(sample) ?? 0));
}

function band(
  title: string,
  { top, height: tall }: { readonly top: number; readonly height: number },
  samples: readonly Sample[],
  value: (sample: Sample) => number | null,
  highest: number,
  x: (at: number) => number,
  colour: string,
  stepped = false,
): string {
  let path = '';
  let last: number | undefined;
  for (const sample of samples) {
    const seen = value(sample);
    // What is not known is a gap in the line, not a zero.
    if (seen === null) {
      last = undefined;
      continue;
    }
    const y = top + tall - (Math.min(seen, highest) / highest) * tall;
    const at = x(sample.at).toFixed(1);
    if (last === undefined) path += `M${at} ${y.toFixed(1)}`;
    else path += `${stepped ? `L${at} ${last.toFixed(1)}` : ''}L${at} ${y.toFixed(1)}`;
    last = y;
  }
  const label = highest >= 1000 ? `${Math.round(highest / 100) / 10}k` : `${Math.round(highest)}`;
  return `<rect x="${left}" y="${top}" width="${width - left - right}" height="${tall}" style="fill:var(--band)"/>
<text x="${left}" y="${top - 4}">${title}</text><text x="${left - 6}" y="${top + 9}" text-anchor="end">${label}</text><text x="${left - 6}" y="${top + tall}" text-anchor="end">0</text>
<path d="${path}" style="fill:none;stroke:${colour}"/>`;
}
