import { describe, expect, test } from '@jest/globals';
import { type LaneTestRunner, type LaneUnderTest, laneConformance } from '../src/conformance.ts';
import { draftEvent, genesisChain, type Lane, type LaneSignal, type LaneState, type SyncEvent } from '../src/index.ts';

/** A host in memory: streams, who may read them, and the lanes that listen. */
class MemoryHost {
  readonly streams = new Map<string, { events: SyncEvent[]; kept: bigint; readable: boolean }>();
  readonly lanes = new Set<MemoryLane>();
  running = 0;

  create(readable: boolean): string {
    const id = `runtime.memory.${this.streams.size + 1}`;
    this.streams.set(id, { events: [], kept: 1n, readable });
    return id;
  }

  append(id: string, from: number, to: number): void {
    const stream = this.streams.get(id);
    for (let n = from; n <= to; n += 1) {
      const draft = draftEvent({ stream_id: id, kind: 'tick', payload: { n }, idempotency_key: `key-${n}` });
      stream?.events.push({ ...draft, epoch: 'e', seq: BigInt(n), committed_at: 0n });
      for (const lane of this.lanes) lane.news(id);
    }
  }
}

/** The simplest lane that keeps the contract: everything happens in microtasks. */
class MemoryLane implements Lane {
  readonly id = 'spacetime';
  state: LaneState = 'idle';
  readonly host: MemoryHost;
  readonly positions = new Map<string, { seq: bigint; standing: boolean; read: boolean }>();
  readonly listeners = new Set<(signal: LaneSignal) => void>();
  connected = false;

  constructor(host: MemoryHost) {
    this.host = host;
  }

  start(): void {
    if (this.state !== 'idle') return;
    this.host.lanes.add(this);
    this.host.running += 1;
    void this.connect();
  }

  async connect(): Promise<void> {
    for (const to of ['authenticating', 'connecting', 'subscribing', 'replaying'] as const) {
      if (this.state === 'draining' || this.state === 'closed') return;
      this.move(to, 'step');
      await Promise.resolve();
    }
    if (this.state !== 'replaying') return;
    this.connected = true;
    for (const id of this.positions.keys()) this.news(id);
    if (this.state === 'replaying') this.move('live', 'level');
  }

  cut(): void {
    if (this.state !== 'live') return;
    this.connected = false;
    this.move('backoff', 'network');
    queueMicrotask(() => void this.connect());
  }

  follow(id: string, after: { seq: bigint } | null): void {
    this.positions.set(id, { seq: after?.seq ?? 0n, standing: true, read: false });
    this.news(id);
  }

  rewind(id: string, after: { seq: bigint } | null): void {
    this.follow(id, after);
  }

  unfollow(id: string): void {
    this.positions.delete(id);
  }

  news(id: string): void {
    const at = this.positions.get(id);
    if (at === undefined || !at.standing || !this.connected) return;
    const stream = this.host.streams.get(id);
    if (stream === undefined || !stream.readable) {
      at.standing = false;
      const code = stream === undefined ? 'unknown_stream' : 'forbidden';
      this.emit({ type: 'stream-closed', stream_id: id, code, message: code });
      return;
    }
    const head = BigInt(stream.events.length);
    if (at.seq + 1n < stream.kept) {
      at.standing = false;
      const floor = { epoch: 'e', seq: stream.kept - 1n };
      const reason = 'retention_floor_breach';
      this.emit({ type: 'stale', stream_id: id, reason, floor, floor_chain: genesisChain(id), head });
      return;
    }
    const events = stream.events.slice(Number(at.seq));
    at.seq = head;
    if (events.length > 0) {
      const source = this.state === 'live' && at.read ? 'live' : 'replay';
      this.emit({ type: 'batch', stream_id: id, events, source, head });
    }
    at.read = true;
    this.emit({ type: 'head', stream_id: id, epoch: 'e', head });
  }

  listen(listener: (signal: LaneSignal) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.state === 'closed') return;
    if (this.host.lanes.delete(this)) this.host.running -= 1;
    this.connected = false;
    this.move('draining', 'closed_by_owner');
    await Promise.resolve();
    this.move('closed', 'drained');
    this.listeners.clear();
  }

  move(to: LaneState, reason: string): void {
    const from = this.state;
    this.state = to;
    this.emit({ type: 'state', from, to, reason });
  }

  emit(signal: LaneSignal): void {
    for (const listener of this.listeners) {
      try {
        listener(signal);
      } catch {
        // Somebody else's.
      }
    }
  }
}

type LaneClass = new (host: MemoryHost) => MemoryLane;

async function under(Made: LaneClass): Promise<LaneUnderTest> {
  const host = new MemoryHost();
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 30; turn += 1) await Promise.resolve();
  };
  return {
    lane: () => new Made(host),
    stream: async () => host.create(true),
    append: async (id, from, to) => host.append(id, from, to),
    keep: async (id, newest) => {
      const stream = host.streams.get(id);
      if (stream !== undefined) stream.kept = BigInt(stream.events.length - newest + 1);
    },
    unknown: async () => 'runtime.memory.nobody',
    forbidden: async () => host.create(false),
    cut: () => {
      for (const lane of host.lanes) lane.cut();
    },
    until: async (condition, what) => {
      for (let turn = 0; turn < 500 && !condition(); turn += 1) await Promise.resolve();
      if (!condition()) throw new Error(`Waited in vain for ${what}`);
    },
    settle,
    leftovers: () => Array.from({ length: host.running }, () => 'lane'),
    dispose: settle,
  };
}

laneConformance({ describe, test, expect }, 'a lane in memory', () => under(MemoryLane));

const broken: Readonly<Record<string, readonly [string, LaneClass]>> = {
  'starts twice': [
    'L1',
    class extends MemoryLane {
      override start(): void {
        void this.connect();
      }
    },
  ],
  'leaves the first event out': [
    'L2',
    class extends MemoryLane {
      override follow(id: string, after: { seq: bigint } | null): void {
        super.follow(id, after ?? { seq: 1n });
      }
    },
  ],
  'reads from the event at the position': [
    'L3',
    class extends MemoryLane {
      override follow(id: string, after: { seq: bigint } | null): void {
        super.follow(id, after === null ? null : { seq: after.seq - 1n });
      }
    },
  ],
  'says live at once': [
    'L4',
    class extends MemoryLane {
      override news(id: string): void {
        if (this.state === 'replaying') this.move('live', 'hope');
        super.news(id);
      }
    },
  ],
  'repeats an event': [
    'L5',
    class extends MemoryLane {
      override emit(signal: LaneSignal): void {
        super.emit(signal);
        if (signal.type === 'batch' && signal.source === 'live') super.emit(signal);
      }
    },
  ],
  'loses what comes while it is away': [
    'L6',
    class extends MemoryLane {
      override news(id: string): void {
        const at = this.positions.get(id);
        if (at !== undefined && !this.connected) at.seq += 1n;
        super.news(id);
      }
    },
  ],
  'does not rewind': [
    'L7',
    class extends MemoryLane {
      override rewind(): void {}
    },
  ],
  'goes on after unfollow': [
    'L8',
    class extends MemoryLane {
      override unfollow(): void {}
    },
  ],
  'mixes streams up': [
    'L9',
    class extends MemoryLane {
      override emit(signal: LaneSignal): void {
        const other = [...this.positions.keys()][0] ?? '';
        super.emit(signal.type === 'batch' ? { ...signal, stream_id: other } : signal);
      }
    },
  ],
  'says nothing of a forbidden stream': [
    'L10',
    class extends MemoryLane {
      override emit(signal: LaneSignal): void {
        if (signal.type !== 'stream-closed') super.emit(signal);
      }
    },
  ],
  'tells no head': [
    'L11',
    class extends MemoryLane {
      override emit(signal: LaneSignal): void {
        if (signal.type !== 'head') super.emit(signal);
      }
    },
  ],
  'is stopped by a listener': [
    'L12',
    class extends MemoryLane {
      override emit(signal: LaneSignal): void {
        try {
          for (const listener of this.listeners) listener(signal);
        } catch {
          // The others hear nothing.
        }
      }
    },
  ],
  'leaves itself running': [
    'L13',
    class extends MemoryLane {
      override async close(): Promise<void> {
        this.host.running += 1;
        await super.close();
      }
    },
  ],
  'skips what is gone without a word': [
    'L14',
    class extends MemoryLane {
      override follow(id: string, after: { seq: bigint } | null): void {
        const kept = this.host.streams.get(id)?.kept ?? 1n;
        super.follow(id, (after?.seq ?? 0n) + 1n < kept ? { seq: kept - 1n } : after);
      }
    },
  ],
};

describe('the suite', () => {
  test.each(Object.entries(broken))('L15 finds a lane that %s', async (_name, [id, Made]) => {
    const failed: string[] = [];
    const bodies: (() => Promise<void>)[] = [];
    const runner: LaneTestRunner = {
      describe: (_title, body) => body(),
      test: (title, body) => {
        // Only the tests of the broken rule: the others cost time and prove nothing.
        if (title.startsWith(`${id} `)) bodies.push(() => body().catch(() => void failed.push(title)));
      },
      expect,
    };
    laneConformance(runner, 'a broken lane', () => under(Made));
    for (const body of bodies) await body();
    expect(failed).not.toEqual([]);
  });
});
