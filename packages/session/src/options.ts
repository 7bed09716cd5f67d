import {
  type BackoffPolicy,
  type HttpClient,
  isBackoffPolicy,
  type Ports,
  type SocketFactory,
} from '@autopilot/sync-contract';
import { SessionError } from './errors.ts';
import type { ReadMode } from './streams/record.ts';
import type { TokenProvider } from './token-source.ts';

/** How the host may pack what it sends; frames are unpacked in the order of their arrival, whatever it does. */
export type Compression = 'none' | 'gzip' | 'brotli';

/** What a session is made of. Times are milliseconds. */
export interface SessionOptions {
  readonly token: TokenProvider;
  readonly ports: Ports;
  readonly socket: SocketFactory;
  /** Asked only why a connection was refused. */
  readonly http: HttpClient;
  /** Names this installation in checkpoints that are acknowledged to the module. */
  readonly clientId: string;
  /**
   * Of the main connection, unless a stream or subscription says otherwise. `confirmed`: nothing is delivered before it is
   * durable on the host. `unconfirmed` is faster and may un-happen.
   */
  readonly readMode: ReadMode;
  /** Asked of the host for frames above 1 KiB. Saves bytes on a slow line and costs time on both sides. Default `none`. */
  readonly compression?: Compression;
  /**
   * Refuses every reducer call before it is sent: at the session, and once more at the connection, which lets only the two
   * pass that reading itself needs. Default false.
   */
  readonly readOnly?: boolean;
  /**
   * False for a database that runs any other module than `autopilot-sync`: then there are subscriptions and calls, and
   * nothing of that module is subscribed to or called. Default true.
   */
  readonly streams?: boolean;
  /** Subscribes to the grants of this identity and reports them, see `onGrants`. Default false. */
  readonly followGranted?: boolean;
  /** Between attempts: a random wait, see `backoffDelay` of the contract. Default 250, 500 and 30,000. */
  readonly backoff?: Partial<BackoffPolicy>;
  /** Events per page, 1 to 500. Default 500. */
  readonly pageSize?: number;
  /** Pages under way at once, over all streams. Default 4. */
  readonly maxPagesInFlight?: number;
  /** Live rows of one stream that may wait for a page. Default 2,048. */
  readonly liveBuffer?: number;
  /**
   * Events of one stream that may be handed over before the owner reports them as `applied`; then the stream waits, and
   * what comes meanwhile is left to the log. Default: no window, an owner is done when its listener returns.
   */
  readonly applyWindow?: number | undefined;
  /** How often the host is asked how long the streams are. Default 10,000. */
  readonly headPollMs?: number;
  /** How often watches are renewed; their lease is 5 minutes. Default 120,000. */
  readonly watchRenewMs?: number;
  /** Without any inbound frame for so long, the connection is dead. The server pings every 15 s. Default 35,000. */
  readonly watchdogMs?: number;
  /** From an attempt's start to InitialConnection. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** For every request of the session itself. Default 30,000. */
  readonly requestTimeoutMs?: number;
  /** For the token provider. Default 15,000. */
  readonly tokenTimeoutMs?: number;
  /** How long calls in flight, or rows that differ, may hold up a handover or the close. Default 2,000. */
  readonly drainMs?: number;
  /** For a closing handshake. Default 1,000. */
  readonly closeTimeoutMs?: number;
  /** Live for so long, a connection has proved its use even without events. Default 10,000. */
  readonly provenAfterMs?: number;
  /** Calls sent and not answered. Default 64. */
  readonly maxCallsInFlight?: number;
  /** Calls waiting to be sent; one more is refused with `call_queue_full`. Default 1,024. */
  readonly maxCallsQueued?: number;
}

const defaultBackoff: BackoffPolicy = { floorMs: 250, baseMs: 500, capMs: 30_000 };

/** The options with their defaults. */
export type Settings = Required<Omit<SessionOptions, 'backoff' | 'applyWindow'>> & {
  readonly backoff: BackoffPolicy;
  readonly applyWindow: number | undefined;
};

const defaults = {
  compression: 'none',
  readOnly: false,
  streams: true,
  followGranted: false,
  pageSize: 500,
  maxPagesInFlight: 4,
  liveBuffer: 2048,
  headPollMs: 10_000,
  watchRenewMs: 120_000,
  watchdogMs: 35_000,
  connectTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  tokenTimeoutMs: 15_000,
  drainMs: 2_000,
  closeTimeoutMs: 1_000,
  provenAfterMs: 10_000,
  maxCallsInFlight: 64,
  maxCallsQueued: 1024,
} as const satisfies Partial<SessionOptions>;

/** @throws {SessionError} `invalid_options` with `details.option`. */
export function settingsOf(options: SessionOptions): Settings {
  const { applyWindow } = options;
  const backoff = { ...defaultBackoff, ...options.backoff };
  const settings: Settings = { ...defaults, ...options, applyWindow, backoff };
  for (const option of Object.keys(defaults) as (keyof typeof defaults)[]) {
    const value = settings[option];
    if (typeof value === 'number' && !(Number.isSafeInteger(value) && value > 0)) {
      throw invalid(option, `${option} must be a whole number above 0, not ${value}.`);
    }
  }
  if (settings.pageSize > 500) throw invalid('pageSize', 'pageSize must be at most 500: the module gives no more.');
  if (settings.clientId === '') throw invalid('clientId', 'clientId must not be empty.');
  if (settings.readMode !== 'confirmed' && settings.readMode !== 'unconfirmed') {
    throw invalid('readMode', 'readMode must be "confirmed" or "unconfirmed".');
  }
  if (!['none', 'gzip', 'brotli'].includes(settings.compression)) {
    throw invalid('compression', 'compression must be "none", "gzip" or "brotli".');
  }
  if (applyWindow !== undefined && !(Number.isSafeInteger(applyWindow) && applyWindow > 0)) {
    throw invalid('applyWindow', `applyWindow must be a whole number above 0, not ${applyWindow}.`);
  }
  if (settings.followGranted && !settings.streams) {
    throw invalid('followGranted', 'followGranted is for streams, and needs a session with streams.');
  }
  if (!(isBackoffPolicy(backoff) && backoff.floorMs >= 1 && backoff.baseMs >= 1)) {
    throw invalid('backoff', 'backoff needs floorMs and baseMs of at least 1 and a capMs not below floorMs.');
  }
  return settings;
}

function invalid(option: string, message: string): SessionError {
  return new SessionError('invalid_options', message, { details: { option } });
}
