import { decodeBell } from '../module/event-rows.ts';
import { type SourceHost, type StreamSource, sqlText } from './source.ts';

/** A bell says that the stream behind a route has grown; its events are read by pages. The route may change. */
export function doorbell(host: SourceHost): StreamSource {
  let bell: { readonly route: string; readonly end: () => void } | undefined;
  let listening = false;
  const listen = (route: string) => {
    listening = false;
    const end = host.query(`SELECT * FROM bell WHERE route = ${sqlText(route)}`, {
      applied: () => {
        listening = true;
        // What came between the page and the subscription was not heard.
        host.listening(true);
      },
      changed: (tables) => {
        let highest: bigint | undefined;
        for (const { events } of tables) {
          for (const row of events) {
            const { seq } = decodeBell(row);
            if (highest === undefined || seq > highest) highest = seq;
          }
        }
        if (highest !== undefined) host.rung(highest);
      },
      lost: (message) => {
        listening = false;
        bell = undefined;
        host.lost(message);
      },
    });
    bell = { route, end };
  };
  return {
    fanout: 'doorbell',
    get listening() {
      return listening;
    },
    page: ({ route }) => {
      if (bell?.route === route) return;
      bell?.end();
      listen(route);
    },
    moved: () => {},
    stop: () => bell?.end(),
  };
}
