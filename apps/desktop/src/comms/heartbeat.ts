import { type Cancel, isCodedError, type Ports, SyncError } from '@autopilot/sync-contract';
import { z } from 'zod';
import type { Log } from '../log.ts';
import type { AskControl } from './control-client.ts';

/** Tells control, again and again, where this desktop is. Nothing waits for it. */
export interface Heartbeat {
  readonly sent: number;
  readonly failed: number;
  /** When the last one was taken, milliseconds since the Unix epoch, and what was wrong with the last try. */
  readonly last: { readonly at: number | null; readonly error: string | null };
  start(): void;
  /** Something changed: the next one goes out soon. */
  changed(): void;
  /** Tells one last time, within a second, and ends. */
  close(): Promise<void>;
}

export interface HeartbeatOptions {
  readonly ports: Ports;
  readonly log: Log;
  readonly ask: AskControl;
  /** Made for every heartbeat that is sent. `confirm` runs when control has taken it. */
  readonly body: () => { readonly body: object; readonly confirm: () => void };
  /** Control has told of its policy's revision. */
  readonly sawRevision: (revision: number) => void;
  /** The bounds of the time between two, milliseconds; an answer chooses within them. */
  readonly everyMs?: { readonly shortest: number; readonly longest: number };
}

const answerSchema = z.object({
  policy_revision: z.number().nullable().optional(),
  next_ms: z.number().positive().optional(),
});
const usualMs = 5000;
/** A change waits so long, so that a burst of them is one heartbeat. */
const gatherMs = 250;
const lastWordMs = 1000;

/** A heart that does not beat yet. At most one request is under way. */
export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { ports, log, ask } = options;
  const bounds = options.everyMs ?? { shortest: 1000, longest: 60_000 };
  let planned: Cancel | undefined;
  let plannedAt = Number.POSITIVE_INFINITY;
  let sending: Promise<void> | undefined;
  let again = false;
  let started = false;
  let closed = false;
  let failures = 0;
  const counts = { sent: 0, failed: 0 };
  let last: Heartbeat['last'] = { at: null, error: null };

  const beat = async (): Promise<number> => {
    const { body, confirm } = options.body();
    try {
      const { status, json } = await ask('POST', '/v1/cutover/heartbeats', body);
      if (status === 404) {
        last = { at: null, error: null };
        return bounds.longest;
      }
      const answer = answerSchema.safeParse(json);
      if (status < 200 || status > 299 || !answer.success) {
        throw new SyncError('unavailable', `Control answered ${status} to a heartbeat.`);
      }
      confirm();
      counts.sent += 1;
      failures = 0;
      last = { at: ports.clock.now(), error: null };
      if (typeof answer.data.policy_revision === 'number') options.sawRevision(answer.data.policy_revision);
      return answer.data.next_ms ?? usualMs;
    } catch (error) {
      if (!isCodedError(error)) log.error({ err: error }, 'a heartbeat could not be made');
      counts.failed += 1;
      if (failures === 0) log.warn({ err: error }, 'control takes no heartbeat');
      failures += 1;
      last = { at: last.at, error: error instanceof Error ? error.message : String(error) };
      return usualMs * 2 ** Math.min(failures - 1, 4);
    }
  };
  const plan = (delay: number) => {
    if (closed) return;
    const at = ports.clock.monotonic() + delay;
    if (planned !== undefined && plannedAt <= at) return;
    planned?.();
    plannedAt = at;
    planned = ports.scheduler.after(delay, () => {
      planned = undefined;
      plannedAt = Number.POSITIVE_INFINITY;
      run();
    });
  };
  const run = () => {
    if (sending !== undefined) {
      again = true;
      return;
    }
    sending = beat().then((next) => {
      sending = undefined;
      const soon = again;
      again = false;
      plan(soon ? gatherMs : Math.min(bounds.longest, Math.max(bounds.shortest, next)));
    });
  };
  return {
    get sent() {
      return counts.sent;
    },
    get failed() {
      return counts.failed;
    },
    get last() {
      return last;
    },
    start() {
      started = true;
      plan(0);
    },
    changed() {
      if (!started || closed) return;
      // A control that is away is not asked more often because things change here.
      if (failures > 0) return;
      if (sending !== undefined) again = true;
      else plan(gatherMs);
    },
    async close() {
      closed = true;
      planned?.();
      if (!started || failures > 0) return;
      let cancel = () => {};
      const enough = new Promise<void>((resolve) => {
        cancel = ports.scheduler.after(lastWordMs, resolve);
      });
      await Promise.race([(sending ?? Promise.resolve()).then(() => beat()), enough]);
      cancel();
    },
  };
}
