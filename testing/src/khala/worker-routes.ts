import { KhalaError } from './errors.ts';
import { callerOf } from './http-caller.ts';
import { answer, type Exchange, members, queryNumber, refuse } from './http-exchange.ts';
import type { KhalaUser } from './options.ts';
import { PublishLimits } from './publish-limits.ts';
import { workerEvents } from './topics.ts';
import type { Worker } from './worker-store.ts';
import type { KhalaWorld } from './world.ts';

/** Methods that POST /:id/requests takes. */
const requestMethods = ['thread/start', 'thread/resume', 'turn/start', 'turn/interrupt', 'thread/list', 'thread/read'];
const longestTailMs = 120_000;

/** Everything below /api/runtime/codex/workers. */
export class WorkerRoutes {
  readonly #world: KhalaWorld;
  readonly #limits: PublishLimits;
  readonly #replays = new Map<string, object>();

  constructor(world: KhalaWorld) {
    this.#world = world;
    this.#limits = new PublishLimits(world.clock);
  }

  /** `rest` is the path after /api/runtime/codex/workers. */
  handle(exchange: Exchange, rest: readonly string[]) {
    const caller = callerOf(this.#world, exchange.request);
    if ('refusal' in caller) {
      return refuse(exchange, 401, 'unauthorized', 'sign in first', { reason_code: caller.refusal });
    }
    const [id, action, ...more] = rest;
    const route = `${exchange.method} ${id === undefined ? '/' : '/:id'}${action === undefined ? '' : `/${action}`}`;
    if (more.length > 0) return notFound(exchange);
    if (route === 'GET /') return this.#list(exchange, caller);
    if (route === 'POST /') return this.#create(exchange, caller);
    if (id === undefined) return notFound(exchange);
    const worker = this.#world.workers.get(id);
    if (worker !== undefined && this.#world.options.enforceOwners === true && worker.owner !== caller.user_id) {
      return refuse(exchange, 403, 'forbidden', 'the worker belongs to another user');
    }
    if (route === 'POST /:id/events') return this.#publish(exchange, id, caller);
    if (worker === undefined) return notFound(exchange);
    switch (route) {
      case 'GET /:id':
        return answer(exchange, 200, { data: describe(worker) });
      case 'GET /:id/stream':
        return this.#stream(exchange, worker);
      case 'POST /:id/stop':
        worker.status = 'stopped';
        return answer(exchange, 202, { data: describe(worker) });
      case 'POST /:id/requests':
        return this.#request(exchange, worker, caller);
      default:
        return notFound(exchange);
    }
  }

  #list(exchange: Exchange, caller: KhalaUser): void {
    const owned = (worker: Worker): boolean =>
      this.#world.options.users === undefined || worker.owner === caller.user_id;
    answer(exchange, 200, { data: this.#world.workers.all().filter(owned).map(describe) });
  }

  #create(exchange: Exchange, caller: KhalaUser) {
    const id = members(exchange.body).worker_id;
    if (typeof id !== 'string' || id === '') {
      return refuse(exchange, 422, 'invalid_request', 'worker_id must be a text');
    }
    const worker = this.#world.workers.ensure(id, this.#world.options.owners?.[id] ?? caller.user_id);
    worker.status = 'running';
    answer(exchange, 201, { data: describe(worker) });
  }

  #publish(exchange: Exchange, id: string, caller: KhalaUser) {
    const { faults } = this.#world;
    if (faults.take('lost_request', { worker: id }) !== undefined) return cut(exchange);
    const event = members(members(exchange.body).event);
    if (typeof event.event_type !== 'string' || !event.event_type.startsWith('worker.') || !('payload' in event)) {
      return refuse(
        exchange,
        422,
        'invalid_event',
        'event needs an event_type that begins with "worker." and a payload',
      );
    }
    const limited =
      this.#world.options.publishLimits === true
        ? this.#limits.check(id, Buffer.byteLength(JSON.stringify(event.payload)))
        : undefined;
    if (limited !== undefined) {
      return refuse(exchange, limited.status, limited.code, 'the limits of the topic do not allow this event');
    }
    try {
      const { event_type, payload } = event;
      const stored = this.#world.publish(id, { event_type, payload }, caller.user_id);
      if (faults.take('lost_response', { worker: id }) !== undefined) return cut(exchange);
      const { seq, occurred_at } = stored;
      answer(exchange, 202, { data: { worker_id: id, seq, event_type, occurred_at } });
    } catch (error) {
      if (!(error instanceof KhalaError)) throw error;
      refuse(exchange, 422, error.code, error.message);
    }
  }

  #stream(exchange: Exchange, worker: Worker) {
    const cursor = queryNumber(exchange.url, 'cursor') ?? 0;
    const tail = queryNumber(exchange.url, 'tail_ms');
    if (Number.isNaN(cursor)) return refuse(exchange, 422, 'invalid_request', 'cursor must be a whole number from 0');
    if (tail !== undefined && !(tail >= 1 && tail <= longestTailMs)) {
      return refuse(exchange, 422, 'invalid_request', `tail_ms must be 1 to ${longestTailMs}`);
    }
    const serve = (): void => this.#page(exchange, worker, cursor);
    if (tail === undefined || worker.latest_seq > cursor) return serve();
    const done = (): void => {
      cancel();
      forget();
      serve();
    };
    const forget = this.#world.onEvent(worker.id, done);
    const cancel = this.#world.scheduler.after(tail, done);
    exchange.response.on('close', () => {
      cancel();
      forget();
    });
  }

  #page(exchange: Exchange, worker: Worker, cursor: number) {
    if (cursor < worker.floor) {
      return refuse(exchange, 410, 'stale_cursor', 'the cursor lies before the oldest event', {
        reason_codes: ['retention_floor_breach'],
        requested_cursor: cursor,
        oldest_available_cursor: worker.floor,
        head_cursor: worker.latest_seq,
      });
    }
    const limit = this.#world.options.streamPage ?? 500;
    const page = this.#world.workers.after(worker, cursor, limit);
    const events = page.map(({ seq, event_type, payload, occurred_at }) => ({ seq, event_type, payload, occurred_at }));
    const nextCursor = page.length < limit ? Math.max(cursor, worker.latest_seq) : (page.at(-1)?.seq ?? cursor);
    answer(exchange, 200, {
      data: {
        stream_protocol: 'khala_ws',
        worker_id: worker.id,
        cursor,
        next_cursor: nextCursor,
        latest_seq: worker.latest_seq,
        events,
        delivery: {
          transport: 'khala_ws',
          topic: workerEvents,
          scope: workerEvents,
          syncTokenRoute: '/api/sync/token',
          sseEnabled: false,
        },
        snapshot: describe(worker),
      },
    });
  }

  #request(exchange: Exchange, worker: Worker, caller: KhalaUser) {
    const body = members(members(exchange.body).request);
    const { method, request_id: requestId } = body;
    if (typeof requestId !== 'string' || requestId === '') {
      return refuse(exchange, 422, 'invalid_request', 'request.request_id must be a text');
    }
    if (typeof method !== 'string' || !requestMethods.includes(method)) {
      return refuse(exchange, 422, 'invalid_request', `request.method must be one of ${requestMethods.join(', ')}`);
    }
    if (worker.status === 'stopped') return refuse(exchange, 409, 'worker_stopped', 'the worker is stopped');
    const key = `${caller.user_id}:${worker.id}:${requestId}`;
    const known = this.#replays.get(key);
    if (known !== undefined) return answer(exchange, 200, { data: { ...known, idempotent_replay: true } });
    const made = { worker_id: worker.id, request_id: requestId, method, ok: true };
    this.#replays.set(key, made);
    answer(exchange, 200, { data: { ...made, idempotent_replay: false } });
  }
}

/** Ends the connection without an answer. */
function cut(exchange: Exchange): void {
  exchange.request.socket.destroy();
}

function describe(worker: Worker): object {
  const { id, owner, status, latest_seq } = worker;
  return { worker_id: id, owner_user_id: owner, status, latest_seq };
}

function notFound(exchange: Exchange): void {
  refuse(exchange, 404, 'not_found', `nothing is at ${exchange.method} ${exchange.url.pathname}`);
}
