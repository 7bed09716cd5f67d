import type { Fanout } from '../module/reducers.ts';
import { doorbell } from './doorbell.ts';
import { ownInbox, sharedInbox } from './inbox.ts';
import { segments } from './segments.ts';
import type { SourceHost, StreamSource } from './source.ts';

/** Whether a connection has one inbox query for all streams, or one for each. */
export type InboxScope = 'shared' | 'own';

/** The source of a stream. */
export function createSource(fanout: Fanout, streamId: string, inbox: InboxScope, host: SourceHost): StreamSource {
  switch (fanout) {
    case 'inbox':
      return inbox === 'shared' ? sharedInbox(host) : ownInbox(host, streamId);
    case 'doorbell':
      return doorbell(host);
    case 'public':
      return segments(host);
  }
}
