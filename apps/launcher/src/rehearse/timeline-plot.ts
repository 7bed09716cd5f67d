import { labelOffset, type MarkLabel, markLabels } from './mark-labels.ts';
import type { Report } from './report.ts';
import type { Sample } from './timeline.ts';

const width = 1040;
const left = 64;
const right = 28;
const rowHeight = 14;
/** Between two bands there is room for a title. */
const between = 30;
const ink = {
  flip: 'var(--flip)',
  rollback: 'var(--b)',
  fault: 'var(--fault)',
  defect: 'var(--fault)',
  cohort: 'var(--a)',
  note: 'var(--soft)',
} as const;

/** One value over time. */
interface Band {
  readonly title: string;
  readonly height: number;
  readonly value: (sample: Sample) => number | null;
  readonly highest: number;
  /** Values with a line and their names, from the bottom. */
  readonly grid: readonly (readonly [value: number, name: string])[];
  readonly colour: string;
  /** Whether a value holds until the next one, instead of going over into it. */
  readonly stepped?: boolean;
}

/** Stage, lanes, applied events per second and lag over time, with what was done, as an SVG in the page's colours. */
export function timelinePlot({ samples, marks, seconds }: Pick<Report, 'samples' | 'marks' | 'seconds'>): string {
  const end = Math.max(1, seconds);
  const x = (at: number) => left + (at / end) * (width - left - right);
  const shown = marks.filter(({ kind }) => kind !== 'note');
  const labels = markLabels(shown, x, { left, right: width - 2 });
  const rows = Math.max(1, ...labels.map(({ row }) => row + 1));
  const share = ({ units, on_spacetime }: Sample) => (units === 0 ? null : (100 * on_spacetime) / units);
  const bands: readonly Band[] = [
    {
      ...{ title: 'stage', height: 84, value: ({ stage }) => stage, highest: 3, colour: 'var(--a)', stepped: true },
      grid: [0, 1, 2, 3].map((stage) => [stage, String(stage)] as const),
    },
    {
      ...{ title: 'units on spacetime', height: 56, value: share, highest: 100, colour: 'var(--a)', stepped: true },
      grid: [
        [0, '0 %'],
        [100, '100 %'],
      ],
    },
    measured('applied events/s, all units together', samples, ({ rate }) => rate, 'var(--flip)'),
    measured('lag, events of the slowest unit', samples, ({ lag }) => lag, 'var(--b)'),
  ];
  let top = 6 + rows * rowHeight;
  const first = top;
  const drawn = bands.map((band) => {
    top += between;
    const area = drawBand(band, top, samples, x);
    const title = `<text class="over title" x="${left}" y="${top - 7}">${band.title}</text>`;
    top += band.height;
    return { area, title };
  });
  const height = top + 24;
  const names = labels.map((label) => drawLabel(label, first)).join('\n');
  const lines = labels.map((label) => drawLine(label, first, top)).join('\n');
  const axis = ticks(end)
    .map((at) => `<text class="axis" x="${x(at).toFixed(1)}" y="${height - 6}" text-anchor="middle">${at} s</text>`)
    .join('');
  return `<svg class="timeline" viewBox="0 0 ${width} ${height}" role="img" aria-label="Stage, lanes, applied events per second and lag over ${Math.round(end)} seconds">
${drawn.map(({ area }) => area).join('\n')}
<g class="lines">${lines}</g>
${drawn.map(({ title }) => title).join('\n')}
${names}
${axis}</svg>`;
}

/** A band from zero to the highest that was measured. */
function measured(title: string, samples: readonly Sample[], value: Band['value'], colour: string): Band {
  const highest = Math.max(1, ...samples.map((sample) => value(sample) ?? 0));
  const name = highest >= 1000 ? `${(highest / 1000).toFixed(1)}k` : `${Math.round(highest)}`;
  const grid = [[0, '0'] as const, [highest, name] as const];
  return { title, height: 84, value, highest, grid, colour };
}

/** Round times, at most ten of them. */
function ticks(end: number): readonly number[] {
  const steps = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800];
  const step = steps.find((each) => end / each <= 10) ?? Math.ceil(end / 10);
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, index) => index * step);
}

/** From the label down to the bands, and through them. */
function drawLine({ kind, x, row }: MarkLabel, from: number, to: number): string {
  const at = x.toFixed(1);
  const dashes = kind === 'fault' || kind === 'defect' ? ' stroke-dasharray="3 3"' : '';
  const leader = `<line class="leader" x1="${at}" x2="${at}" y1="${baseline(row, from) - 9}" y2="${from}" style="stroke:${ink[kind]}"/>`;
  return `${leader}<line x1="${at}" x2="${at}" y1="${from}" y2="${to}" style="stroke:${ink[kind]}"${dashes}/>`;
}

function baseline(row: number, from: number): number {
  return from - 4 - row * rowHeight;
}

function drawLabel({ kind, x, label, title, row, before }: MarkLabel, from: number): string {
  const text = before ? x - labelOffset : x + labelOffset;
  const anchor = before ? ' text-anchor="end"' : '';
  return `<g><text class="over mark" x="${text.toFixed(1)}" y="${baseline(row, from)}"${anchor} style="fill:${ink[kind]}">${label}</text><title>${title.replace(/[<&]/g, ' ')}</title></g>`;
}

function drawBand(
  { title, height, value, highest, grid, colour, stepped = false }: Band,
  top: number,
  samples: readonly Sample[],
  x: (at: number) => number,
): string {
  const y = (seen: number) => top + height - (Math.min(seen, highest) / highest) * height;
  let path = '';
  let last: number | undefined;
  for (const sample of samples) {
    const seen = value(sample);
    // What is not known is a gap in the line, not a zero.
    if (seen === null) {
      last = undefined;
      continue;
    }
    const at = x(sample.at).toFixed(1);
    if (last === undefined) path += `M${at} ${y(seen).toFixed(1)}`;
    else path += `${stepped ? `L${at} ${last.toFixed(1)}` : ''}L${at} ${y(seen).toFixed(1)}`;
    last = y(seen);
  }
  const scale = grid
    .map(
      ([at, name]) =>
        `<line class="grid" x1="${left}" x2="${width - right}" y1="${y(at).toFixed(1)}" y2="${y(at).toFixed(1)}"/><text class="axis" x="${left - 6}" y="${(y(at) + 4).toFixed(1)}" text-anchor="end">${name}</text>`,
    )
    .join('');
  return `<rect x="${left}" y="${top}" width="${width - left - right}" height="${height}" style="fill:var(--band)"/>
${scale}
<path data-band="${title}" d="${path}" style="stroke:${colour}"/>`;
}
