import {
  type BackoffPolicy,
  type CompatibilityRequest,
  type HttpClient,
  isBackoffPolicy,
  type Ports,
  type SocketFactory,
} from '@autopilot/sync-contract';
import { KhalaError } from '../errors.ts';
import { workerEventsTopic } from '../wire/worker-event.ts';
import type { KhalaStats } from './stats.ts';

/** What opens khala. */
export interface KhalaToken {
  readonly token: string;
  /** Milliseconds since the Unix epoch. */
  readonly expires_at: number;
}

/** Why a token is asked for. `rejected`: khala refused the last one, the same one would not help. */
export type KhalaTokenReason = 'start' | 'refresh' | 'rejected';

/**
 * Gives a token. A rejection with `recovery: 'retry'`, or without a code, is tried again; any other coded error leads to
 * `needs-auth`.
 */
export type KhalaTokenProvider = (reason: KhalaTokenReason, signal: AbortSignal) => Promise<KhalaToken>;

/** Where the app keeps the cursor of the topic. It only saves replay: what is complete is decided per stream. */
export interface KhalaCursorStore {
  load(topic: string): bigint | null;
  save(topic: string, watermark: bigint): void;
}

/** What a khala lane is made of. Times are milliseconds. */
export interface KhalaLaneOptions {
  readonly ports: Ports;
  readonly http: HttpClient;
  readonly socket: SocketFactory;
  /** Base URL of khala, `http:` or `https:`. */
  readonly url: string;
  readonly token: KhalaTokenProvider;
  /** Khala sends every user's events: those of workers that this refuses are counted and dropped. */
  readonly owns: (workerId: string) => boolean;
  /** Sent as socket parameters. */
  readonly build: CompatibilityRequest;
  readonly cursors: KhalaCursorStore;
  /** Told after something was counted, at most once per turn. */
  readonly onStats?: (stats: KhalaStats) => void;
  /** Default `autopilot-comms`. */
  readonly client?: string;
  /** Default `runtime.codex_worker_events`. */
  readonly topic?: string;
  /** Between attempts: a random wait, see `backoffDelay` of the contract. Default 250, 500 and 30,000. */
  readonly backoff?: Partial<BackoffPolicy>;
  /** Default 200. */
  readonly replayBatchSize?: number;
  /** Default 20,000: khala closes silently after 60,000 without one. */
  readonly heartbeatMs?: number;
  /** Without any inbound message for so long the connection is dead. Khala speaks every 15 s. Default 45,000. */
  readonly watchdogMs?: number;
  /** How often khala is asked whether it has more than the topic brought. Default 30,000. */
  readonly headPollMs?: number;
  /** From an attempt's start to the joined channel. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** For every other request. Default 15,000. */
  readonly requestTimeoutMs?: number;
  readonly tokenTimeoutMs?: number;
  /** For the closing handshake. Default 1,000. */
  readonly closeTimeoutMs?: number;
  /** Live for so long, a connection has proved its use even without events. Default 10,000. */
  readonly provenAfterMs?: number;
  /** Events of one stream that may wait for a gap to be filled. Default 2,048. */
  readonly liveBuffer?: number;
  /** HTTP reads under way at once, over all streams. Default 4. */
  readonly maxReadsInFlight?: number;
}

/** 250 ms, 500 ms, 30 s. Khala's own clients slept a fixed 2 s, all of them at once. */
export const defaultKhalaBackoff: BackoffPolicy = { floorMs: 250, baseMs: 500, capMs: 30_000 };

/** The options with their defaults. */
export type KhalaSettings = Required<Omit<KhalaLaneOptions, 'backoff'>> & { readonly backoff: BackoffPolicy };

/** Nobody wants to hear of the counters. */
export const noStats = (): void => {};

const defaults = {
  client: 'autopilot-comms',
  topic: workerEventsTopic,
  replayBatchSize: 200,
  heartbeatMs: 20_000,
  watchdogMs: 45_000,
  headPollMs: 30_000,
  connectTimeoutMs: 10_000,
  requestTimeoutMs: 15_000,
  tokenTimeoutMs: 15_000,
  closeTimeoutMs: 1_000,
  provenAfterMs: 10_000,
  liveBuffer: 2048,
  maxReadsInFlight: 4,
  onStats: noStats,
} as const;

/** @throws {KhalaError} `invalid_options` with `details.option`. */
export function khalaSettings(options: KhalaLaneOptions): KhalaSettings {
  const settings: KhalaSettings = { ...defaults, ...options, backoff: { ...defaultKhalaBackoff, ...options.backoff } };
  for (const option of Object.keys(defaults) as (keyof typeof defaults)[]) {
    const value = settings[option];
    if (typeof value === 'number' && !(Number.isSafeInteger(value) && value > 0)) {
      throw invalid(option, `${option} must be a whole number above 0, not ${value}.`);
    }
  }
  if (!URL.canParse(settings.url) || !/^https?:$/.test(new URL(settings.url).protocol)) {
    throw invalid('url', 'url must be an http or https URL.');
  }
  const { backoff } = settings;
  if (!(isBackoffPolicy(backoff) && backoff.floorMs >= 1 && backoff.baseMs >= 1)) {
    throw invalid('backoff', 'backoff needs floorMs and baseMs of at least 1 and a capMs not below floorMs.');
  }
  return settings;
}

function invalid(option: string, message: string): KhalaError {
  return new KhalaError('invalid_options', message, { details: { option } });
}
