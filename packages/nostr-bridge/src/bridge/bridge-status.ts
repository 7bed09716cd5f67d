import type { Kept, KeptStore } from '../announce/kept-store.ts';
import type { Upkeep } from '../announce/upkeep.ts';
import type { InboundCounters } from '../inbound/inbound.ts';
import type { JobCustomer } from '../jobs/job-customer.ts';
import type { JobProvider } from '../jobs/job-provider.ts';
import type { JobStore } from '../jobs/job-store.ts';
import type { DeliveryCounters } from '../outbox/deliveries.ts';
import type { MirrorCounters } from '../outbox/mirror.ts';
import type { OutboxStore } from '../outbox/outbox-store.ts';
import type { RelayStatus } from '../relay/relay.ts';
import type { Visits } from '../visits/visits.ts';

/** What a file holds: also when no bridge has it open. */
export interface StoredStatus {
  readonly deliveries: ReturnType<OutboxStore['counts']>;
  readonly standings: ReturnType<OutboxStore['standings']>;
  readonly jobs: ReturnType<JobStore['counts']>;
  /** What was announced last, and what was withdrawn. */
  readonly kept: readonly Omit<Kept, 'contents'>[];
}

/** How a bridge stands: a plain snapshot, for pages and metrics. Counters begin when the bridge was made. */
export interface BridgeStatus extends StoredStatus {
  readonly pubkey: string;
  readonly relays: readonly RelayStatus[];
  /** Relays outside of the settings that are connected to at present. */
  readonly visiting: readonly RelayStatus[];
  readonly visits: Visits['counters'];
  readonly delivered: DeliveryCounters;
  readonly inbound: InboundCounters;
  readonly mirror: MirrorCounters;
  /** Why the journal, or an event of it, was last not dealt with. */
  readonly mirror_failure: string | undefined;
  readonly provider: JobProvider['counters'] | undefined;
  readonly customer: JobCustomer['counters'] | undefined;
  readonly upkeep: Upkeep['counters'];
  /** Housekeeping that the file refused. */
  readonly faults: number;
}

/** What a file holds. */
export function storedStatus(store: OutboxStore, jobs: JobStore, kept: KeptStore): StoredStatus {
  return {
    deliveries: store.counts(),
    standings: store.standings(),
    jobs: jobs.counts(),
    kept: kept.all().map(({ contents: _hash, ...row }) => row),
  };
}
