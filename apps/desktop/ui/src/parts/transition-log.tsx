import type { DesktopStateJson } from '../../../src/view-model/desktop-state.ts';
import { formatCount, formatTime } from '../format.ts';
import { laneWords } from '../tones.ts';
import { ToneIcon } from './icon.tsx';
import { StateTable } from './state-table.tsx';

/** Every change of the lane's state that is still remembered, the newest first, beside all that can happen. */
export function TransitionLog({ state: { transitions, connection, comms } }: { readonly state: DesktopStateJson }) {
  // Khala's lane has a table of its own, which goes away with it.
  const session = (comms?.router.active ?? 'spacetime') === 'spacetime';
  return (
    <section className="panel" aria-labelledby="transitions-title">
      <h2 id="transitions-title">
        Transitions <span className="quiet">{formatCount(transitions.length)}</span>
      </h2>
      {transitions.length === 0 ? (
        <p className="empty">The lane has not started yet.</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by the keyboard
        <section className="scroll" tabIndex={0} aria-label="Transitions, newest first">
          <ol className="transitions" reversed>
            {transitions.toReversed().map((transition, index) => {
              const { word, tone } = laneWords[transition.to];
              return (
                <li key={transitions.length - index}>
                  <time className="numbers" dateTime={new Date(transition.at).toISOString()}>
                    {formatTime(transition.at)}
                  </time>
                  <span className="to" data-tone={tone}>
                    <ToneIcon tone={tone} />
                    {word}
                  </span>
                  <span className="quiet">from {laneWords[transition.from].word.toLowerCase()}</span>
                  <code>{transition.reason}</code>
                  <span className="message">{transition.message}</span>
                </li>
              );
            })}
          </ol>
        </section>
      )}
      {session && <StateTable state={connection.state} taken={transitions} />}
    </section>
  );
}
