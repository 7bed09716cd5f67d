import { type FaultMark, faultKinds } from './faults.ts';
import type { PositionLine, Report } from './report.ts';

const width = 1040;
const left = 64;
const right = 16;
const top = 56;
const plotHeight = 420;
/** One row of marks for each subscriber below the plot. */
const rowHeight = 12;

const colours = {
  'session confirmed': '#1f6feb',
  'session unconfirmed': '#54aeff',
  'sdk confirmed': '#bf5700',
  'sdk unconfirmed': '#e8a33d',
} as const;
const faultColours: Readonly<Record<FaultMark['kind'], string>> = {
  kill: '#cf222e',
  stop: '#8250df',
  cut: '#57606a',
  partial: '#9a6700',
  delay: '#1a7f37',
  stall: '#0550ae',
  'half-open': '#bc4c00',
  'kill-server': '#cf222e',
  'stop-server': '#8250df',
};

/**
 * What each subscriber showed over time, and the faults: those of the server as bands over everything, those of the
 * subscribers as marks in a row of their own.
 */
export function positionPlot(report: Pick<Report, 'lines' | 'marks' | 'from' | 'to' | 'transactions'>): string {
  const { lines, marks, from, transactions } = report;
  const to = Math.min(report.to, Math.max(from + 1000, lastNews(lines)) + 5000);
  const seconds = Math.max(1, (to - from) / 1000);
  const highest = Math.max(1, transactions, ...lines.map(({ points }) => points.at(-1)?.n ?? 0));
  const x = (at: number) => left + ((at - from) / 1000 / seconds) * (width - left - right);
  const y = (n: number) => top + plotHeight - (n / highest) * plotHeight;
  const rowsTop = top + plotHeight + 34;
  const row = new Map(lines.map(({ number }, index) => [number, rowsTop + index * rowHeight]));
  const height = rowsTop + lines.length * rowHeight + 16;
  const at = (value: number) => value.toFixed(1);
  const onServer = marks.filter(({ subscriber }) => subscriber === undefined);
  const bands = onServer.map(({ kind, from: begin, to: end }) => {
    const colour = faultColours[kind];
    const wide = Math.max(1.5, x(end) - x(begin));
    return `<rect x="${at(x(begin))}" y="${top}" width="${at(wide)}" height="${plotHeight}" fill="${colour}" fill-opacity=".16"><title>${kind}</title></rect>`;
  });
  const strikes = marks.flatMap(({ kind, subscriber, from: begin, to: end }) => {
    const place = subscriber === undefined ? undefined : row.get(subscriber);
    if (place === undefined) return [];
    const wide = Math.max(3, x(end) - x(begin));
    return `<rect x="${at(x(begin))}" y="${place}" width="${at(wide)}" height="${rowHeight - 4}" fill="${faultColours[kind]}"><title>${kind}</title></rect>`;
  });
  const paths = lines.map((line) => {
    const { client, reads, points, name } = line;
    return `<path d="${pathOf(points, x, y)}" fill="none" stroke="${colours[`${client} ${reads}`]}" stroke-width="1.1"><title>${name}</title></path>`;
  });
  // Whoever never shows the end: a cross where it stands.
  const crosses = lines.flatMap(({ points, client, reads }) => {
    const last = points.at(-1);
    if (last === undefined || last.n >= transactions) return [];
    const [here, there] = [x(last.at), y(last.n)];
    const colour = colours[`${client} ${reads}`];
    return `<path d="M${at(here)} ${at(there)}H${width - right}" fill="none" stroke="${colour}" stroke-dasharray="2 4"/><path d="M${at(here - 5)} ${at(there - 5)}l10 10m0-10l-10 10" stroke="${colour}" stroke-width="2.4"/>`;
  });
  const names = lines.map(
    ({ number, client, reads }) =>
      `<text x="${left - 6}" y="${(row.get(number) ?? 0) + 8}" text-anchor="end" font-size="8" fill="${colours[`${client} ${reads}`]}">#${number}</text>`,
  );
  const step = [1, 2, 5, 10, 20, 60, 300, 600, 3600].find((each) => seconds / each <= 12) ?? Math.ceil(seconds / 12);
  const ticks = Array.from({ length: Math.floor(seconds / step) + 1 }, (_, index) => index * step).map(
    (tick) =>
      `<text x="${at(x(from + tick * 1000))}" y="${top + plotHeight + 16}" text-anchor="middle">${tick} s</text>`,
  );
  const heights = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const n = Math.round(highest * part);
    return `<line x1="${left}" x2="${width - right}" y1="${at(y(n))}" y2="${at(y(n))}" stroke="#d0d7de"/><text x="${left - 6}" y="${at(y(n) + 4)}" text-anchor="end">${n}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="11" fill="#57606a" role="img" aria-label="Transactions shown by each subscriber over ${Math.round(seconds)} seconds, with the faults">
<rect width="${width}" height="${height}" fill="#ffffff"/>
${legend(lines, marks)}
${[...bands, ...heights, ...paths, ...crosses, ...strikes, ...names, ...ticks].join('\n')}
</svg>
`;
}

/** When somebody showed something new for the last time: what follows is waiting for those who do not. */
function lastNews(lines: readonly PositionLine[]): number {
  let last = 0;
  for (const { points } of lines) {
    for (const [index, { at, n }] of points.entries()) if (n > (points[index - 1]?.n ?? -1)) last = Math.max(last, at);
  }
  return last;
}

/** A step for each thinned point: what is shown stays until the next. Points of the same pixel are one. */
function pathOf(points: PositionLine['points'], x: (at: number) => number, y: (n: number) => number): string {
  let path = '';
  let lastX = Number.NEGATIVE_INFINITY;
  for (const [index, { at, n }] of points.entries()) {
    const here = Math.min(x(at), width - right);
    if (here - lastX < 0.7 && index < points.length - 1) continue;
    path += path === '' ? `M${here.toFixed(1)} ${y(n).toFixed(1)}` : `H${here.toFixed(1)}V${y(n).toFixed(1)}`;
    lastX = here;
  }
  return path;
}

function legend(lines: readonly PositionLine[], marks: readonly FaultMark[]): string {
  const clients = [...new Set(lines.map(({ client, reads }) => `${client} ${reads}` as const))];
  const kinds = (Object.keys(faultKinds) as FaultMark['kind'][]).filter((kind) =>
    marks.some((mark) => mark.kind === kind),
  );
  const items = [
    ...clients.map((name) => ({ name: name as string, colour: colours[name], opacity: 1, row: 0 })),
    ...kinds.map((name) => ({
      ...{ name: name as string, colour: faultColours[name], row: 1 },
      opacity: faultKinds[name].side === 'server' ? 0.3 : 1,
    })),
  ];
  const at = [left, left];
  return items
    .map(({ name, colour, opacity, row }) => {
      const place = at[row] ?? left;
      at[row] = place + 28 + name.length * 6.4;
      const y = 12 + row * 20;
      return `<rect x="${place.toFixed(0)}" y="${y}" width="12" height="9" fill="${colour}" fill-opacity="${opacity}"/><text x="${(place + 17).toFixed(0)}" y="${y + 9}">${name}</text>`;
    })
    .join('');
}
