import type { FaultName } from './fault-spec.ts';
import { answer, type Exchange, members, refuse } from './http-exchange.ts';
import type { KhalaWorld } from './world.ts';

/** What the fixture tells of itself. */
export interface KhalaConnections {
  /** Websockets accepted so far. */
  readonly total: number;
  /** Websockets open now. */
  readonly open: number;
  /** TCP connections accepted so far, HTTP included. */
  readonly tcp: number;
  /** Bytes received on all TCP connections so far. */
  readonly bytesReceived: number;
}

/** The control of the fixture over HTTP, below /__fixture. */
export class FixtureRoutes {
  readonly #world: KhalaWorld;
  readonly #connections: () => KhalaConnections;

  constructor(world: KhalaWorld, connections: () => KhalaConnections) {
    this.#world = world;
    this.#connections = connections;
  }

  /** @throws {KhalaError} when what is asked for makes no sense; the caller answers 400. */
  handle(exchange: Exchange) {
    const { faults, workers, counters } = this.#world;
    const body = members(exchange.body);
    switch (`${exchange.method} ${exchange.path.slice(1).join('/')}`) {
      case 'POST faults':
        faults.inject(exchange.body);
        return answer(exchange, 200, { waiting: faults.waiting() });
      case 'GET faults':
        return answer(exchange, 200, { waiting: faults.waiting(), fired: faults.fired() });
      case 'DELETE faults':
        faults.clear((exchange.url.searchParams.get('fault') ?? undefined) as FaultName | undefined);
        return answer(exchange, 200, { waiting: faults.waiting() });
      case 'POST trim':
        if (!Number.isSafeInteger(body.keep) || (body.keep as number) < 0) {
          return refuse(exchange, 400, 'invalid_request', 'keep must be a whole number from 0');
        }
        if (typeof body.worker === 'string') workers.trim(body.worker, body.keep as number);
        else this.#world.trim(String(body.topic), body.keep as number);
        return answer(exchange, 200, {});
      case 'GET stats':
        return answer(exchange, 200, {
          connections: this.#connections(),
          counters,
          published: Object.fromEntries(workers.all().map((worker) => [worker.id, worker.latest_seq])),
          fired: faults.fired(),
        });
      default:
        return refuse(exchange, 404, 'not_found', 'serves faults (GET, POST, DELETE), trim (POST) and stats (GET)');
    }
  }
}
