import { canonicalPayloadHash, type LaneSignal, type SyncEvent } from '@autopilot/sync-contract';
import { applyBatch } from '../../../packages/apply-engine/src/index.ts';
import type { Commit } from '../../../packages/checkpoint/src/index.ts';
import type { Session } from '../../../packages/session/src/index.ts';
import { StreamMerge } from '../../../packages/session/src/streams/merge.ts';
import type { ApplicationStore } from '../../src/simulate/owner-store.ts';
import type { Rule } from '../../src/simulate/report.ts';
import type { Wiring } from '../../src/simulate/wiring.ts';

/** A defect that a client could have. */
export interface Defect {
  readonly wiring?: Partial<Wiring>;
  /** Changes the code itself; returns how to change it back. */
  readonly install?: () => () => void;
  /** One of these rules has to notice it. */
  readonly noticedBy: readonly Rule[];
}

type Lane = ReturnType<Wiring['lane']>;
type Batch = Extract<LaneSignal, { type: 'batch' }>;
type Offer = StreamMerge['offerLive'];

/** A lane with some of its methods replaced. */
function overLane(change: (session: Session) => Partial<Lane>): Partial<Wiring> {
  return {
    lane: (session) => ({
      follow: (id, after) => session.follow(id, after),
      rewind: (id, after) => session.rewind(id, after),
      unfollow: (id) => session.unfollow(id),
      listen: (listener) => session.listen(listener),
      ...change(session),
    }),
  };
}

/** A lane that hands over other batches than came. */
function overBatches(change: (batch: Batch) => readonly Batch[]): Partial<Wiring> {
  return overLane((session) => ({
    listen: (listener) =>
      session.listen((signal) => {
        for (const one of signal.type === 'batch' ? change(signal) : [signal]) listener(one);
      }),
  }));
}

/** A store with some of its writes replaced. */
function overStore(
  change: (store: ApplicationStore, tell: (commit: Commit) => void) => Partial<ApplicationStore>,
): Partial<Wiring> {
  return {
    store: (store, tell) => ({
      load: (id) => store.load(id),
      streams: () => store.streams(),
      hashAt: (id, epoch, seq) => store.hashAt(id, epoch, seq),
      seqOf: (id, epoch, key) => store.seqOf(id, epoch, key),
      commit: (changes) => store.commit(changes),
      resetStream: (id, to) => store.resetStream(id, to),
      quarantine: (conflict) => store.quarantine(conflict),
      ...change(store, tell),
    }),
  };
}

/** An engine that is given other events than came. */
function overEngine(change: (events: readonly SyncEvent[], seq: bigint) => readonly SyncEvent[]): Partial<Wiring> {
  return {
    context: (context) => ({
      ...context,
      applyBatch: (state, events, options) => applyBatch(state, change(events, state.seq), options),
    }),
  };
}

/** A merge of pages and live rows that takes live rows otherwise. */
function overMerge(change: (merge: StreamMerge, rows: Parameters<Offer>[0], real: Offer) => ReturnType<Offer>) {
  return () => {
    const real = StreamMerge.prototype.offerLive;
    StreamMerge.prototype.offerLive = function offerLive(rows) {
      return change(this, rows, (given) => real.call(this, given));
    };
    return () => {
      StreamMerge.prototype.offerLive = real;
    };
  };
}

const onePlaceOn = <At extends { epoch: string; seq: bigint }>(at: At) => ({ ...at, seq: at.seq + 1n });

/** The defects by name. */
export const defects: Readonly<Record<string, Defect>> = {
  'a rewind that goes forward over the gap, and is persisted': {
    noticedBy: ['no-gap', 'chain'],
    wiring: {
      context: (context) => {
        const rewind: typeof context.lane.rewind = (id, after) => {
          const stored = context.store.load(id);
          const to = after === null ? null : onePlaceOn(after);
          if (to !== null && stored !== undefined) {
            context.store.resetStream(id, { ...to, chain: stored.chain, reason: 'rewind' });
          }
          context.lane.rewind(id, to);
        };
        return { ...context, lane: { ...context.lane, rewind } };
      },
    },
  },
  'a session that reads on behind the place it is given': {
    noticedBy: ['order'],
    wiring: overLane((session) => ({ rewind: (id, after) => session.rewind(id, after && onePlaceOn(after)) })),
  },
  'a session that hands over what it had handed over': {
    noticedBy: ['order'],
    wiring: overBatches((batch) => [batch, batch]),
  },
  'a session that loses the first event of a batch': {
    noticedBy: ['order'],
    wiring: overBatches((batch) => [{ ...batch, events: batch.events.slice(batch.events.length > 3 ? 1 : 0) }]),
  },
  'a merge that drops no row it has had': {
    noticedBy: ['order'],
    install: overMerge((merge, rows, real) => {
      const at = merge.position;
      const again = rows.filter(({ inline, event }) => inline && event.epoch === at?.epoch && event.seq <= at.seq);
      const outcome = real(rows);
      return { ...outcome, delivered: [...again.map(({ event }) => event), ...outcome.delivered] };
    }),
  },
  'a merge that passes over a gap': {
    noticedBy: ['order'],
    install: overMerge((merge, rows, real) => {
      const at = merge.position;
      const [first] = rows;
      const isAhead = first?.inline === true && first.event.epoch === at?.epoch && first.event.seq > at.seq + 1n;
      if (isAhead) merge.reset({ epoch: first.event.epoch, seq: first.event.seq - 1n });
      return real(rows);
    }),
  },
  'an engine that takes what follows for what is missing': {
    noticedBy: ['prefix'],
    wiring: overEngine((events, seq) => events.map((event, index) => ({ ...event, seq: seq + BigInt(index + 1) }))),
  },
  'an engine that believes every payload': {
    noticedBy: ['prefix'],
    wiring: overEngine((events) =>
      events.map((event) => ({ ...event, payload_hash: canonicalPayloadHash(event.payload) })),
    ),
  },
  'listeners that are told before the commit': {
    noticedBy: ['durable'],
    wiring: overStore((store, tell) => ({
      commit: (changes) => {
        tell({ changes });
        return store.commit(changes);
      },
    })),
  },
  'listeners that are told twice': {
    noticedBy: ['no-repeat'],
    wiring: overStore((store, tell) => ({
      commit: (changes) => {
        const commit = store.commit(changes);
        tell(commit);
        return commit;
      },
    })),
  },
  'a failed commit that is taken for a good one': {
    noticedBy: ['catch-up', 'no-gap'],
    wiring: overStore((store) => ({
      commit: (changes) => {
        try {
          return store.commit(changes);
        } catch (error) {
          if (error instanceof Error && error.name === 'CheckpointError') return { changes };
          throw error;
        }
      },
    })),
  },
  'an epoch change that keeps the sequence': {
    noticedBy: ['no-gap', 'chain'],
    wiring: overStore((store) => ({
      resetStream: (id, to) => store.resetStream(id, { ...to, seq: store.load(id)?.seq ?? to.seq }),
    })),
  },
  'a stale stream that is reset and not read again': {
    noticedBy: ['catch-up'],
    wiring: overLane((session) => ({
      rewind: (id, after) => {
        if (session.status().streams[id]?.phase !== 'stale') session.rewind(id, after);
      },
    })),
  },
  'a backoff without a floor': {
    noticedBy: ['storm'],
    wiring: { session: (options) => ({ ...options, backoff: { floorMs: 1, baseMs: 1, capMs: 1 } }) },
  },
  'a backoff that never grows': {
    noticedBy: ['storm'],
    wiring: { session: (options) => ({ ...options, backoff: { ...options.backoff, capMs: 300 } }) },
  },
  'no watchdog and no deadline': {
    noticedBy: ['catch-up'],
    wiring: { session: (options) => ({ ...options, watchdogMs: 1e9, requestTimeoutMs: 1e9 }) },
  },
  'timers that are not taken back': {
    noticedBy: ['clean-close'],
    wiring: {
      session: (options) => {
        const scheduler: typeof options.ports.scheduler = {
          after: (milliseconds, task) => {
            options.ports.scheduler.after(milliseconds, task);
            return () => {};
          },
        };
        return { ...options, ports: { ...options.ports, scheduler } };
      },
    },
  },
  'a token that is given again after it was refused': {
    noticedBy: ['terminal', 'catch-up'],
    wiring: {
      session: (options) => {
        let first: ReturnType<typeof options.token> | undefined;
        return { ...options, token: (reason, signal) => (first ??= options.token(reason, signal)) };
      },
    },
  },
};
