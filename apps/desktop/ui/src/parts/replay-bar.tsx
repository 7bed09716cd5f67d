import type { DesktopStateJson } from '../../../src/view-model/desktop-state.ts';
import { formatCount, formatRate, formatSeconds, formatTime } from '../format.ts';

/** The present catch-up, or a line about the last one. */
export function ReplayBar({ replay }: { readonly replay: DesktopStateJson['replay'] }) {
  const { active, done, total, rate, started_at, ended_at } = replay;
  if (!active && (ended_at === null || started_at === null)) return null;
  const counts = `${formatCount(done)} of ${formatCount(total)} events`;
  if (!active) {
    if (total === 0) {
      return <p className="replay-past">Last catch-up at {formatTime(ended_at ?? 0)}: nothing was missing.</p>;
    }
    const took = formatSeconds(((ended_at ?? 0) - (started_at ?? 0)) / 1000);
    const end = done < total ? 'was cut off' : 'ended';
    return (
      <p className="replay-past">
        Last catch-up {end} at {formatTime(ended_at ?? 0)}: {counts} in {took}.
      </p>
    );
  }
  return (
    <section className="replay" aria-label="Catching up">
      <div className="replay-words">
        <strong>Catching up</strong>
        <span className="numbers">
          {counts} · {formatRate(rate)}
        </span>
      </div>
      <progress value={done} max={Math.max(1, total)} aria-label="Events caught up" />
    </section>
  );
}
