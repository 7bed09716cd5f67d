import type { ReactNode } from 'react';
import { formatAbsolute, formatAgo, shortDigest } from '../format.ts';

/** A part of the page with a heading that can be linked to. */
export function Panel(props: {
  readonly id: string;
  readonly title: string;
  readonly note?: ReactNode;
  readonly side?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <section className="panel" aria-labelledby={`${props.id}-title`} id={props.id}>
      <div className="panel-head">
        <h2 id={`${props.id}-title`}>{props.title}</h2>
        {props.note !== undefined && <p className="quiet panel-note">{props.note}</p>}
        {props.side !== undefined && <div className="panel-side">{props.side}</div>}
      </div>
      {props.children}
    </section>
  );
}

/** A time as an age, with the whole time in its title. */
export function Ago({ at, now }: { readonly at: number; readonly now: number }) {
  return (
    <time dateTime={formatAbsolute(at)} title={formatAbsolute(at)}>
      {formatAgo(at, now)}
    </time>
  );
}

/** A digest that can be read whole in its title. */
export function Digest({ of }: { readonly of: string }) {
  return <code title={of}>{shortDigest(of)}</code>;
}

/** Something is not there; says so. */
export function Empty({ children }: { readonly children: ReactNode }) {
  return <p className="empty">{children}</p>;
}
