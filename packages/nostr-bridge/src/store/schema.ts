import type { DeliveryState } from '../outbox/delivery-states.ts';
import type { Standing } from '../outbox/quorum.ts';

/** One row per event that was built. It is never built again: a retry sends this very text. */
interface EventsTable {
  id: string;
  /** What the owner calls it: the same key is the same event. */
  key: string;
  /** SHA-256 of author, kind, tags and content: tells whether a second use of the key means the same. */
  contents: string;
  /** The signed event as JSON. */
  body: string;
  /** A quorum policy as JSON. */
  quorum: string;
  standing: Standing;
  enqueued_at_ms: number;
  settled_at_ms: number | null;
}

/** One row per event and relay. */
interface DeliveriesTable {
  event_id: string;
  relay: string;
  state: DeliveryState;
  /** Times it was handed to the connection. */
  tries: number;
  /** Not tried before. Milliseconds since the Unix epoch, as every other time. */
  next_at_ms: number;
  /** When it was first, or again, to be delivered: its age counts from here. */
  since_ms: number;
  reason: string;
  message: string;
  updated_at_ms: number;
}

/** How far each stream of the journal has been read. `seq` as text: it may be beyond 2^53. */
interface JournalPositionsTable {
  stream_id: string;
  epoch: string;
  seq: string;
}

/** Ids of verified events, by the hour of their created_at. */
interface SeenTable {
  id: Uint8Array;
  hour: number;
}

/** Until when each subscription of a relay was known to be live. */
interface LivenessTable {
  relay: string;
  subscription: string;
  /** Seconds since the Unix epoch. */
  live_at: number;
}

/** Numbers that outlive the process. */
interface SettingsTable {
  name: string;
  value: number;
}

/** One row per job and role. */
interface JobsTable {
  role: string;
  request_id: string;
  state: string;
  version: number;
  kind: number;
  customer: string;
  provider: string;
  /** The request as JSON. */
  request: string;
  /** JSON of the last thing the other side said: quote, progress, result or error. */
  detail: string;
  amount_msat: number | null;
  bolt11: string | null;
  expires_at_ms: number;
  created_at_ms: number;
  updated_at_ms: number;
}

/** One row per event that replaces those before it: the latest version. */
interface KeptTable {
  coordinate: string;
  state: 'published' | 'withdrawn';
  contents: string;
  /** Seconds since the Unix epoch. */
  created_at: number;
  published_at_ms: number;
  event_id: string;
}

/** One row per job of a customer that names no provider, and provider that asks something for it. */
interface QuotesTable {
  request_id: string;
  provider: string;
  detail: string;
  amount_msat: number | null;
  bolt11: string | null;
  at_ms: number;
}

/** Requests that were taken back before they came, by whom, and when. */
interface TakenBackTable {
  request_id: string;
  customer: string;
  at_ms: number;
}

/** The tables of a bridge file. */
export interface BridgeSchema {
  events: EventsTable;
  deliveries: DeliveriesTable;
  journal_positions: JournalPositionsTable;
  seen: SeenTable;
  liveness: LivenessTable;
  settings: SettingsTable;
  jobs: JobsTable;
  kept: KeptTable;
  quotes: QuotesTable;
  taken_back: TakenBackTable;
}
