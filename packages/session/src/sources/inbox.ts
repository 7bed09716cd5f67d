import { decodeLiveRow, type LiveRow } from '../module/event-rows.ts';
import { type SourceHost, type StreamSource, sqlText } from './source.ts';

/** Rows come to the inbox of the identity, for all its streams in one query of the connection. */
export function sharedInbox(host: SourceHost): StreamSource {
  const stop = host.inbox((rows) => host.heard(rows));
  return { fanout: 'inbox', listening: true, page: () => {}, moved: () => {}, stop };
}

/**
 * As the shared inbox, with a query for this stream alone: a connection for few streams does not get the rows of all the
 * others as well.
 */
export function ownInbox(host: SourceHost, streamId: string): StreamSource {
  let listening = false;
  let stop: (() => void) | undefined;
  const listen = () => {
    stop = host.query(`SELECT * FROM live_inbox WHERE stream_id = ${sqlText(streamId)}`, {
      applied: () => {
        listening = true;
        host.listening(true);
      },
      changed: (tables) => {
        const rows: LiveRow[] = [];
        for (const { events } of tables) host.reader.eachRow(events, (reader) => rows.push(decodeLiveRow(reader)));
        if (rows.length > 0) host.heard(rows);
      },
      lost: (message) => {
        listening = false;
        stop = undefined;
        host.lost(message);
      },
    });
  };
  listen();
  return {
    fanout: 'inbox',
    get listening() {
      return listening;
    },
    page: () => {
      if (stop === undefined) listen();
    },
    moved: () => {},
    stop: () => stop?.(),
  };
}
