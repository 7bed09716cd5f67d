import type { UnitRow } from '../api-types.ts';
import { formatCount, inWords } from '../format.ts';
import { mostUnits, type Snapshot } from '../live/use-console.ts';
import { Ago, Empty } from './common.tsx';
import { Badge } from './icon.tsx';

const shown = 25;

/** Units, those that drift or are silent first. */
export function UnitTable({ snapshot }: { readonly snapshot: Snapshot }) {
  const { units, lag, status } = snapshot;
  if (units.length === 0) return <Empty>No unit has reported yet.</Empty>;
  const rank = (unit: UnitRow) => (unit.drift.length > 0 && !unit.silent ? 0 : unit.silent ? 1 : 2);
  const sorted = [...units].sort((a, b) => rank(a) - rank(b) || a.unit.localeCompare(b.unit));
  return (
    <>
      <table className="units stacked">
        <thead>
          <tr>
            <th scope="col">Unit</th>
            <th scope="col">Lane and rule</th>
            <th scope="col">Policy</th>
            <th scope="col">Lag, events</th>
            <th scope="col">Applied</th>
            <th scope="col">Drift</th>
            <th scope="col">Heard of</th>
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, shown).map((unit) => (
            <Row key={unit.unit} unit={unit} now={lag.now} policy={status.state.policy_revision} />
          ))}
        </tbody>
      </table>
      {sorted.length > shown && (
        <p className="quiet">
          {shown} of {formatCount(status.units.total)} units are shown, those that drift first
          {status.units.total > mostUnits && ` among the ${mostUnits} last heard of`}.
        </p>
      )}
    </>
  );
}

function Row(props: { readonly unit: UnitRow; readonly now: number; readonly policy: number }) {
  const { unit, now, policy } = props;
  const { heartbeat } = unit;
  const { khala, spacetime } = heartbeat.lag_events;
  // What was judged by an older policy says nothing of the present one.
  const current = !unit.silent && heartbeat.policy_revision === policy;
  return (
    <tr data-silent={unit.silent}>
      <th scope="row">{unit.unit}</th>
      <td>
        {heartbeat.lane} <code>{heartbeat.rule}</code>
        <small>{heartbeat.session}</small>
      </td>
      <td>
        {heartbeat.policy_revision === null ? 'none' : `revision ${heartbeat.policy_revision}`}
        {heartbeat.policy_revision !== policy && <small>present is {policy}</small>}
      </td>
      <td className="numbers">
        khala {formatCount(khala)}
        <small>spacetime {formatCount(spacetime)}</small>
      </td>
      <td className="numbers">
        {formatCount(heartbeat.applied)}
        <small>
          {heartbeat.duplicates} dup, {heartbeat.gaps} gaps
        </small>
      </td>
      <td>
        {unit.drift.length === 0 ? (
          <Badge tone={current ? 'good' : 'idle'}>{current ? 'none' : 'not known'}</Badge>
        ) : (
          <>
            <Badge tone={unit.drift.includes('chain') ? 'bad' : 'warn'}>{unit.drift.map(inWords).join(', ')}</Badge>
            {unit.drift_since !== null && (
              <small>
                since <Ago at={unit.drift_since} now={now} />
              </small>
            )}
          </>
        )}
      </td>
      <td>
        <Ago at={unit.last_seen} now={now} />
        {unit.silent && <small className="bad">silent</small>}
      </td>
    </tr>
  );
}
