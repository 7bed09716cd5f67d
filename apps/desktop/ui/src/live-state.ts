import { useEffect, useState } from 'react';
import type { DesktopStateJson } from '../../src/view-model/desktop-state.ts';

/** What the page has of the core. */
export interface Received {
  readonly state: DesktopStateJson | undefined;
  /** `performance.now()` when it came. */
  readonly receivedAt: number;
  /** `locked`: the core runs but does not take this page's token any more. */
  readonly link: 'opening' | 'open' | 'lost' | 'locked';
}

/** The core sends at least every second; silence of this many milliseconds means that it is gone or stuck. */
const silenceMs = 5000;
const longestWaitMs = 5000;

/** The newest snapshot, and whether the core is still there. */
export function useLiveState(): Received {
  const [received, setReceived] = useState<Received>({ state: undefined, receivedAt: 0, link: 'opening' });
  useEffect(() => follow((change) => setReceived((before) => ({ ...before, ...change }))), []);
  return received;
}

/** Follows the core until the returned function is called; opens the socket again whenever it is lost. */
function follow(update: (change: Partial<Received>) => void): () => void {
  let ended = false;
  let attempt = 0;
  let socket: WebSocket | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;

  const listenForSilence = () => {
    clearTimeout(silence);
    silence = setTimeout(() => socket?.close(), silenceMs);
  };
  const open = () => {
    socket = new WebSocket(`ws://${location.host}/api/live`);
    listenForSilence();
    socket.onmessage = (event) => {
      if (ended) return;
      attempt = 0;
      listenForSilence();
      const state = JSON.parse(String(event.data)) as DesktopStateJson;
      update({ state, receivedAt: performance.now(), link: 'open' });
    };
    socket.onclose = () => {
      clearTimeout(silence);
      if (ended) return;
      update({ link: 'lost' });
      // A refused upgrade looks like any other loss; the plain request tells the difference.
      fetch('/api/state').then(
        (answer) => {
          if (answer.status === 401 && !ended) update({ link: 'locked' });
        },
        () => {},
      );
      retry = setTimeout(open, Math.min(longestWaitMs, 250 * 2 ** attempt));
      attempt += 1;
    };
  };
  open();
  return () => {
    ended = true;
    clearTimeout(retry);
    clearTimeout(silence);
    socket?.close();
  };
}

/** Renders again every `ms`, for what counts by itself. Returns `performance.now()`. */
export function useTicking(ms: number): number {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), ms);
    return () => clearInterval(timer);
  }, [ms]);
  return now;
}
