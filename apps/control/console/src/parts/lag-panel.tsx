import type { LaneId } from '@autopilot/sync-contract';
import type { LagPoint } from '../../../src/console/lag-history.ts';
import { formatAbsolute, formatClock, formatCount, formatOf, formatSpan } from '../format.ts';
import type { Snapshot } from '../live/use-console.ts';
import { Empty, Panel } from './common.tsx';
import { UnitTable } from './unit-table.tsx';

const lanes: readonly LaneId[] = ['khala', 'spacetime'];

/** How far the units are behind on each lane, over time, and unit by unit. */
export function LagPanel({ snapshot }: { readonly snapshot: Snapshot }) {
  const { points, every_ms } = snapshot.lag;
  const first = points[0];
  return (
    <Panel
      id="lag"
      title="Lag and units"
      note={
        first === undefined
          ? undefined
          : `noted every ${formatSpan(every_ms)} since ${formatClock(first.at)}, while control runs, an hour at most`
      }
    >
      <div className="lag-charts">
        {lanes.map((lane) => (
          <LagChart key={lane} lane={lane} points={points} />
        ))}
      </div>
      <UnitTable snapshot={snapshot} />
    </Panel>
  );
}

function LagChart({ lane, points }: { readonly lane: LaneId; readonly points: readonly LagPoint[] }) {
  const last = points.at(-1);
  const now = last?.lanes[lane];
  const known = points.filter((point) => point.lanes[lane].max !== null);
  const from = points[0]?.at ?? 0;
  const length = Math.max(1, (last?.at ?? 0) - from);
  const most = Math.max(1, ...known.map((point) => point.lanes[lane].max ?? 0));
  const path = (name: 'p95' | 'max') => {
    let drawn = false;
    return points
      .map((point) => {
        const value = point.lanes[lane][name];
        const begins = !drawn;
        drawn = value !== null;
        if (value === null) return '';
        const at = `${(((point.at - from) / length) * 200).toFixed(1)} ${(58 - (value / most) * 54).toFixed(1)}`;
        return `${begins ? 'M' : 'L'}${at}`;
      })
      .join('');
  };
  return (
    <figure className="chart lag">
      <figcaption>
        <strong>{lane}</strong>
        {now === undefined || now.max === null ? (
          <span className="quiet">no unit tells its lag</span>
        ) : (
          <span>
            p95 {formatOf(now.p95, 'event')}, worst {formatCount(now.max)}{' '}
            <span className="quiet">of {formatOf(now.units, 'unit')}</span>
          </span>
        )}
      </figcaption>
      {known.length === 0 ? (
        <Empty>Nothing has been noted on this lane yet.</Empty>
      ) : (
        <>
          <svg viewBox="0 0 200 60" preserveAspectRatio="none" role="img" aria-label={`Lag on ${lane} over time`}>
            <path d="M0 58H200" className="ground" />
            <path d={path('max')} className="line worst" />
            <path d={path('p95')} className="line p95" />
          </svg>
          <div className="axis">
            <span title={formatAbsolute(from)}>{formatClock(from)}</span>
            <span>
              <i className="key p95" /> p95 <i className="key worst" /> worst, up to {formatOf(most, 'event')}
            </span>
            <span title={formatAbsolute(last?.at ?? 0)}>{formatClock(last?.at ?? 0)}</span>
          </div>
        </>
      )}
    </figure>
  );
}
