import type { BackoffPolicy, HttpClient, Ports, SocketFactory } from '@autopilot/sync-contract';
import { BridgeError } from '../errors.ts';
import type { Signer } from '../event/signer.ts';
import { atLeast, checkBackoff, checkBucket } from '../option-checks.ts';
import type { BreakerOptions } from './breaker.ts';
import type { BucketOptions } from './token-bucket.ts';

/** Times in milliseconds, sizes and rates of one relay. */
export interface RelaySettings {
  /** From asking for a socket to an open one. */
  readonly connectMs: number;
  /** From sending an event to its OK, with an authentication in between where one is asked for. */
  readonly publishMs: number;
  /** From sending a REQ to its EOSE. */
  readonly eoseMs: number;
  /** From a signature being asked for to the OK of the authentication. */
  readonly authMs: number;
  readonly informationMs: number;
  /** Without a frame for so long, the relay is asked something. */
  readonly silenceMs: number;
  readonly backoff: BackoffPolicy;
  readonly breaker: BreakerOptions;
  /** Events and subscriptions that are sent. */
  readonly outbound: BucketOptions;
  /** Frames that nobody asked for: notices, challenges, events of no subscription, malformed ones. */
  readonly nuisance: BucketOptions;
  /** A larger frame ends the connection. */
  readonly maxFrameBytes: number;
  /** Events that are sent and not answered. */
  readonly maxInFlight: number;
  /** Authentications of one connection. */
  readonly maxAuths: number;
}

/** What is used where nothing is said. */
export const defaultRelaySettings: RelaySettings = {
  connectMs: 10_000,
  publishMs: 10_000,
  eoseMs: 15_000,
  authMs: 5_000,
  informationMs: 5_000,
  silenceMs: 60_000,
  backoff: { floorMs: 500, baseMs: 1_000, capMs: 60_000 },
  breaker: { threshold: 5, cooldown: { floorMs: 15_000, baseMs: 30_000, capMs: 600_000 } },
  outbound: { perSecond: 20, burst: 40 },
  nuisance: { perSecond: 5, burst: 50 },
  maxFrameBytes: 1 << 20,
  maxInFlight: 16,
  maxAuths: 3,
};

/** What a relay needs from outside. */
export interface RelayEnvironment {
  readonly ports: Ports;
  readonly sockets: SocketFactory;
  /** Without it no NIP-11 document is read. */
  readonly http?: HttpClient;
  /** Without it no authentication is given. */
  readonly signer?: Signer;
  readonly settings?: Partial<RelaySettings>;
}

/** @throws {BridgeError} `invalid_option` naming the setting. */
export function relaySettings(changes: Partial<RelaySettings> = {}): RelaySettings {
  const settings = { ...defaultRelaySettings, ...changes };
  const { backoff, breaker, outbound, nuisance, ...numbers } = settings;
  for (const [name, value] of Object.entries(numbers)) atLeast(1, name, value);
  atLeast(1, 'breaker.threshold', breaker.threshold);
  checkBucket('outbound', outbound);
  checkBucket('nuisance', nuisance);
  checkBackoff('backoff', backoff);
  checkBackoff('breaker.cooldown', breaker.cooldown);
  return settings;
}

/**
 * The form of a relay's address in which it is compared and stored.
 *
 * @throws {BridgeError} `invalid_option` when it is no address of a websocket, or has credentials or a fragment.
 */
export function relayUrl(text: string): string {
  const url = parseRelayUrl(text);
  if (url === undefined) throw new BridgeError('invalid_option', `"${text}" is not the address of a relay.`);
  return url;
}

/** As {@link relayUrl}, of a text that others wrote; undefined where that throws. */
export function parseRelayUrl(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^wss?:$/.test(url.protocol) || url.username !== '' || url.hash !== '') return undefined;
  return url.pathname === '/' && url.search === '' ? `${url.protocol}//${url.host}` : url.href;
}
