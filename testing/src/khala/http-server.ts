import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ClientSays, compatibilityFailure } from './compatibility.ts';
import { KhalaError } from './errors.ts';
import { FanoutRoutes } from './fanout-routes.ts';
import type { FixtureRoutes } from './fixture-routes.ts';
import { answer, type Exchange, members, openExchange, refuse } from './http-exchange.ts';
import { tokenRoute } from './token-routes.ts';
import { WorkerRoutes } from './worker-routes.ts';
import type { KhalaWorld } from './world.ts';

type RouteName = 'token' | 'workers' | 'fanout' | 'revoke';

/** Revokes sessions and devices, live connections included. */
type Revoke = (sessionIds: readonly string[], deviceIds: readonly string[], reason: string) => void;

/** Answers khala's HTTP requests. */
export class KhalaHttp {
  readonly #world: KhalaWorld;
  readonly #workers: WorkerRoutes;
  readonly #fanout: FanoutRoutes;
  readonly #fixture: FixtureRoutes;
  readonly #revoke: Revoke;

  constructor(world: KhalaWorld, fixture: FixtureRoutes, revoke: Revoke) {
    this.#world = world;
    this.#workers = new WorkerRoutes(world);
    this.#fanout = new FanoutRoutes(world);
    this.#fixture = fixture;
    this.#revoke = revoke;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = await openExchange(request, response);
    try {
      // The way to take faults back must not be struck by them.
      if (exchange.path[0] === '__fixture') return this.#fixture.handle(exchange);
      this.#world.counters.httpRequests += 1;
      const delay = this.#world.faults.take('delay', {}, (fault) => fault.on === 'http');
      if (delay === undefined) this.#route(exchange);
      else this.#world.scheduler.after(delay.ms ?? 0, () => this.#route(exchange));
    } catch (error) {
      if (!(error instanceof KhalaError)) throw error;
      refuse(exchange, 400, error.code, `${error.message} ${error.next}`);
    }
  }

  #route(exchange: Exchange) {
    const found = match(exchange.path);
    if (found === undefined) return refuse(exchange, 404, 'not_found', `nothing is at ${exchange.url.pathname}`);
    const { name, rest } = found;
    const fault = this.#world.faults.take('http_status', { route: name });
    if (fault !== undefined) return refuse(exchange, fault.status ?? 500, 'fault', 'a fault was injected');
    if (name !== 'fanout' && name !== 'revoke' && this.#refuseIncompatible(exchange)) return;
    const post = exchange.method === 'POST';
    if (name === 'workers') return this.#workers.handle(exchange, rest);
    if (name === 'fanout') return this.#fanout.handle(exchange, rest);
    if (!post) return refuse(exchange, 405, 'method_not_allowed', 'only POST is served here');
    if (name === 'token') return tokenRoute(this.#world, exchange, rest[0] === 'khala' ? 'khala' : 'sync');
    this.#revokeRoute(exchange);
  }

  /** 426 for clients outside the window. */
  #refuseIncompatible(exchange: Exchange): boolean {
    const window = this.#world.options.compatibility;
    if (window === undefined) return false;
    const header = (name: string): string | undefined => exchange.request.headers[name]?.toString();
    const says: ClientSays = {
      client_build_id: header('x-oa-client-build-id'),
      protocol_version: header('x-oa-protocol-version'),
      schema_version: header('x-oa-schema-version'),
    };
    const failure = compatibilityFailure(window, says, 'control_api');
    if (failure === undefined) return false;
    const { code, message } = failure;
    const bounds: [string, string | number | null][] = [
      ['code', code],
      ['upgrade-required', 'true'],
      ['protocol-version', failure.protocol_version],
      ['min-client-build-id', failure.min_client_build_id],
      ['max-client-build-id', failure.max_client_build_id],
      ['min-schema-version', failure.min_schema_version],
      ['max-schema-version', failure.max_schema_version],
    ];
    const headers = bounds.flatMap(([name, value]) =>
      value === null ? [] : [[`x-oa-compatibility-${name}`, String(value)] as const],
    );
    const body = { message, error: { code, message }, compatibility: failure };
    answer(exchange, 426, body, Object.fromEntries(headers));
    return true;
  }

  #revokeRoute(exchange: Exchange) {
    const body = members(exchange.body);
    const sessions = textList(body.session_ids);
    const devices = textList(body.device_ids);
    if (sessions === undefined || devices === undefined || sessions.length + devices.length === 0) {
      return refuse(exchange, 400, 'invalid_request', 'session_ids or device_ids must name at least one');
    }
    const reason = typeof body.reason === 'string' && body.reason !== '' ? body.reason : 'session_revoked';
    this.#revoke(sessions, devices, reason);
    answer(exchange, 200, {
      data: {
        revoked_session_ids: sessions,
        revoked_device_ids: devices,
        reason,
        revoked_at: new Date(this.#world.clock.now()).toISOString(),
      },
    });
  }
}

function match(path: readonly string[]): { name: RouteName; rest: readonly string[] } | undefined {
  const text = path.map(encodeURIComponent).join('/');
  if (text === 'api/khala/token') return { name: 'token', rest: ['khala'] };
  if (text === 'api/sync/token' || text === 'api/v1/sync/token') return { name: 'token', rest: ['sync'] };
  if (text === 'internal/v1/sync/sessions/revoke') return { name: 'revoke', rest: [] };
  if (text.startsWith('internal/v1/khala/')) return { name: 'fanout', rest: path.slice(3) };
  if (`${text}/`.startsWith('api/runtime/codex/workers/')) return { name: 'workers', rest: path.slice(4) };
  return undefined;
}

function textList(value: unknown): string[] | undefined {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? (value as string[]) : undefined;
}
