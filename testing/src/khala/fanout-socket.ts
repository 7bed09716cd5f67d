import type { Duplex } from 'node:stream';
import type { Cancel } from '@autopilot/sync-contract';
import type { WebSocket } from 'ws';
import { fanoutLimits } from './fanout-routes.ts';
import { fanoutStale, fanoutWindow, reconnectBackoff } from './fanout-topics.ts';
import type { KhalaFault } from './fault-spec.ts';
import type { KhalaListener, KhalaWorld } from './world.ts';

/** The loop looks for news this often. */
const lookMs = 25;

/** What a connection of dialect B asks for. */
export interface FanoutRequest {
  readonly id: number;
  readonly ws: WebSocket;
  readonly socket: Duplex;
  readonly topic: string;
  readonly subject: string;
  /** Undefined for the oldest available one. */
  readonly after: number | undefined;
  readonly limit: number | undefined;
}

/** The server side of one connection of dialect B: says hello, then one message per event. */
export class FanoutSocket implements KhalaListener {
  readonly id: number;
  readonly #world: KhalaWorld;
  readonly #request: FanoutRequest;
  readonly #limit: number;
  #position: number;
  #cancel: Cancel = () => {};

  constructor(world: KhalaWorld, request: FanoutRequest) {
    this.id = request.id;
    this.#world = world;
    this.#request = request;
    const { ws, topic, subject } = request;
    this.#position = request.after ?? fanoutWindow(world, topic).oldest_available_cursor;
    this.#limit = Math.min(request.limit ?? fanoutLimits.page, fanoutLimits.longestPage);
    world.listeners.add(this);
    ws.on('close', () => this.dispose());
    ws.on('error', () => ws.terminate());
    this.#send({
      type: 'hello',
      topic,
      after_seq: this.#position,
      limit: this.#limit,
      recommended_reconnect_backoff_ms: reconnectBackoff(topic, subject),
    });
    this.#look();
  }

  notify(): void {
    // The loop looks by itself.
  }

  act(fault: KhalaFault): void {
    if (fault.fault === 'tcp_close') this.#request.socket.destroy();
    if (fault.fault === 'phx_error') this.#end('fanout_error', 'the fan-out failed');
    if (fault.fault === 'phx_close') this.#request.ws.close(1000);
    if (fault.fault === 'short_frame') this.#send({ message: {} });
    if (fault.fault === 'slow_consumer' && fault.action === 'disconnect') this.#evict();
  }

  dispose(): void {
    this.#cancel();
    this.#world.listeners.delete(this);
  }

  #look() {
    const { topic, ws } = this.#request;
    const window = fanoutWindow(this.#world, topic);
    const stale = fanoutStale(topic, this.#position, window);
    if (stale !== undefined) {
      this.#send({ type: 'stale_cursor', ...stale });
      ws.close(1000);
      return;
    }
    if (ws.bufferedAmount > (this.#world.options.backpressureBytes ?? 4 * 1024 * 1024)) {
      if (window.head_cursor - this.#position > fanoutLimits.outbound) return this.#evict();
    } else {
      const messages = window.after(this.#position, this.#limit);
      for (const message of messages) this.#send({ type: 'message', message });
      this.#position = messages.at(-1)?.sequence ?? this.#position;
    }
    this.#cancel = this.#world.scheduler.after(lookMs, () => this.#look());
  }

  #evict(): void {
    this.#end('slow_consumer_evicted', 'the consumer lags too far behind');
  }

  #end(code: 'slow_consumer_evicted' | 'fanout_error', message: string): void {
    this.#cancel();
    this.#send({ type: 'error', code, message });
    this.#request.ws.close(1000);
  }

  #send(value: object): void {
    this.#request.ws.send(JSON.stringify(value));
  }
}
