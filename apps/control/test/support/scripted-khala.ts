import { SyncError } from '@autopilot/sync-contract';
import type { KhalaTarget, MirrorEvent } from '../../src/mirror/khala-target.ts';

/** What happens to one call: `lost-answer` appends and then breaks, `not-sent` breaks before, an error is thrown as it is. */
export type KhalaFault = 'lost-answer' | 'not-sent' | Error;

/** A khala without idempotency keys, as the real one: what is sent twice is there twice. It outlives its targets. */
export class ScriptedKhala {
  readonly workers = new Map<string, MirrorEvent[]>();
  /** How often khala was read before something was sent. */
  reads = 0;
  fault: (event: MirrorEvent) => KhalaFault | undefined = () => undefined;
  up = true;
  /** Holds every call back until it resolves. */
  gate: Promise<void> = Promise.resolve();

  keys(worker: string): string[] {
    return (this.workers.get(worker) ?? []).map((event) => event.idempotency_key);
  }

  target(): KhalaTarget {
    return {
      publish: async (worker, event, { after, doubt }) => {
        await this.gate;
        if (!this.up) throw new SyncError('unavailable', 'khala is down');
        const events = this.workers.get(worker) ?? [];
        this.workers.set(worker, events);
        if (doubt) {
          this.reads += 1;
          const index = events.findIndex(
            (each, place) => BigInt(place) >= after && each.idempotency_key === event.idempotency_key,
          );
          if (index !== -1) return { outcome: 'duplicate', seq: BigInt(index + 1) };
        }
        const fault = this.fault(event);
        if (fault instanceof Error) throw fault;
        if (fault === 'not-sent') throw new SyncError('unavailable', 'not sent');
        events.push(event);
        if (fault === 'lost-answer') throw new SyncError('unavailable', 'the answer was lost');
        return { outcome: 'appended', seq: BigInt(events.length) };
      },
      reachable: async () => this.up,
    };
  }
}
