import type { ReactNode } from 'react';
import type { DesktopStateJson } from '../../../src/view-model/desktop-state.ts';
import { formatCount, formatMs, formatSeconds, formatWhole, unknown } from '../format.ts';
import type { Tone } from '../tones.ts';

/** Seconds before the end of a token at which its tile turns. */
const tokenWarning = 30;

/** The numbers to look at first. */
export function Tiles({ state, now }: { readonly state: DesktopStateJson; readonly now: number }) {
  const { lag, latency, totals, token } = state;
  const drift = (now - state.now) / 1000;
  const behind = lag.seconds === null || lag.seconds === 0 ? lag.seconds : lag.seconds + drift;
  const left = token === null ? null : (token.expires_at - now) / 1000;
  return (
    <section className="tiles" aria-label="Figures">
      <Tile label="Lag" tone={lag.events === null ? 'idle' : lag.events === '0' ? 'good' : 'warn'}>
        <Value>{formatCount(lag.events)}</Value>
        <Note>{lagNote(state)}</Note>
      </Tile>
      <Tile label="Behind for" tone={behind === null ? 'idle' : behind === 0 ? 'good' : 'warn'}>
        <Value>{behind === 0 || behind === null ? formatSeconds(behind) : formatWhole(behind)}</Value>
        <Note>
          {behind === null ? 'never level in this run' : behind === 0 ? 'level with every head' : 'since level'}
        </Note>
      </Tile>
      <Tile label="Commit to applied">
        <Value>
          {formatMs(latency.p50_ms)}
          {latency.p50_ms !== null && <small>p50</small>}
        </Value>
        <Note>
          {latency.samples === 0
            ? 'no live event measured'
            : `p99 ${formatMs(latency.p99_ms)} · ${formatCount(latency.samples)} ${latency.samples === 1 ? 'event' : 'events'}`}
        </Note>
      </Tile>
      <Tile label="Token expires in" tone={left === null ? 'idle' : left <= tokenWarning ? 'warn' : undefined}>
        <Value>{left === null ? unknown : left > 0 ? formatWhole(left) : 'expired'}</Value>
        <Note>{token === null ? 'no token yet' : refreshNote((token.refresh_after - now) / 1000)}</Note>
      </Tile>
      <Tile label="Applied">
        <Value>{formatCount(totals.applied)}</Value>
        <Note>{totals.stored === 0 ? 'in this run' : `in this run, ${formatCount(totals.stored)} before`}</Note>
      </Tile>
      <Counters totals={totals} />
    </section>
  );
}

function lagNote({ lag, streams }: DesktopStateJson): string {
  if (streams.length === 0) return 'no stream is followed';
  if (lag.events === null) return 'a head is not known';
  return lag.events === '1' ? 'event' : 'events';
}

function refreshNote(seconds: number): string {
  return seconds > 0 ? `refresh in ${formatWhole(seconds)}` : 'refresh is due';
}

const counters = ['duplicates', 'gaps', 'conflicts', 'resets', 'stale'] as const;

function Counters({ totals }: { readonly totals: DesktopStateJson['totals'] }) {
  return (
    <dl className="tile counters">
      {counters.map((name) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd className={totals[name] > 0 ? 'moved' : undefined}>{formatCount(totals[name])}</dd>
        </div>
      ))}
    </dl>
  );
}

function Tile(props: { readonly label: string; readonly tone?: Tone | undefined; readonly children: ReactNode }) {
  return (
    <div className="tile" data-tone={props.tone}>
      <h2>{props.label}</h2>
      {props.children}
    </div>
  );
}

function Value({ children }: { readonly children: ReactNode }) {
  return <p className="value">{children}</p>;
}

function Note({ children }: { readonly children: ReactNode }) {
  return <p className="note">{children}</p>;
}
