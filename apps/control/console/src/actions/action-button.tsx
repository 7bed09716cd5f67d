import { useId } from 'react';
import { type Action, useActions } from './action.ts';

/**
 * A button that opens the dialog of an action. With `blocked` it can be reached and read, says why beside it, and does
 * nothing. Who may operate nothing does not see it: the page says so once, on top.
 */
export function ActionButton(props: {
  readonly action: Action;
  readonly label?: string;
  readonly blocked?: string | null;
  readonly strong?: boolean;
  readonly scope?: 'cutover.operate' | 'cutover.submit';
}) {
  const { open, may, lost } = useActions();
  const reasonId = useId();
  if (!may(props.scope ?? 'cutover.operate')) return null;
  const blocked = lost ? 'Control cannot be reached.' : (props.blocked ?? null);
  const kind = props.action.tone === 'danger' ? 'danger' : props.strong === true ? 'primary' : 'plain';
  return (
    <span className="action">
      <button
        type="button"
        className={`button ${kind}`}
        aria-disabled={blocked !== null}
        aria-describedby={blocked === null || lost ? undefined : reasonId}
        title={lost ? (blocked ?? undefined) : undefined}
        onClick={() => blocked === null && open(props.action)}
      >
        {props.label ?? props.action.title}
      </button>
      {blocked !== null && !lost && (
        <span className="why-not" id={reasonId}>
          {blocked}
        </span>
      )}
    </span>
  );
}
