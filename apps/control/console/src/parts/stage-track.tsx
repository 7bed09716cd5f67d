import type { ReactNode } from 'react';
import type { Snapshot } from '../live/use-console.ts';
import { formatCount, formatOf } from '../format.ts';
import { Ago } from './common.tsx';

const meanings = [
  'Every unit is on khala. spacetime is read and compared, never written.',
  'Units with the flag or in the cohort are on spacetime, all others on khala.',
  'Every unit is on spacetime. khala only in an emergency fallback.',
  'Every unit is on spacetime. A toggle is a start-up error.',
] as const;

/** The four stages, what each means, and where the cutover is. */
export function StageTrack({ snapshot, now }: { readonly snapshot: Snapshot; readonly now: number }) {
  const { status, facts } = snapshot;
  const { state, units } = status;
  const flipping = state.status === 'flipping' ? state.flip : null;
  return (
    <section className="panel" aria-label="Stage">
      <ol className="track">
        {facts.stages.map(({ stage, name }) => (
          <li
            key={stage}
            data-place={stage < state.stage ? 'passed' : stage === state.stage ? 'here' : 'ahead'}
            aria-current={stage === state.stage ? 'step' : undefined}
          >
            <span className="knob" aria-hidden="true">
              {stage}
            </span>
            <h2>
              <span className="sr">Stage {stage}: </span>
              {name}
              {stage === 3 && state.sealed && <span className="seal">sealed</span>}
            </h2>
            <p className="quiet">{meanings[stage]}</p>
            {stage === state.stage && (
              <p className="here">
                {flipping === null ? 'Here; entered' : `Flipping from Stage ${flipping.from}; published`}{' '}
                <Ago at={state.stage_since} now={now} />
              </p>
            )}
          </li>
        ))}
      </ol>
      <dl className="figures">
        <Figure name="Status" value={state.status} />
        <Figure name="Revision" value={formatCount(state.revision)} />
        <Figure name="Policy" value={`revision ${formatCount(state.policy_revision)}`}>
          published <Ago at={state.policy_changed_at} now={now} />
        </Figure>
        <Figure name="Units live" value={`${formatCount(units.live)} of ${formatCount(units.total)}`}>
          {formatOf(units.acknowledged, 'unit')} on this policy
        </Figure>
        <Figure name="On spacetime" value={formatOf(units.lanes.spacetime, 'unit')}>
          {formatOf(units.lanes.khala, 'unit')} on khala
        </Figure>
        <Figure name="Mirror into khala" value={mirrorWord(snapshot)}>
          {status.mirror.state === 'on' &&
            `${formatOf(status.mirror.waiting, 'event')} waiting, ${formatOf(status.mirror.mirrored_streams, 'stream')}`}
        </Figure>
      </dl>
    </section>
  );
}

function mirrorWord({ status: { mirror } }: Snapshot): string {
  if (mirror.broken_streams > 0) return `${formatOf(mirror.broken_streams, 'stream')} broken`;
  return mirror.state;
}

function Figure(props: { readonly name: string; readonly value: string; readonly children?: ReactNode }) {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd>
        {props.value}
        {props.children !== undefined && props.children !== false && <small>{props.children}</small>}
      </dd>
    </div>
  );
}
