import { formatTime, formatWhole } from '../format.ts';

/** Said when the page has lost the core: nothing below is present any more. */
export function CoreNotice({
  link,
  asOf,
  ageSeconds,
}: {
  readonly link: 'lost' | 'locked';
  readonly asOf: number | null;
  readonly ageSeconds: number | null;
}) {
  const old =
    asOf === null || ageSeconds === null
      ? 'Nothing was received yet.'
      : `Everything below is old: as of ${formatTime(asOf)}, ${formatWhole(ageSeconds)} ago.`;
  return (
    <div className="core-notice" role="alert">
      <strong>{link === 'lost' ? 'The desktop core does not answer.' : 'The desktop core was started again.'}</strong>{' '}
      <span>{old}</span>{' '}
      <span>
        {link === 'lost'
          ? 'The page tries again by itself.'
          : 'Open the new URL that it printed: this page has the key of the earlier start.'}
      </span>
    </div>
  );
}
