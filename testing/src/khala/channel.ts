import type { Duplex } from 'node:stream';
import type { Cancel } from '@autopilot/sync-contract';
import type { WebSocket } from 'ws';
import { type Batch, frameText, messagesOf, twinOf } from './batch.ts';
import { type ChannelMessage, parseChannelMessage } from './channel-message.ts';
import type { CompatibilityFailure } from './compatibility.ts';
import type { KhalaFault } from './fault-spec.ts';
import { SlowConsumer } from './slow-consumer.ts';
import { parseSubscribe, parseTopics } from './subscribe-request.ts';
import { reauthRequired, staleCursor } from './sync-errors.ts';
import type { TokenHolder } from './token.ts';
import { isKhalaTopic, type KhalaTopic, workerEvents } from './topics.ts';
import type { KhalaListener, KhalaWorld } from './world.ts';

/** One accepted connection of dialect A. */
export interface ChannelConnection {
  readonly id: number;
  readonly ws: WebSocket;
  readonly socket: Duplex;
  readonly holder: TokenHolder;
  readonly compatibility: CompatibilityFailure | undefined;
}

/** The server side of one connection: the channel sync:v1 over a Phoenix socket. */
export class KhalaChannel implements KhalaListener {
  readonly id: number;
  readonly holder: TokenHolder;
  readonly #world: KhalaWorld;
  readonly #ws: WebSocket;
  readonly #socket: Duplex;
  readonly #compatibility: CompatibilityFailure | undefined;
  readonly #positions = new Map<KhalaTopic, number>();
  readonly #slow: SlowConsumer;
  #joined = false;
  #joinRef: string | null = null;
  #lastHeartbeat = 0;
  #cancelTick: Cancel = () => {};

  constructor(world: KhalaWorld, connection: ChannelConnection) {
    this.id = connection.id;
    this.holder = connection.holder;
    this.#world = world;
    this.#ws = connection.ws;
    this.#socket = connection.socket;
    this.#compatibility = connection.compatibility;
    const { options } = world;
    this.#slow = new SlowConsumer({
      limit: options.queueLimit ?? 64,
      perTick: options.drainPerTick ?? 2,
      serve: (topic) => this.#pushNew(topic),
      overflow: (topic, depth, strikes) => this.#pushSlow(topic, depth, strikes < 3 ? 'throttle' : 'disconnect'),
    });
    world.listeners.add(this);
    this.#ws.on('message', (data: Buffer) => this.#receive(data.toString()));
    this.#ws.on('close', () => this.dispose());
    this.#ws.on('error', () => this.#ws.terminate());
    // A client that did not read goes on where it stopped as soon as its bytes have left.
    this.#socket.on('drain', () => this.#slow.wake());
  }

  notify(topic: KhalaTopic): void {
    if (this.#positions.has(topic)) this.#slow.enqueue(topic);
  }

  /** Tells the holder to sign in again and ends the channel. */
  revoke(reason: string): void {
    if (!this.#joined) return;
    this.#pushError('sync.auth', reauthRequired(reason));
    this.#stop('phx_error');
  }

  act(fault: KhalaFault): void {
    switch (fault.fault) {
      case 'tcp_close':
        this.#socket.destroy();
        return;
      case 'short_frame':
        this.#ws.send(JSON.stringify([this.#joinRef, null, 'sync:v1', 'sync:heartbeat']));
        return;
      case 'phx_error':
      case 'phx_close':
        this.#stop(fault.fault);
        return;
      case 'slow_consumer':
        this.#pushSlow(fault.topic ?? workerEvents, this.#slow.depth, fault.action ?? 'throttle');
        return;
    }
  }

  dispose(): void {
    this.#joined = false;
    this.#positions.clear();
    this.#slow.clear();
    this.#cancelTick();
    this.#world.listeners.delete(this);
  }

  #receive(text: string): void {
    const message = parseChannelMessage(text);
    if (message === undefined) {
      this.#ws.close(1011, 'not a channel message');
      return;
    }
    const { ref, topic, event, payload } = message;
    if (topic === 'phoenix') {
      this.#send(JSON.stringify([null, ref, 'phoenix', 'phx_reply', { status: 'ok', response: {} }]));
    } else if (event === 'phx_join') {
      this.#join(message);
    } else if (topic !== 'sync:v1' || !this.#joined) {
      const response = { reason: 'unmatched topic' };
      this.#send(JSON.stringify([null, ref, topic, 'phx_reply', { status: 'error', response }]));
    } else {
      this.#handle(event, ref, payload);
    }
  }

  #handle(event: string, ref: string | null, payload: unknown): void {
    switch (event) {
      case 'sync:subscribe':
        this.#subscribe(ref, payload);
        return;
      case 'sync:unsubscribe':
        this.#unsubscribe(ref, payload);
        return;
      case 'sync:heartbeat': {
        this.#lastHeartbeat = this.#world.clock.monotonic();
        const watermarks = this.#watermarks([...this.#positions.keys()]);
        this.#push('sync:heartbeat', JSON.stringify({ watermarks }));
        this.#reply(ref, 'ok', { subscription_id: this.#subscriptionId, watermarks });
        return;
      }
      case 'phx_leave':
        this.#reply(ref, 'ok', {});
        this.#stop('phx_close');
        return;
      default:
        // An event without a handler ends the channel's process.
        this.#stop('phx_error');
    }
  }

  #join({ joinRef, ref, topic }: ChannelMessage) {
    const refuse = (response: object): void => {
      this.#send(JSON.stringify([joinRef, ref, topic, 'phx_reply', { status: 'error', response }]));
    };
    const revoked = this.#world.revocations.reasonFor(this.holder);
    if (topic !== 'sync:v1') return refuse({ code: 'bad_topic' });
    if (revoked !== undefined) return refuse(reauthRequired(revoked));
    if (this.#compatibility !== undefined) return refuse(this.#compatibility);
    if (this.#joined) this.#stop('phx_close');
    this.#joinRef = joinRef;
    this.#joined = true;
    this.#world.counters.joins += 1;
    this.#lastHeartbeat = this.#world.clock.monotonic();
    this.#tickLater();
    const allowed_topics = this.holder.scopes.filter(isKhalaTopic);
    this.#reply(ref, 'ok', { subscription_id: this.#subscriptionId, allowed_topics, current_watermarks: [] });
  }

  #subscribe(ref: string | null, payload: unknown) {
    const request = parseSubscribe(payload, this.holder.scopes);
    if ('code' in request) return this.#reply(ref, 'error', request);
    const stale = staleCursor(this.#world, request.topics, request.resume_after);
    if (stale !== undefined) {
      this.#pushError(stale.topic, stale.error);
      return this.#reply(ref, 'error', stale.error);
    }
    this.#world.counters.subscriptions += 1;
    // What waits to be pushed is announced first, so that all positions stand at the ends of live batches.
    this.#world.flush();
    for (const topic of request.topics) {
      const from = request.resume_after.get(topic) ?? this.#positions.get(topic) ?? 0;
      this.#positions.set(topic, this.#replay(topic, from, request.replay_batch_size));
    }
    this.#lastHeartbeat = this.#world.clock.monotonic();
    const current_watermarks = this.#watermarks(request.topics);
    this.#reply(ref, 'ok', { subscription_id: this.#subscriptionId, topics: request.topics, current_watermarks });
  }

  #replay(topic: KhalaTopic, from: number, size: number | undefined): number {
    let position = from;
    for (;;) {
      const batch = this.#world.live(topic).replay(position, size);
      if (batch === undefined) return position;
      this.#sendBatch(batch);
      position = batch.to;
    }
  }

  #unsubscribe(ref: string | null, payload: unknown) {
    const topics = parseTopics((payload as { topics?: unknown } | null)?.topics);
    if (topics === undefined) return this.#reply(ref, 'error', { code: 'bad_subscription' });
    for (const topic of topics) this.#positions.delete(topic as KhalaTopic);
    this.#lastHeartbeat = this.#world.clock.monotonic();
    this.#reply(ref, 'ok', { subscription_id: this.#subscriptionId, topics: [...this.#positions.keys()] });
  }

  /** Pushes what is new on a topic; false when the client does not take it now. */
  #pushNew(topic: KhalaTopic): boolean {
    const limit = this.#world.options.backpressureBytes ?? 4 * 1024 * 1024;
    for (;;) {
      const position = this.#positions.get(topic);
      if (position === undefined) return true;
      if (this.#ws.bufferedAmount > limit) return false;
      const batch = this.#world.live(topic).next(position);
      if (batch === undefined) return true;
      this.#sendBatch(batch);
      this.#positions.set(topic, batch.to);
    }
  }

  #sendBatch(batch: Batch): void {
    const messages = messagesOf(batch, this.#joinRef);
    if (messages.length > 0) this.#world.counters.batches += batch.copies;
    for (const message of messages) this.#ws.send(message, { binary: batch.binary });
  }

  #pushSlow(topic: string, depth: number, action: 'throttle' | 'disconnect'): void {
    if (!this.#joined) return;
    this.#pushError(topic, {
      code: 'slow_consumer',
      message: 'the client does not read fast enough',
      action,
      topic,
      queue_depth: depth,
      queue_limit: this.#world.options.queueLimit ?? 64,
      reconnect_after_ms: 2000,
      full_resync_required: action === 'disconnect',
    });
    if (action === 'disconnect') this.#stop('phx_error');
  }

  #tickLater(): void {
    this.#cancelTick();
    this.#cancelTick = this.#world.scheduler.after(this.#world.options.heartbeatMs ?? 15_000, () => this.#tick());
  }

  #tick(): void {
    const silence = this.#world.clock.monotonic() - this.#lastHeartbeat;
    if (silence > (this.#world.options.heartbeatTimeoutMs ?? 60_000)) {
      this.#stop('phx_close');
      this.#ws.close(1000);
      return;
    }
    this.#push('sync:heartbeat', JSON.stringify({ watermarks: this.#watermarks([...this.#positions.keys()]) }));
    this.#tickLater();
  }

  #stop(event: 'phx_error' | 'phx_close'): void {
    if (!this.#joined) return;
    this.#send(JSON.stringify([this.#joinRef, this.#joinRef, 'sync:v1', event, {}]));
    this.#joined = false;
    this.#positions.clear();
    this.#slow.clear();
    this.#cancelTick();
  }

  #pushError(topic: string, error: object): void {
    const payload = JSON.stringify(error);
    this.#push('sync:error', payload);
    if (this.#world.options.twins ?? true) this.#push('sync:frame', twinOf(topic, 0, 'ERROR', payload));
  }

  #push(event: string, payload: string): void {
    this.#send(frameText(this.#joinRef, null, event, payload));
  }

  #reply(ref: string | null, status: 'ok' | 'error', response: object): void {
    this.#send(frameText(this.#joinRef, ref, 'phx_reply', JSON.stringify({ status, response })));
  }

  #send(text: string): void {
    this.#ws.send(text);
  }

  #watermarks(topics: readonly KhalaTopic[]): { topic: string; watermark: number }[] {
    return topics.map((topic) => ({ topic, watermark: this.#positions.get(topic) ?? 0 }));
  }

  get #subscriptionId(): string {
    return `sub_${this.id}`;
  }
}
