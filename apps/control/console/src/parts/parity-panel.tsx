import type { ComparisonCounts, ComparisonPair, ComparisonResult } from '@autopilot/cutover-flags/parity';
import { formatCount, formatOf, formatShare, inWords } from '../format.ts';
import type { Snapshot } from '../live/use-console.ts';
import { Ago, Empty, Panel } from './common.tsx';
import { ParityChart } from './parity-chart.tsx';
import { resultOrder } from './result-order.ts';
import { SampleList } from './sample-diff.tsx';

const pairs: readonly (readonly [ComparisonPair, string])[] = [
  ['khala/spacetime', 'khala against spacetime'],
  ['khala/khala', 'noise of khala'],
  ['spacetime/spacetime', 'noise of spacetime'],
];

/** What the comparison of the lanes found, over time. */
export function ParityPanel(props: {
  readonly snapshot: Snapshot;
  readonly pair: ComparisonPair;
  readonly choose: (pair: ComparisonPair) => void;
}) {
  const { snapshot, pair } = props;
  const { parity, lag } = snapshot;
  const ready = parity.pair === pair;
  return (
    <Panel
      id="parity"
      title="Parity"
      note="the last 24 hours"
      side={
        <fieldset className="tabs" aria-label="What is compared">
          {pairs.map(([value, name]) => (
            <button key={value} type="button" aria-pressed={value === pair} onClick={() => props.choose(value)}>
              {name}
            </button>
          ))}
        </fieldset>
      }
    >
      {!ready && <p className="quiet">Reading …</p>}
      {ready && parity.counts === null && <Empty>No unit has reported a comparison in that time.</Empty>}
      {ready && parity.counts !== null && (
        <>
          <Ratio counts={parity.counts} snapshot={snapshot} />
          <ParityChart series={parity.series} />
          <Legend counts={parity.counts} pair={pair} />
          {parity.to !== null && (
            <p className="quiet">
              Last window ended <Ago at={parity.to} now={lag.now} />.
            </p>
          )}
          <SampleList samples={parity.samples} pair={pair} />
        </>
      )}
    </Panel>
  );
}

/** Never a bare percent: of how many, from how many windows of how many units. */
function Ratio({ counts, snapshot }: { readonly counts: ComparisonCounts; readonly snapshot: Snapshot }) {
  const { match_ratio, measures, windows, units } = snapshot.parity;
  const denominator = measures?.match_denominator ?? null;
  const sampled = measures?.sampled_share ?? null;
  return (
    <p className="ratio">
      <strong>{formatShare(match_ratio)}</strong> matched: {formatCount(counts.match)} of{' '}
      {formatOf(denominator, 'compared position')}
      {counts.ignored > 0 && `, ${formatCount(counts.ignored)} more excused by rules`}.{' '}
      <span className="quiet">
        {formatOf(windows, 'window')} of {formatOf(units, 'unit')}
        {sampled !== null && sampled < 1 && `; only ${formatShare(sampled)} of the events were compared`}
        {match_ratio === null && '; nothing was compared, which is not good'}.
      </span>
    </p>
  );
}

function Legend({ counts, pair }: { readonly counts: ComparisonCounts; readonly pair: ComparisonPair }) {
  const [left, right] = pair.split('/');
  const names: Partial<Record<ComparisonResult, string>> = {
    missing_left: `missing on ${left}${left === right ? ' (first)' : ''}`,
    missing_right: `missing on ${right}${left === right ? ' (second)' : ''}`,
  };
  return (
    <ul className="legend" aria-label="Results">
      {resultOrder.map((result) => (
        <li key={result} data-zero={counts[result] === 0}>
          <i data-result={result} aria-hidden="true" />
          {names[result] ?? inWords(result)} <strong>{formatCount(counts[result])}</strong>
        </li>
      ))}
    </ul>
  );
}
