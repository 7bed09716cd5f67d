import { authorizeFanout } from './fanout-auth.ts';
import { fanoutClass, fanoutStale, fanoutWindow, reconnectBackoff } from './fanout-topics.ts';
import { answer, type Exchange, queryNumber, refuse } from './http-exchange.ts';
import { workerEvents } from './topics.ts';
import type { KhalaWorld } from './world.ts';

/** Limits of dialects B and C. */
export const fanoutLimits = {
  page: 100,
  longestPage: 200,
  outbound: 200,
  fairSlice: 50,
  pollMs: 250,
  lag: 300,
  strikes: 3,
  consumers: 4096,
} as const;

interface Consumer {
  readonly topic: string;
  polledAt: number;
  strikes: number;
}

/** How long after its last poll a topic counts as active. */
const activeMs = 60_000;

/** Dialect C and the metrics of the fan-out. */
export class FanoutRoutes {
  readonly #world: KhalaWorld;
  readonly #consumers = new Map<string, Consumer>();

  constructor(world: KhalaWorld) {
    this.#world = world;
  }

  /** `rest` is the path after /internal/v1/khala. */
  handle(exchange: Exchange, rest: readonly string[]) {
    const [group, topic = '', action] = rest;
    if (exchange.method !== 'GET') return refuse(exchange, 405, 'method_not_allowed', 'only GET is served here');
    if (group === 'topics' && action === 'messages' && rest.length === 3) return this.#poll(exchange, topic);
    if (group === 'fanout' && topic === 'hooks') {
      return answer(exchange, 200, { driver: 'memory', hooks: [{ driver: 'memory', status: 'active' }] });
    }
    if (group === 'fanout' && topic === 'metrics') return this.#metrics(exchange);
    return refuse(exchange, 404, 'not_found', `nothing is at ${exchange.url.pathname}`);
  }

  #poll(exchange: Exchange, topic: string) {
    const holder = authorizeFanout(this.#world, exchange.request, topic);
    if ('status' in holder) {
      const { status, code, reason_code } = holder;
      return refuse(exchange, status, code, 'the topic is not open to this caller', { reason_code });
    }
    const window = fanoutWindow(this.#world, topic);
    const after = queryNumber(exchange.url, 'after_seq') ?? window.oldest_available_cursor;
    const asked = queryNumber(exchange.url, 'limit') ?? fanoutLimits.page;
    if (Number.isNaN(after) || !(asked >= 1)) {
      return refuse(exchange, 400, 'invalid_request', 'after_seq and limit must be whole numbers, limit from 1');
    }
    const key = `${holder.subject}|${holder.device_id}|${topic}`;
    const now = this.#world.clock.monotonic();
    const known = this.#consumers.get(key);
    const wait = known === undefined ? 0 : fanoutLimits.pollMs - (now - known.polledAt);
    if (wait > 0) {
      const more = { reason_code: 'poll_interval_guard', retry_after_ms: Math.ceil(wait) };
      return refuse(exchange, 429, 'poll_interval_guard', 'polled again too early', more);
    }
    const consumer = this.#remember(key, known ?? { topic, polledAt: now, strikes: 0 }, now);
    const stale = fanoutStale(topic, after, window);
    if (stale !== undefined) return refuse(exchange, 410, 'stale_cursor', 'the cursor cannot be served', { ...stale });

    const active = new Set(
      [...this.#consumers.values()].filter((each) => now - each.polledAt < activeMs).map((each) => each.topic),
    );
    const capped = Math.min(asked, fanoutLimits.longestPage);
    const limit = active.size >= 2 ? Math.min(capped, fanoutLimits.fairSlice) : capped;
    const messages = window.after(after, limit);
    const nextCursor =
      messages.length < limit ? Math.max(after, window.head_cursor) : (messages.at(-1)?.sequence ?? after);
    const lag = window.head_cursor - after;
    consumer.strikes = lag > fanoutLimits.lag ? consumer.strikes + 1 : 0;
    if (consumer.strikes >= fanoutLimits.strikes) {
      this.#consumers.delete(key);
      const more = {
        reason_code: 'slow_consumer_evicted',
        recovery: 'advance_cursor_or_rebootstrap',
        consumer_lag: lag,
      };
      return refuse(exchange, 409, 'slow_consumer_evicted', 'the consumer lags too far behind', more);
    }
    answer(exchange, 200, {
      topic,
      driver: 'memory',
      messages,
      oldest_available_cursor: window.oldest_available_cursor,
      head_cursor: window.head_cursor,
      queue_depth: window.head_cursor - window.oldest_available_cursor,
      dropped_messages: window.oldest_available_cursor,
      next_cursor: nextCursor,
      replay_complete: nextCursor >= window.head_cursor,
      limit_applied: limit,
      limit_capped: asked > fanoutLimits.longestPage,
      fairness_applied: limit < capped,
      active_topic_count: active.size,
      outbound_queue_limit: fanoutLimits.outbound,
      consumer_lag: lag,
      slow_consumer_strikes: consumer.strikes,
      slow_consumer_max_strikes: fanoutLimits.strikes,
      recommended_reconnect_backoff_ms: reconnectBackoff(topic, holder.subject),
    });
  }

  #remember(key: string, consumer: Consumer, now: number): Consumer {
    consumer.polledAt = now;
    this.#consumers.delete(key);
    this.#consumers.set(key, consumer);
    if (this.#consumers.size > fanoutLimits.consumers) {
      this.#consumers.delete(this.#consumers.keys().next().value as string);
    }
    return consumer;
  }

  #metrics(exchange: Exchange) {
    const limit = queryNumber(exchange.url, 'topic_limit') ?? 20;
    const workers = this.#world.workers
      .all()
      .map(({ id }) => (fanoutClass(id) === undefined ? `worker:${id}:lifecycle` : id));
    const windows = [workerEvents, ...workers].sort().map((topic) => {
      const { oldest_available_cursor, head_cursor } = fanoutWindow(this.#world, topic);
      return {
        topic,
        topic_class: fanoutClass(topic)?.name,
        oldest_sequence: oldest_available_cursor + 1,
        head_sequence: head_cursor,
      };
    });
    answer(exchange, 200, { driver: 'memory', topic_windows: windows.slice(0, limit) });
  }
}
