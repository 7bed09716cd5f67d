import { createSession, nodeSocketFactory, type ReducerCall, reducers } from '@autopilot/session';
import { isCodedError, type LaneState, SyncError } from '@autopilot/sync-contract';
import { ControlError } from '../errors.ts';
import type { GatewayOptions } from './database-gateway.ts';
import type { EventSink, SinkState, SinkStatus } from './event-sink.ts';

/** What the module calls streams that are made by their first append, so that both ways make the same stream. */
const streamClass = 'default';

/** Milliseconds after which a session that has given up is told to try again: there is no user here to ask. */
const pauseAfterGivingUp = 15_000;

const stateOf: Readonly<Record<LaneState, SinkState>> = {
  idle: 'idle',
  authenticating: 'connecting',
  connecting: 'connecting',
  subscribing: 'connecting',
  replaying: 'connecting',
  live: 'live',
  backoff: 'backoff',
  'needs-auth': 'failed',
  failed: 'failed',
  draining: 'closed',
  closed: 'closed',
};

/** The sink over a websocket session as control's own writer. Receipts are confirmed: what they tell of is durable. */
export function createSessionSink({ uri, database, ports, http, writerToken }: GatewayOptions): EventSink {
  const session = createSession({
    ports,
    http,
    socket: nodeSocketFactory,
    clientId: 'control',
    readMode: 'confirmed',
    // The writer bounds what it sends; nothing of it may be turned away here.
    maxCallsInFlight: 512,
    maxCallsQueued: 16_384,
    token: async () => {
      const { token, expires_at, refresh_after } = await writerToken();
      return { token, expires_at: expires_at * 1_000, refresh_after: refresh_after * 1_000, uri, database };
    },
  });
  const listeners = new Set<(status: SinkStatus) => void>();
  let connections = 0;
  let cancelRetry = () => {};

  session.listen((signal) => {
    if (signal.type !== 'state') return;
    if (signal.to === 'live') connections += 1;
    cancelRetry();
    if (stateOf[signal.to] === 'failed') {
      cancelRetry = ports.scheduler.after(pauseAfterGivingUp, () => session.retryNow());
    }
    for (const listener of listeners) listener(status());
  });

  function status(): SinkStatus {
    const { state, last_close, token_expires_at, protocol } = session.status();
    const well = state === 'live' || last_close === undefined;
    return {
      state: stateOf[state],
      connections,
      last_error: well ? undefined : { code: last_close.code, message: last_close.message },
      token_expires_at,
      protocol,
    };
  }

  const call = ({ reducer, args }: ReducerCall) => translated(session.call(reducer, args));
  return {
    async append(draft, expectedNextSeq) {
      const { outcome, epoch, seq } = await translated(session.appendSyncEvent(draft, expectedNextSeq));
      return { outcome, epoch, seq };
    },
    async ensureStream(streamId, epoch) {
      try {
        await translated(session.createStream(streamId, streamClass, 'inbox', { epoch }));
      } catch (error) {
        // The id was checked at the door, so this is a stream that somebody has made in another form: it exists.
        if (!(error instanceof SyncError && error.code === 'invalid_request')) throw error;
      }
    },
    grant: (identity, streamId, role) => translated(session.grantStream(identity, streamId, role)),
    async bindKey(identity, pubkey, proof) {
      try {
        await call(reducers.bindNostrKey(identity, pubkey, proof));
      } catch (error) {
        // Waiting, as the module's code has it, would change nothing.
        const full = error instanceof SyncError && error.code === 'rate_limited';
        throw full ? new ControlError('keys_full', error.message, { cause: error }) : error;
      }
    },
    unbindKey: (identity, pubkey) => call(reducers.unbindNostrKey(identity, pubkey)),
    get status() {
      return status();
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    start: () => session.start(),
    async close() {
      cancelRetry();
      await session.close();
      cancelRetry();
    },
  };
}

/** Refusals of the module as they are; of the session's own codes the writer needs to know only two kinds. */
async function translated<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof SyncError) throw error;
    const trapped = isCodedError(error) && error.code === 'reducer_failed';
    const message = error instanceof Error ? error.message : String(error);
    throw new ControlError(trapped ? 'internal' : 'unavailable', message, { cause: error });
  }
}
