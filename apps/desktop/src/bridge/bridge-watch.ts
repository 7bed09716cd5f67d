import type { Cancel, Ports } from '@autopilot/sync-contract';
import { z } from 'zod';
import type { AskControl } from '../comms/control-client.ts';
import type { BridgeState } from '../view-model/bridge-state.ts';

/** Asks control at a slow pace how its bridge to Nostr stands. Nothing waits for it, and nothing fails with it. */
export interface BridgeWatch {
  state(): BridgeState;
  /** Asks from now on. */
  start(): void;
  close(): void;
}

export interface BridgeWatchOptions {
  readonly ports: Ports;
  /** Bounds the time of each question. */
  readonly ask: AskControl;
  /** Runs after every answer, and after a question without one. */
  readonly changed: () => void;
}

const everyMs = 30_000;

const number = z.int().min(0).nullable();
const answerSchema = z.object({
  state: z.enum(['none', 'idle', 'starting', 'running', 'waiting', 'closed']),
  relays: number,
  relays_open: number,
  pending: number,
  dead: number,
  jobs_open: number,
  lane_live: z.boolean().nullable(),
  as_of: z.number().min(0).nullable(),
});
const unknown: BridgeState = { summary: null, at: null };

/** A watch that has asked nobody yet. At most one question is under way. */
export function createBridgeWatch({ ports, ask, changed }: BridgeWatchOptions): BridgeWatch {
  const ending = new AbortController();
  let state = unknown;
  let planned: Cancel = () => {};
  let started = false;

  const question = async (): Promise<BridgeState> => {
    try {
      const { status, json } = await ask('GET', '/v1/bridge/summary', undefined, { signal: ending.signal });
      const parsed = answerSchema.safeParse(json);
      return status === 200 && parsed.success ? { summary: parsed.data, at: ports.clock.now() } : unknown;
    } catch {
      // Whoever depends on control says that it is away. This does not.
      return unknown;
    }
  };
  const turn = async () => {
    const next = await question();
    if (ending.signal.aborted) return;
    state = next;
    changed();
    // A little chance keeps a fleet from asking at one moment.
    planned = ports.scheduler.after(everyMs * (0.9 + 0.2 * ports.random.next()), () => void turn());
  };
  return {
    state: () => state,
    start() {
      if (started || ending.signal.aborted) return;
      started = true;
      void turn();
    },
    close() {
      planned();
      ending.abort();
    },
  };
}
