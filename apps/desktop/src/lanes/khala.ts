import { createKhalaLane } from '@autopilot/legacy-lane';
import { SyncError, streamIdForTopic } from '@autopilot/sync-contract';
import { z } from 'zod';
import { buildInfo } from '../build-info.ts';
import type { KhalaOpening } from '../comms/khala-opening.ts';
import type { SyncLane } from '../sync/sync-lane.ts';

// The one file that knows the package of the khala lane. Stage 3 deletes both.

const protocol = 'khala.ws.v1';
const tokenSchema = z.object({ data: z.object({ token: z.string().min(1), expires_in: z.number().positive() }) });

/** The khala lane, as the router needs it. Nothing is connected before `start()`. */
export function openKhalaLane(opening: KhalaOpening): SyncLane {
  const { ports, http, socket, url, cursors } = opening;
  const lane = createKhalaLane({
    ...{ ports, http, socket, url, cursors },
    token: async (_reason, signal) => {
      await opening.beforeToken(signal);
      return await askToken(opening, signal);
    },
    owns: (workerId) => opening.follows(streamIdForTopic(workerId)),
    build: { client_build_id: buildInfo.client_build_id, protocol_version: protocol, schema_version: 1 },
  });
  // Failures in a row: what brings the lane to life ends them.
  let attempts = 0;
  lane.listen((signal) => {
    if (signal.type !== 'state') return;
    if (signal.to === 'backoff') attempts += 1;
    else if (signal.to === 'live') attempts = 0;
  });
  return {
    id: lane.id,
    get state() {
      return lane.state;
    },
    start: () => lane.start(),
    follow: (streamId, after) => lane.follow(streamId, after),
    rewind: (streamId, after) => lane.rewind(streamId, after),
    unfollow: (streamId) => lane.unfollow(streamId),
    listen: (listener) => lane.listen(listener),
    close: () => lane.close(),
    acknowledge: () => Promise.reject(new SyncError('invalid_request', 'Khala takes no acknowledgements.')),
    // Khala knows no grants: control tells them.
    onGranted: () => () => {},
    facts: () => ({ attempts, next_retry_ms: null, protocol, identity: null, database: null, uri: url }),
  };
}

async function askToken({ ports, http, url, credential }: KhalaOpening, signal: AbortSignal) {
  const headers = {
    'content-type': 'application/json',
    ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
  };
  const body = JSON.stringify({ scope: ['runtime.codex_worker_events'] });
  const target = new URL('/api/khala/token', url).href;
  const asked = ports.clock.now();
  const answer = await http({ method: 'POST', url: target, headers, body, signal });
  if (answer.status === 401) throw new SyncError('forbidden', 'Khala refuses the credential of this desktop.');
  const parsed = tokenSchema.safeParse(answer.status === 200 ? JSON.parse(answer.body) : undefined);
  if (!parsed.success) throw new SyncError('unavailable', `Khala answered ${answer.status} to the token request.`);
  const { token, expires_in } = parsed.data.data;
  // Its life, not its end: the clock of khala need not be that of this machine.
  return { token, expires_at: asked + expires_in * 1000 };
}
