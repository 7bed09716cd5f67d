import { Fragment } from 'react';

/** A long name that may break after its separators instead of in the middle of a word. */
export function Breakable({ name }: { readonly name: string }) {
  return name.split(/(?<=[:._/-])/).map((part, index) => (
    <Fragment key={index}>
      {part}
      <wbr />
    </Fragment>
  ));
}
