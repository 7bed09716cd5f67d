import type { Clock, HttpClient, Scheduler } from '@autopilot/sync-contract';
import type { JWK } from 'jose';
import { HostError } from '../errors.ts';

/** The keys of an issuer that have a `kid`. */
export type IssuerKeys = ReadonlyMap<string, JWK>;

/** Milliseconds after which the keys are asked for again. */
export const refreshAfter = 300_000;
/** Milliseconds after which keys that could not be refreshed are used no more. */
export const unusableAfter = 7_200_000;
/** The issuer comes out of a token that nobody has checked yet, so the number that is remembered is bounded. */
const rememberedIssuers = 1000;
const answerWithin = 10_000;

interface Entry {
  readonly keys: IssuerKeys;
  readonly fetchedAt: number;
}

/** The keys of third-party issuers, found by OIDC discovery and cached. */
export class IssuerKeySource {
  private readonly http: HttpClient;
  private readonly clock: Clock;
  private readonly scheduler: Scheduler;
  private readonly entries = new Map<string, Entry>();
  private readonly pending = new Map<string, Promise<IssuerKeys>>();

  constructor(http: HttpClient, clock: Clock, scheduler: Scheduler) {
    this.http = http;
    this.clock = clock;
    this.scheduler = scheduler;
  }

  /** @throws {HostError} `issuer_unavailable` when there are no keys younger than two hours and none can be had. */
  async keysOf(issuer: string): Promise<IssuerKeys> {
    const entry = this.entries.get(issuer);
    const age = entry === undefined ? Number.POSITIVE_INFINITY : this.clock.monotonic() - entry.fetchedAt;
    if (entry !== undefined && age < refreshAfter) return entry.keys;
    try {
      return await this.refresh(issuer);
    } catch (error) {
      if (entry !== undefined && age < unusableAfter) return entry.keys;
      throw error;
    }
  }

  /** One fetch at a time for each issuer, however many ask. */
  private refresh(issuer: string): Promise<IssuerKeys> {
    const running = this.pending.get(issuer);
    if (running !== undefined) return running;
    const fetched = this.fetch(issuer).finally(() => this.pending.delete(issuer));
    this.pending.set(issuer, fetched);
    return fetched;
  }

  private async fetch(issuer: string): Promise<IssuerKeys> {
    const fetchedAt = this.clock.monotonic();
    const base = httpUrl(issuer, `The issuer ${JSON.stringify(issuer)} is not an http(s) URL`);
    const discovery = await this.getJson(`${base.replace(/\/$/, '')}/.well-known/openid-configuration`, issuer);
    const jwksUri = (discovery as { jwks_uri?: unknown } | null)?.jwks_uri;
    const keys = await this.getJson(httpUrl(jwksUri, `The discovery document of ${issuer} names no jwks_uri`), issuer);
    const list = (keys as { keys?: unknown } | null)?.keys;
    if (!Array.isArray(list)) throw unavailable(`${issuer} did not answer with a key set.`);
    // A key without `kid` cannot be named and is not usable, as upstream.
    const usable = list.filter((key): key is JWK & { kid: string } => typeof key?.kid === 'string');
    const found = new Map(usable.map((key) => [key.kid, key]));
    this.entries.delete(issuer);
    this.entries.set(issuer, { keys: found, fetchedAt });
    const [oldest] = this.entries.keys();
    if (this.entries.size > rememberedIssuers && oldest !== undefined) this.entries.delete(oldest);
    return found;
  }

  private async getJson(url: string, issuer: string): Promise<unknown> {
    const abort = new AbortController();
    const cancel = this.scheduler.after(answerWithin, () => abort.abort());
    try {
      const { status, body } = await this.http({ method: 'GET', url, signal: abort.signal });
      if (status === 200) return JSON.parse(body) as unknown;
      throw unavailable(`${url} answered ${status}.`);
    } catch (cause) {
      if (cause instanceof HostError) throw cause;
      throw unavailable(`The keys of ${issuer} could not be had from ${url}.`, cause);
    } finally {
      cancel();
    }
  }
}

function httpUrl(text: unknown, message: string): string {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined;
  if (typeof text === 'string' && (url?.protocol === 'https:' || url?.protocol === 'http:')) return text;
  throw unavailable(`${message}.`);
}

function unavailable(message: string, cause?: unknown): HostError {
  return new HostError('issuer_unavailable', message, cause === undefined ? {} : { cause });
}
