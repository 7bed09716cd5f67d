import type { Clock, Scheduler } from '@autopilot/sync-contract';
import type { TokenShape } from './token.ts';
import type { KhalaTopic } from './topics.ts';

/** Who may ask for tokens, by the bearer text that they send. */
export interface KhalaUser {
  readonly user_id: string;
  readonly org_id?: string;
  readonly session_id?: string;
  readonly device_id?: string;
  readonly role?: 'member' | 'admin' | 'owner';
  /** A personal access token: may ask for the token of another device. */
  readonly pat?: boolean;
}

/** The window of clients that khala takes. */
export interface KhalaCompatibility {
  readonly protocol_version?: string;
  readonly min_client_build_id?: string;
  readonly max_client_build_id?: string | null;
  readonly min_schema_version?: number;
  readonly max_schema_version?: number;
}

/** Options of {@link startKhala}. Every limit is khala's own when it is not given. */
export interface KhalaOptions {
  /** Default: any free loopback port. */
  readonly port?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly clock?: Clock;
  readonly scheduler?: Scheduler;
  /** The secret of both kids, HS256. */
  readonly secret?: string;
  /** More secrets by kid, or other ones. */
  readonly keyring?: Readonly<Record<string, string>>;
  /** Default `https://khala.test`. */
  readonly issuer?: string;
  /** Token shapes that the socket takes; default both. */
  readonly tokenShapes?: readonly TokenShape[];
  /** Lifetime of minted tokens in seconds; default 300. */
  readonly tokenTtlSeconds?: number;
  /** Without, anybody is the user `user-1` or the one named by the header `x-khala-user`. */
  readonly users?: Readonly<Record<string, KhalaUser>>;
  /** Owners of workers by worker id; otherwise who creates a worker owns it. */
  readonly owners?: Readonly<Record<string, string>>;
  /** Whether the worker routes refuse callers who do not own the worker. Default false. */
  readonly enforceOwners?: boolean;
  /** Replay budgets in events. */
  readonly budgets?: Partial<Readonly<Record<KhalaTopic, number>>>;
  /** Events that a topic keeps; default by age only. */
  readonly retainEvents?: Partial<Readonly<Record<KhalaTopic, number>>>;
  /** Updates in a batch unless the subscription says otherwise; default 200. */
  readonly batchSize?: number;
  /** Whether each batch and error is pushed a second time as sync:frame; default true. */
  readonly twins?: boolean;
  /** Whether updates carry their payload or point to HTTP; default inline. */
  readonly payloadMode?: 'inline' | 'pointer';
  /** Runs over every payload before it is stored; default passes it through. */
  readonly sanitize?: (payload: unknown) => unknown;
  readonly heartbeatMs?: number;
  readonly heartbeatTimeoutMs?: number;
  readonly queueLimit?: number;
  readonly drainPerTick?: number;
  /** Bytes not yet taken by a client at which its queue is no longer drained; default 4 MiB. */
  readonly backpressureBytes?: number;
  /** Given: clients outside the window are refused. */
  readonly compatibility?: KhalaCompatibility;
  /** Events in a page of GET /:id/stream; default 500. */
  readonly streamPage?: number;
  /** Whether the fan-out's limits on rate and size of publishing apply. Default false. */
  readonly publishLimits?: boolean;
  /** Origins of browsers that the fan-out takes. */
  readonly origins?: readonly string[];
  /** Fan-out topics that are closed to everybody. */
  readonly deniedTopics?: readonly string[];
  /** JWT ids that the fan-out refuses. */
  readonly revokedTokenIds?: readonly string[];
}
