import { sessionEvents, transitions } from '@autopilot/session/transitions';
import type { LaneState } from '@autopilot/sync-contract';
import type { DesktopStateJson } from '../../../src/view-model/desktop-state.ts';
import { formatCount } from '../format.ts';
import { laneWords } from '../tones.ts';

interface StateTableProps {
  readonly state: LaneState;
  readonly taken: DesktopStateJson['transitions'];
}

/** The table that the session lives by, with the state it is in and how often each step was taken. */
export function StateTable({ state, taken }: StateTableProps) {
  const times = (from: string, to: string) => taken.filter((step) => step.from === from && step.to === to).length;
  return (
    <details className="machine">
      <summary>All states and steps</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Steps out of it</th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(transitions).map(([from, row]) => (
            <tr key={from} aria-current={from === state ? 'step' : undefined} data-state={from}>
              <th scope="row">{laneWords[from as LaneState].word}</th>
              <td>
                {sessionEvents.map((event) => {
                  const to = row[event];
                  if (to === '-') return null;
                  const count = times(from, to);
                  return (
                    <span className="step" key={event} data-event={event} data-to={to}>
                      <code>{event}</code> {laneWords[to].word.toLowerCase()}
                      {count > 0 && <span className="numbers"> × {formatCount(count)}</span>}
                    </span>
                  );
                })}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
