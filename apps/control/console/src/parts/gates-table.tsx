import type { GateId } from '@autopilot/cutover-flags';
import { ActionButton } from '../actions/action-button.tsx';
import { useActions } from '../actions/action.ts';
import { evaluateAction } from '../actions/flip-actions.tsx';
import type { GateRow } from '../api-types.ts';
import { formatAbsolute, formatMeasure, formatOf, formatSpan, humanise } from '../format.ts';
import type { Snapshot } from '../live/use-console.ts';
import { requirementWords, type Tone } from '../tones.ts';
import { Digest, Panel } from './common.tsx';
import { Badge } from './icon.tsx';

/** What each gate saw last, and what that is worth now. */
export function GatesTable({ snapshot, now }: { readonly snapshot: Snapshot; readonly now: number }) {
  const { status, facts } = snapshot;
  const { may } = useActions();
  const gates = Object.keys(facts.config.gates) as GateId[];
  const wanted = new Set(
    snapshot.plan?.requirements.flatMap(({ id }) => (id.startsWith('gate:') ? [id.split(':')[1]] : [])),
  );
  const ordered = [...gates].sort((a, b) => Number(wanted.has(b)) - Number(wanted.has(a)));
  return (
    <Panel
      id="gates"
      title="Gates"
      note={may('cutover.submit') ? undefined : 'Evaluating needs the scope cutover.submit.'}
    >
      <table className="gates stacked">
        <thead>
          <tr>
            <th scope="col">Gate</th>
            <th scope="col">Worth now</th>
            <th scope="col">What it saw</th>
            <th scope="col">Age, and how long it counts</th>
            <th scope="col">
              <span className="sr">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {ordered.flatMap((gate) => {
            const rows = status.gates.filter((row) => row.gate === gate);
            return (rows.length === 0 ? [null] : rows).map((row, index) => (
              <tr key={`${gate} ${row?.digest ?? 'none'}`} data-gate={gate}>
                <th scope="row">
                  {gate}
                  <small>{wanted.has(gate) ? 'next step needs it' : 'not for the next step'}</small>
                </th>
                <td>
                  <Worth snapshot={snapshot} gate={gate} row={row} now={now} />
                </td>
                <td>{row === null ? <span className="quiet">There is no receipt.</span> : <Seen row={row} />}</td>
                <td>{row !== null && <Age row={row} limit={facts.config.gates[gate].max_age_ms} now={now} />}</td>
                <td className="end">
                  {index === 0 && facts.own_gates.includes(gate) && (
                    <ActionButton action={evaluateAction(gate)} label="Evaluate …" scope="cutover.submit" />
                  )}
                </td>
              </tr>
            ));
          })}
        </tbody>
      </table>
    </Panel>
  );
}

/** A pass is green only when it is fresh and of what is in use; the plan's own judgement wins where there is one. */
function worthOf(snapshot: Snapshot, gate: GateId, row: GateRow | null, now: number): [Tone, string] {
  const requirement = snapshot.plan?.requirements.find(
    ({ id, evidence }) =>
      (id === `gate:${gate}` || id.startsWith(`gate:${gate}:`)) &&
      (row === null || evidence.includes(row.digest as (typeof evidence)[number])),
  );
  if (requirement !== undefined) {
    const { tone, word } = requirementWords[requirement.status];
    return [tone, word];
  }
  if (row === null) return ['idle', 'no receipt'];
  if (row.verdict === 'fail' || row.counts.failed > 0) return ['bad', 'failed'];
  if (row.verdict !== 'pass' || row.counts.skipped > 0 || !(row.counts.cases > 0)) return ['warn', 'inconclusive'];
  const other = Object.entries(row.packages).find(
    ([name, version]) => (snapshot.status.packages[name] ?? version) !== version,
  );
  if (other !== undefined) return ['warn', 'other version'];
  return now - row.observed_to > snapshot.facts.config.gates[gate].max_age_ms
    ? ['warn', 'stale']
    : ['idle', 'passed, not judged'];
}

function Worth(props: {
  readonly snapshot: Snapshot;
  readonly gate: GateId;
  readonly row: GateRow | null;
  readonly now: number;
}) {
  const [tone, word] = worthOf(props.snapshot, props.gate, props.row, props.now);
  return <Badge tone={tone}>{word}</Badge>;
}

function Seen({ row }: { readonly row: GateRow }) {
  const { counts, measures, packages } = row;
  return (
    <>
      <p>{humanise(row.reason)}</p>
      <p className="quiet">
        {formatOf(counts.cases, 'case')}, {counts.failed} failed, {counts.skipped} skipped,{' '}
        {formatOf(counts.events, 'event')}
      </p>
      <details>
        <summary>Measures, packages, signature</summary>
        <dl className="facts small">
          {Object.entries(measures).map(([name, value]) => (
            <Pair key={name} name={name} value={formatMeasure(value)} />
          ))}
          {Object.entries(packages).map(([name, version]) => (
            <Pair key={name} name={name} value={version} />
          ))}
          <Pair name="signed by" value={[row.signed_by].flat().join(', ')} />
          <dt>receipt</dt>
          <dd>
            <Digest of={row.digest} />
          </dd>
        </dl>
      </details>
    </>
  );
}

function Pair({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

function Age({ row, limit, now }: { readonly row: GateRow; readonly limit: number; readonly now: number }) {
  const age = Math.max(0, now - row.observed_to);
  const spent = Math.min(1, age / limit);
  return (
    <div className="age" data-tone={spent >= 1 ? 'bad' : spent > 0.75 ? 'warn' : 'idle'}>
      <span title={formatAbsolute(row.observed_to)}>{formatSpan(age)} old</span>
      <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        <rect width="100" height="4" className="ground" />
        <rect width={100 * spent} height="4" className="spent" />
      </svg>
      <small>{spent >= 1 ? `too old: counts for ${formatSpan(limit)}` : `counts for ${formatSpan(limit)}`}</small>
    </div>
  );
}
