import type { Parity } from '../api-types.ts';
import { formatAbsolute, formatClock, formatCount, formatOf, inWords } from '../format.ts';
import { resultOrder } from './result-order.ts';

const mostBins = 48;
const height = 100;

interface Bin {
  readonly from: number;
  readonly counts: Record<string, number>;
  readonly total: number;
}

/** Points dealt to bins of equal length by their middle. */
function binned(series: Parity['series']): readonly Bin[] {
  const from = Math.min(...series.map((point) => point.from));
  const to = Math.max(...series.map((point) => point.to));
  const length = Math.max(1, to - from);
  const bins = Math.min(mostBins, series.length);
  const dealt = Array.from({ length: bins }, (_, index) => ({
    from: from + (index * length) / bins,
    counts: {} as Record<string, number>,
    total: 0,
  }));
  for (const point of series) {
    const bin = dealt[Math.min(bins - 1, Math.floor((((point.from + point.to) / 2 - from) / length) * bins))];
    if (bin === undefined) continue;
    for (const result of resultOrder) {
      bin.counts[result] = (bin.counts[result] ?? 0) + point.counts[result];
      bin.total += point.counts[result];
    }
  }
  return dealt;
}

/**
 * Counts over time. Matches and differences have an axis each: a few differences among thousands of matches would be
 * thinner than a pixel.
 */
export function ParityChart(props: { readonly series: Parity['series'] }) {
  if (props.series.length === 0) return null;
  const all = binned(props.series);
  const differences = (bin: Bin) => bin.total - (bin.counts.match ?? 0);
  const first = all[0]?.from ?? 0;
  const last = Math.max(...props.series.map((point) => point.to));
  return (
    <figure className="chart">
      <figcaption>
        <span>Positions that matched</span>
        <span className="quiet">highest {formatCount(Math.max(...all.map((bin) => bin.counts.match ?? 0)))}</span>
      </figcaption>
      <Stack bins={all} results={['match']} of={(bin) => bin.counts.match ?? 0} name="Matches over time" />
      <figcaption>
        <span>Differences, stacked</span>
        <span className="quiet">highest {formatCount(Math.max(...all.map(differences)))}</span>
      </figcaption>
      <Stack bins={all} results={resultOrder.slice(1)} of={differences} name="Differences over time" />
      <div className="axis">
        <span title={formatAbsolute(first)}>{formatClock(first)}</span>
        <span title={formatAbsolute(last)}>{formatClock(last)}</span>
      </div>
    </figure>
  );
}

function Stack(props: {
  readonly bins: readonly Bin[];
  readonly results: readonly string[];
  readonly of: (bin: Bin) => number;
  readonly name: string;
}) {
  const most = Math.max(...props.bins.map(props.of));
  const sum = props.bins.reduce((total, bin) => total + props.of(bin), 0);
  return (
    <svg
      className="stack"
      viewBox={`0 0 ${props.bins.length} ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${props.name}: ${formatOf(sum, 'position')} in all`}
    >
      {props.bins.map((bin, index) => {
        let top = height;
        return props.results.map((result) => {
          const count = bin.counts[result] ?? 0;
          if (count === 0 || most === 0) return null;
          const size = (count / most) * height;
          top -= size;
          return (
            <rect key={`${bin.from} ${result}`} x={index + 0.1} y={top} width="0.8" height={size} data-result={result}>
              <title>{`${formatAbsolute(bin.from)}: ${formatCount(count)} ${inWords(result)}`}</title>
            </rect>
          );
        });
      })}
    </svg>
  );
}
