import { mergeWindows, type ParityWindow } from '@autopilot/cutover-flags/parity';
import type { Cancel, Ports } from '@autopilot/sync-contract';
import type { AskControl } from './control-client.ts';

/** Sends windows of a comparison to control, one at a time. */
export interface WindowSender {
  /** How many windows control has taken, and what was wrong with the last try. */
  readonly told: { readonly windows: number; readonly error: string | null };
  start(): void;
  close(): void;
}

const usualMs = 5000;
const longestMs = 60_000;
/** Control takes no more of one window. */
const mostSamples = 20;

/** A sender that has not begun. `take` gives what was compared since it was last called, null for nothing. */
export function createWindowSender(options: {
  readonly ports: Ports;
  readonly ask: AskControl;
  readonly unit: string;
  readonly take: () => ParityWindow | null;
  /** The time between two windows, milliseconds. */
  readonly everyMs?: number | undefined;
}): WindowSender {
  const { ports, ask, unit, take, everyMs = usualMs } = options;
  let planned: Cancel | undefined;
  let closed = false;
  let failures = 0;
  let windows = 0;
  let error: string | null = null;
  /** The very same until it is taken, so that control knows a window that it was told before. */
  let sending: ParityWindow | undefined;
  let waiting: ParityWindow | undefined;

  const send = async () => {
    const taken = take();
    if (taken !== null) waiting = waiting === undefined ? taken : mergeWindows([waiting, taken]);
    if (sending === undefined) {
      sending = waiting;
      waiting = undefined;
    }
    if (sending === undefined) return;
    const window = { ...sending, samples: sending.samples.slice(0, mostSamples) };
    try {
      const { status } = await ask('POST', '/v1/cutover/parity', { unit, window });
      if (status === 202) {
        windows += 1;
        error = null;
      } else {
        error = `Control answered ${status} to a window of the null run.`;
      }
      failures = status === 202 ? 0 : failures + 1;
      // What control calls wrong stays wrong; everything else is told again.
      if (status === 202 || status === 400) sending = undefined;
    } catch (cause) {
      error = cause instanceof Error ? cause.message : String(cause);
      failures += 1;
    }
  };
  const plan = () => {
    if (closed) return;
    const delay = Math.max(everyMs, Math.min(longestMs, everyMs * 2 ** Math.min(failures, 4)));
    planned = ports.scheduler.after(delay, () => {
      planned = undefined;
      void send().then(plan);
    });
  };
  return {
    get told() {
      return { windows, error };
    },
    start: plan,
    close() {
      closed = true;
      planned?.();
    },
  };
}
