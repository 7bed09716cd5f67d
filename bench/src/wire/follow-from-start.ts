import { epoch, streamId } from './events.ts';
import type { OwnClient } from './own-client.ts';

/** Follows the stream of the events from its beginning; resolves when new rows of it are handed over. */
export async function followFromStart({ session, host }: OwnClient): Promise<void> {
  session.follow(streamId, { epoch, seq: 0n });
  while (session.status().streams[streamId]?.phase !== 'live') {
    host.answer();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
