import type { LaneId, LaneSignal } from '@autopilot/sync-contract';
import type { Log } from '../log.ts';

/** What the router says to whoever listens, each signal under the name of the lane that it came from. */
export interface RouterVoice {
  /** The lane of the signal that is being told; undefined in between. */
  readonly speaking: LaneId | undefined;
  listen(listener: (signal: LaneSignal) => void): () => void;
  tell(lane: LaneId, signal: LaneSignal): void;
  onGranted(listener: (streamIds: readonly string[]) => void): () => void;
  granted(streamIds: readonly string[]): void;
  close(): void;
}

/** Nobody listens yet. A listener that throws disturbs no other. */
export function createRouterVoice(log: Log): RouterVoice {
  const listeners = new Set<(signal: LaneSignal) => void>();
  const grantListeners = new Set<(streamIds: readonly string[]) => void>();
  let speaking: LaneId | undefined;
  return {
    get speaking() {
      return speaking;
    },
    listen(listener) {
      const own = (signal: LaneSignal) => listener(signal);
      listeners.add(own);
      return () => listeners.delete(own);
    },
    tell(lane, signal) {
      const before = speaking;
      speaking = lane;
      try {
        for (const listener of [...listeners]) {
          try {
            listener(signal);
          } catch (error) {
            log.error({ err: error, signal: signal.type }, 'a listener of the router threw');
          }
        }
      } finally {
        speaking = before;
      }
    },
    onGranted(listener) {
      grantListeners.add(listener);
      return () => grantListeners.delete(listener);
    },
    granted(streamIds) {
      for (const listener of grantListeners) listener(streamIds);
    },
    close() {
      listeners.clear();
      grantListeners.clear();
    },
  };
}
