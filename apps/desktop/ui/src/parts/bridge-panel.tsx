import type { DesktopStateJson } from '../../../src/view-model/desktop-state.ts';
import { bridgeFacts, bridgeWord } from '../bridge-facts.ts';
import { formatAge } from '../format.ts';
import { ToneIcon } from './icon.tsx';

type Summary = NonNullable<NonNullable<DesktopStateJson['bridge']>['summary']>;

/** What control says of its bridge to Nostr. It is supplemental, and says so. */
export function BridgePanel({ bridge, now }: { readonly bridge: DesktopStateJson['bridge']; readonly now: number }) {
  const summary = bridge?.summary ?? null;
  const at = bridge?.at ?? null;
  return (
    <section className="panel bridge" aria-labelledby="bridge-title">
      <h2 id="bridge-title">
        Nostr bridge <span className="quiet">supplemental</span>
      </h2>
      {summary === null && <p className="empty">Not known: control does not say.</p>}
      {summary?.state === 'none' && <p className="empty">Control has none.</p>}
      {summary !== null && summary.state !== 'none' && <Standing summary={summary} />}
      <p className="bridge-foot quiet">
        No lane depends on it.{at !== null && ` Control said this ${formatAge((now - at) / 1000)} ago.`}
      </p>
    </section>
  );
}

function Standing({ summary }: { readonly summary: Summary }) {
  const [word, tone] = bridgeWord(summary);
  const { lines, past } = bridgeFacts(summary);
  return (
    <>
      <p className="phase" data-tone={tone}>
        <ToneIcon tone={tone} />
        {word}
      </p>
      {past !== null && <p className="last-word">As of its last word, at {past}:</p>}
      {lines.length === 0 ? (
        <p className="empty">It has said nothing of itself yet.</p>
      ) : (
        <dl className="facts" data-past={past !== null}>
          {lines.map(([name, value]) => (
            <Line key={name} name={name} value={value} />
          ))}
        </dl>
      )}
    </>
  );
}

function Line({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd className="numbers">{value}</dd>
    </>
  );
}
