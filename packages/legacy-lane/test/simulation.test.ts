// The lane on time, chance, sockets and HTTP of the test: what takes minutes takes none, and every seed is another run.
import type { HttpClient, LaneSignal, Ports, SocketFactory, SocketHandlers } from '@autopilot/sync-contract';
import { streamIdForTopic } from '@autopilot/sync-contract';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createKhalaLane, type KhalaLaneOptions, workerEventsTopic as topic } from '../src/index.ts';
import { frame } from './frames.ts';
import { upTo } from './support/khala-world.ts';

interface Task {
  readonly at: number;
  readonly order: number;
  readonly owned: boolean;
  readonly run: () => void;
}

/** Simulated time and a scripted khala: one topic with one worker. */
class Sim {
  now = 1_800_000_000_000;
  readonly tasks = new Set<Task>();
  readonly ports: Ports;
  readonly http: HttpClient;
  readonly socket: SocketFactory;
  readonly sent: string[] = [];
  readonly urls: string[] = [];
  events = 0;
  /** The head of the topic when each event was made: other workers write as well. */
  watermark = 0;
  readonly watermarks: number[] = [];
  open: { readonly handlers: SocketHandlers; position: number } | undefined;
  silent = false;
  mute = new Set<string>();
  latency = (): number => 1;
  #order = 0;
  #seed: number;

  constructor(seed = 1) {
    this.#seed = seed;
    this.ports = {
      clock: { now: () => this.now, monotonic: () => this.now - 1_700_000_000_000 },
      random: { next: () => this.random(), bytes: (length) => new Uint8Array(length) },
      scheduler: { after: (ms, run) => this.after(ms, run, true) },
    };
    this.http = (request) =>
      new Promise((resolve, reject) => {
        request.signal?.addEventListener('abort', () => reject(new Error('aborted')));
        this.after(this.latency(), () => resolve({ status: 200, headers: {}, body: this.page(request.url) }));
      });
    this.socket = (request, handlers) => {
      this.urls.push(request.url);
      const one = { handlers, position: 0 };
      let over = false;
      const close = (code: number): void => {
        if (over) return;
        over = true;
        if (this.open === one) this.open = undefined;
        this.after(1, () => handlers.closed(code, ''));
      };
      this.after(this.latency(), () => {
        if (over || this.mute.has('open')) return;
        this.open = one;
        handlers.opened('');
      });
      return {
        send: (data) => this.after(1, () => !over && this.receive(one, String(data))),
        bufferedBytes: 0,
        close: (code) => close(code ?? 1000),
        terminate: () => close(1006),
      };
    };
  }

  random(): number {
    this.#seed = (Math.imul(this.#seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return this.#seed / 0x80000000;
  }

  after(ms: number, run: () => void, owned = false): () => void {
    this.#order += 1;
    const task: Task = { at: this.now + Math.max(0, ms), order: this.#order, owned, run };
    this.tasks.add(task);
    return () => this.tasks.delete(task);
  }

  /** Lets so many milliseconds go by. */
  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      for (let turn = 0; turn < 12; turn += 1) await Promise.resolve();
      const [next] = [...this.tasks].sort((a, b) => a.at - b.at || a.order - b.order);
      if (next === undefined || next.at > end) break;
      this.tasks.delete(next);
      this.now = next.at;
      next.run();
    }
    this.now = end;
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    for (let step = 0; step < 4000 && !condition(); step += 1) await this.advance(100);
    if (!condition()) throw new Error(`Waited in vain for ${what}`);
  }

  publish(lost = false): void {
    this.events += 1;
    this.watermark += 1 + Math.floor(this.random() * 3);
    this.watermarks.push(this.watermark);
    if (!lost) this.push();
  }

  push(): void {
    const one = this.open;
    if (one === undefined || this.silent) return;
    const updates = this.watermarks.flatMap((watermark, index) =>
      watermark > one.position ? [this.update(index + 1, watermark)] : [],
    );
    one.position = this.watermark;
    if (updates.length === 0) return;
    const batch = { updates, replay_complete: true, head_watermarks: [{ topic, watermark: this.watermark }] };
    this.say(one, frame('sync:update_batch', batch));
  }

  say(one: { readonly handlers: SocketHandlers }, text: string): void {
    if (!this.silent) this.after(1, () => one.handlers.message(Buffer.from(text)));
  }

  receive(one: { readonly handlers: SocketHandlers; position: number }, text: string): void {
    this.sent.push(text);
    const [, ref, , event, payload] = JSON.parse(text) as [unknown, string, string, string, Record<string, unknown>];
    if (this.mute.has(event)) return;
    const reply = (response: object) => this.say(one, frame('phx_reply', { status: 'ok', response }, { ref }));
    const watermarks = [{ topic, watermark: this.watermark }];
    if (event === 'phx_join') reply({ subscription_id: 's', allowed_topics: [topic] });
    if (event === 'sync:subscribe') {
      one.position = (payload.resume_after as Record<string, number>)[topic] ?? 0;
      this.push();
      reply({ subscription_id: 's', topics: [topic], current_watermarks: watermarks });
    }
    if (event === 'sync:heartbeat') reply({ subscription_id: 's', watermarks });
  }

  update(seq: number, watermark: number): object {
    const doc_key = `runtime/codex_worker_event:w:${seq}`;
    return { topic, doc_key, doc_version: seq, payload: { worker_id: 'w', ...this.event(seq) }, watermark };
  }

  event(seq: number): object {
    return { seq, event_type: 'worker.tick', payload: { n: seq }, occurred_at: '2026-01-01T00:00:00Z' };
  }

  page(url: string): string {
    const cursor = Number(new URL(url).searchParams.get('cursor'));
    const events = upTo(Math.min(this.events, cursor + 5), cursor + 1).map((seq) => this.event(seq));
    return JSON.stringify({ data: { events, snapshot: { latest_seq: this.events } } });
  }
}

const id = streamIdForTopic('w');

function make(sim: Sim, options: Partial<KhalaLaneOptions> = {}) {
  const saved: bigint[] = [];
  const lane = createKhalaLane({
    ports: sim.ports,
    http: sim.http,
    socket: sim.socket,
    url: 'https://khala.test/base',
    token: async () => ({ token: `t${sim.now}`, expires_at: sim.now + 3_600_000 }),
    owns: () => true,
    build: { client_build_id: '20260101T000000Z', protocol_version: 'khala.ws.v1', schema_version: 1 },
    cursors: { load: () => saved.at(-1) ?? null, save: (_topic, watermark) => void saved.push(watermark) },
    ...options,
  });
  const signals: LaneSignal[] = [];
  lane.listen((signal) => signals.push(signal));
  const seqs = () =>
    signals.flatMap((signal) => (signal.type === 'batch' ? signal.events.map(({ seq }) => Number(seq)) : []));
  const live = () => sim.until(() => lane.state === 'live', 'live');
  const close = async (): Promise<void> => {
    let closed = false;
    void lane.close().then(() => {
      closed = true;
    });
    await sim.until(() => closed, 'closed');
    expect([...sim.tasks].filter(({ owned }) => owned)).toEqual([]);
  };
  return { lane, signals, saved, seqs, live, close };
}

describe('on simulated time', () => {
  test('K4 the way up, the URL and the first messages', async () => {
    const sim = new Sim();
    const { lane, live, close } = make(sim);
    lane.follow(id, null);
    lane.start();
    await live();
    const url = new URL(sim.urls[0] ?? '');
    expect(url.origin + url.pathname).toBe('wss://khala.test/base/sync/socket/websocket');
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      vsn: '2.0.0',
      client_build_id: '20260101T000000Z',
      protocol_version: 'khala.ws.v1',
      schema_version: '1',
    });
    const [join, subscribe] = sim.sent.map((text) => JSON.parse(text) as unknown[]);
    expect(join).toEqual([null, '1', 'sync:v1', 'phx_join', {}]);
    const request = { topics: [topic], resume_after: {}, replay_batch_size: 200 };
    expect(subscribe).toEqual(['1', '2', 'sync:v1', 'sync:subscribe', request]);
    await close();
  });

  test('K23 a heartbeat every 20 s; 45 s without a message end the connection', async () => {
    const sim = new Sim();
    const { lane, live, close } = make(sim);
    lane.start();
    await live();
    const beats = () => sim.sent.filter((text) => text.includes('sync:heartbeat')).length;
    await sim.advance(61_000);
    expect([beats(), lane.state]).toEqual([3, 'live']);
    sim.mute.add('sync:heartbeat');
    await sim.until(() => lane.state !== 'live', 'the end');
    expect(lane.stats().closes).toEqual({ no_answer: 1 });
    sim.mute.clear();
    await live();
    sim.silent = true;
    const patient = make(new Sim(), {});
    await patient.close();
    await sim.until(() => lane.state !== 'live', 'the second end');
    await close();
  });

  test('K23 silence alone ends the connection, although requests may take longer', async () => {
    const sim = new Sim();
    const { lane, live, close } = make(sim, { requestTimeoutMs: 300_000 });
    lane.start();
    await live();
    sim.silent = true;
    await sim.advance(44_000);
    expect(lane.state).toBe('live');
    await sim.advance(22_000);
    expect(lane.stats().closes).toMatchObject({ silent: 1 });
    await close();
  });

  test('K24 waits grow, with full jitter, between floor and cap; use forgets them', async () => {
    const sim = new Sim(7);
    sim.mute.add('open');
    const { lane, signals, close } = make(sim, { connectTimeoutMs: 1000 });
    lane.start();
    const waits: number[] = [];
    for (let round = 0; round < 14; round += 1) {
      await sim.until(() => lane.state === 'backoff' && lane.stats().closes.connect_timeout === round + 1, 'a failure');
      waits.push(lane.facts().next_retry_ms ?? -1);
      await sim.until(() => lane.stats().attempts === round + 2, 'the next attempt');
    }
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(100);
    expect(Math.max(...waits)).toBeLessThanOrEqual(30_000);
    expect(Math.max(...waits.slice(0, 2))).toBeLessThanOrEqual(1000);
    expect(Math.max(...waits.slice(7))).toBeGreaterThan(5000);
    expect(new Set(waits).size).toBeGreaterThan(8);
    sim.mute.clear();
    await sim.until(() => lane.state === 'live', 'live');
    await sim.advance(11_000);
    sim.open?.handlers.closed(1006, '');
    await sim.advance(1);
    expect(lane.facts().next_retry_ms).toBeLessThanOrEqual(500);
    expect(signals.filter((signal) => signal.type === 'state' && signal.to === 'live')).toHaveLength(1);
    await close();
  });

  test('K25 a token provider that hangs, fails or refuses', async () => {
    const sim = new Sim();
    const aborted: boolean[] = [];
    const answers: (() => Promise<never>)[] = [
      () => new Promise(() => {}),
      () => Promise.reject(new Error('no network')),
      () => Promise.reject(Object.assign(new Error('gone'), { code: 'x', recovery: 'ask-user', next: 'n' })),
    ];
    const { lane, signals, close } = make(sim, {
      token: (_reason, signal) => {
        signal.addEventListener('abort', () => aborted.push(true));
        return answers.shift()?.() ?? Promise.reject(new Error('asked too often'));
      },
    });
    lane.start();
    await sim.until(() => lane.state === 'needs-auth', 'needs-auth');
    const reasons = signals.flatMap((signal) => (signal.type === 'state' ? [signal.reason] : []));
    expect(reasons.filter((reason) => reason.startsWith('token_'))).toEqual([
      'token_unavailable',
      'token_unavailable',
      'token_refused',
    ]);
    expect([aborted, sim.urls]).toEqual([[true], []]);
    await close();
  });

  test('K26 a connection that looks well and brings nothing is found out', async () => {
    const sim = new Sim();
    const { lane, live, seqs, close } = make(sim);
    lane.follow(id, null);
    lane.start();
    await live();
    for (let n = 0; n < 3; n += 1) sim.publish(true);
    await sim.advance(75_000);
    await live();
    expect([seqs(), lane.stats().closes.missed_updates]).toEqual([upTo(3), 1]);
    sim.publish();
    await sim.until(() => seqs().length === 4, 'the next event');
    await close();
  });

  test('K27 whatever is cut, delayed, lost or silent, the stream comes whole and once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 2 ** 31 - 1 }), async (seed) => {
        const sim = new Sim(seed);
        const chance = () => sim.random();
        sim.latency = () => Math.floor(chance() * 400);
        const { lane, live, seqs, saved, close } = make(sim, { watchdogMs: 25_000, headPollMs: 5000, liveBuffer: 4 });
        lane.follow(id, null);
        lane.start();
        for (let step = 0; step < 60; step += 1) {
          const what = chance();
          if (what < 0.6) sim.publish(chance() < 0.2);
          else if (what < 0.75) sim.open?.handlers.closed(1006, '');
          else if (what < 0.8) sim.silent = !sim.silent;
          else if (what < 0.85) sim.open?.handlers.message(Buffer.from('[1'));
          await sim.advance(Math.floor(chance() * 3000));
          expect(seqs()).toEqual(upTo(seqs().length));
        }
        sim.silent = false;
        await sim.until(() => seqs().length === sim.events, 'all events');
        await live();
        expect(seqs()).toEqual(upTo(sim.events));
        expect((saved.at(-1) ?? 0n) <= BigInt(sim.watermark)).toBe(true);
        expect(lane.stats()).toMatchObject({ illegal_transitions: 0, listener_errors: 0 });
        await close();
      }),
      { numRuns: Number(process.env.KHALA_SEEDS ?? 8) },
    );
  });
});
