import { Fragment, useState } from 'react';
import type { DesktopStateJson } from '../../../src/view-model/desktop-state.ts';
import { formatAge, formatCount, unknown } from '../format.ts';
import { streamWords } from '../tones.ts';
import { Breakable } from './breakable.tsx';
import { ChainCell } from './chain-cell.tsx';
import { ToneIcon } from './icon.tsx';

type Stream = DesktopStateJson['streams'][number];

/** More rows than this would make the page slow; it says so. */
const mostRows = 500;
const headings = ['Stream', 'Watermark / head', 'Lag', 'Chain', 'Last event', 'Age'];

/** Every followed stream. */
export function StreamTable(props: {
  readonly streams: readonly Stream[];
  readonly now: number;
  /** Whether the grants are known, so that no stream means none. */
  readonly live: boolean;
}) {
  const { streams, now, live } = props;
  const [open, setOpen] = useState<string>();
  return (
    <section className="panel" aria-labelledby="streams-title">
      <h2 id="streams-title">
        Streams <span className="quiet">{formatCount(streams.length)}</span>
      </h2>
      {streams.length === 0 ? (
        <p className="empty">
          {live
            ? 'No stream is granted to this desktop yet. Streams appear here as they are granted.'
            : 'No stream is known yet: the grants of this account are read when the connection stands.'}
        </p>
      ) : (
        <table className="streams">
          <colgroup>
            {headings.map((heading) => (
              <col key={heading} />
            ))}
          </colgroup>
          <thead>
            <tr>
              {headings.map((heading) => (
                <th key={heading} scope="col">
                  {heading}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {streams.slice(0, mostRows).map((stream) => (
              <Fragment key={stream.stream_id}>
                <Row
                  stream={stream}
                  now={now}
                  open={open === stream.stream_id}
                  toggle={() => setOpen(open === stream.stream_id ? undefined : stream.stream_id)}
                />
                {open === stream.stream_id && <Details stream={stream} />}
              </Fragment>
            ))}
          </tbody>
        </table>
      )}
      {streams.length > mostRows && (
        <p className="empty">
          {formatCount(mostRows)} of {formatCount(streams.length)} streams are shown; /api/state has all of them.
        </p>
      )}
    </section>
  );
}

function Row({
  stream,
  now,
  open,
  toggle,
}: {
  readonly stream: Stream;
  readonly now: number;
  readonly open: boolean;
  readonly toggle: () => void;
}) {
  const { word, tone } = streamWords[stream.state];
  return (
    <tr data-open={open}>
      <td>
        <button type="button" className="stream-name" aria-expanded={open} onClick={toggle}>
          <svg className="chevron" viewBox="0 0 16 16" aria-hidden="true">
            <path d="M6 4l4 4-4 4" />
          </svg>
          <span>
            <Breakable name={stream.topic ?? stream.stream_id} />
          </span>
        </button>
        <span className="phase" data-tone={tone}>
          <ToneIcon tone={tone} />
          {word}
        </span>
      </td>
      <td className="numbers" data-label={headings[1]}>
        {formatCount(stream.seq)} <span className="quiet">/ {headText(stream)}</span>
      </td>
      <td className="numbers" data-label={headings[2]}>
        {formatCount(stream.lag_events)}
      </td>
      <td data-label={headings[3]}>
        <ChainCell chain={stream.chain} seq={stream.seq} proof={stream.proof} />
      </td>
      <td className="kind" data-label={headings[4]} title={stream.last_kind ?? undefined}>
        {stream.last_kind ?? unknown}
      </td>
      <td className="numbers" data-label={headings[5]}>
        {stream.last_at === null ? unknown : formatAge((now - stream.last_at) / 1000)}
      </td>
    </tr>
  );
}

function headText({ head, head_current }: Stream): string {
  if (head === null) return unknown;
  return head_current ? formatCount(head) : `${formatCount(head)}?`;
}

function Details({ stream }: { readonly stream: Stream }) {
  return (
    <tr className="details">
      <td colSpan={headings.length}>
        <dl>
          {stream.note !== null && (
            <>
              <dt>Why</dt>
              <dd>{stream.note}</dd>
            </>
          )}
          <dt>Chain</dt>
          <dd>
            <code>{stream.chain}</code>
          </dd>
          <dt>Epoch</dt>
          <dd>
            <code>{stream.epoch ?? unknown}</code>
          </dd>
          <dt>Stream id</dt>
          <dd>
            <code>{stream.stream_id}</code>
          </dd>
        </dl>
      </td>
    </tr>
  );
}
