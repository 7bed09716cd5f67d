import type { HttpClient, Ports } from '@autopilot/sync-contract';
import type { DatabaseAdmin } from './database-admin.ts';
import type { BindingProbe } from './binding-probe.ts';
import type { EventSink } from './event-sink.ts';

/** What is needed to reach the database. */
export interface GatewayOptions {
  readonly uri: string;
  readonly database: string;
  readonly ports: Ports;
  readonly http: HttpClient;
  /** A fresh token of the owner, for HTTP. */
  readonly ownerToken: () => Promise<string>;
  /** A fresh token of the writer, for the websocket. */
  readonly writerToken: () => Promise<SinkToken>;
}

/** A token with its life, seconds since the epoch. */
export interface SinkToken {
  readonly token: string;
  readonly expires_at: number;
  readonly refresh_after: number;
}

/** The two ways in which control talks to the database. */
export interface DatabaseGateway {
  readonly admin: DatabaseAdmin;
  readonly sink: EventSink;
  readonly probe: BindingProbe;
}

/** Opens a gateway; connects nothing yet. */
export type OpenGateway = (options: GatewayOptions) => DatabaseGateway;
