import { ActionButton } from '../actions/action-button.tsx';
import { noWayBack, rollbackAction } from '../actions/rollback-action.tsx';
import type { Snapshot } from '../live/use-console.ts';
import type { Who } from '../api-types.ts';
import { formatAbsolute, formatSpan } from '../format.ts';
import { Badge } from './icon.tsx';

const places = [
  ['#plan', 'Next step'],
  ['#gates', 'Gates'],
  ['#cohort', 'Cohort'],
  ['#parity', 'Parity'],
  ['#lag', 'Lag and units'],
  ['#rules', 'Rules'],
  ['#bridge', 'Nostr bridge'],
  ['#audit', 'Audit'],
] as const;

/** Who, where, whether it is live, and the way back: it stays in sight. */
export function HeaderBar(props: {
  readonly snapshot: Snapshot;
  readonly who: Who | null;
  readonly lost: boolean;
  /** Milliseconds since the snapshot came. */
  readonly age: number;
  readonly signOut: () => void;
}) {
  const { snapshot, who, lost, age } = props;
  const { status } = snapshot;
  return (
    <header className="header">
      <div className="header-row">
        <h1>Cutover console</h1>
        <span className="tag" title="Deployment">
          {status.deployment}
        </span>
        <span role="status">
          <Badge tone={lost ? 'bad' : 'good'}>{lost ? 'Not connected' : 'Live'}</Badge>
        </span>
        {lost && (
          <span className="quiet" title={formatAbsolute(status.now)}>
            as of {formatSpan(age)} ago
          </span>
        )}
        <div className="header-end">
          <span className="quiet">
            Signed in as <strong className="who">{who?.client_id ?? '–'}</strong>
          </span>
          <button type="button" className="button plain" onClick={props.signOut}>
            Sign out
          </button>
          <ActionButton action={rollbackAction} label="Roll back …" blocked={noWayBack(snapshot)} />
        </div>
      </div>
      <nav aria-label="Parts of the page">
        {places.map(([href, name]) => (
          <a key={href} href={href}>
            {name}
          </a>
        ))}
      </nav>
    </header>
  );
}
