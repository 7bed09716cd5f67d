import type { DesktopStateJson } from '../../../src/view-model/desktop-state.ts';
import { formatWhole } from '../format.ts';
import { ToneIcon } from './icon.tsx';

/** What somebody should look at, on top of everything. */
export function AlarmList({ alarms, now }: { readonly alarms: DesktopStateJson['alarms']; readonly now: number }) {
  return (
    <section id="alarms" className="alarms" aria-label="Alarms" role="alert" hidden={alarms.length === 0}>
      {alarms.map((alarm) => (
        <article key={`${alarm.code} ${alarm.stream_id}`} className="alarm">
          <ToneIcon tone="warn" />
          <div>
            <p className="alarm-what">{alarm.message}</p>
            <p className="alarm-next">{alarm.next}</p>
          </div>
          <p className="alarm-meta">
            <code className="alarm-code">{alarm.code}</code>
            <span aria-hidden="true">{formatWhole((now - alarm.since) / 1000)}</span>
          </p>
        </article>
      ))}
    </section>
  );
}
