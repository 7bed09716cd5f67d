import { BridgeError } from '../errors.ts';
import type { NostrEvent } from '../event/event.ts';
import { JobCustomer } from '../jobs/job-customer.ts';
import { JobProvider } from '../jobs/job-provider.ts';
import type { JobStore } from '../jobs/job-store.ts';
import { QuoteStore } from '../jobs/quote-store.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { quorumOf } from '../outbox/quorum.ts';
import type { BridgeFile } from '../store/bridge-file.ts';
import type { BridgeParts } from './bridge-parts.ts';
import type { CompleteSettings } from './bridge-settings.ts';

/** What the roles of a bridge share. */
export interface JobRolesParts {
  readonly file: BridgeFile;
  readonly jobs: JobStore;
  readonly outbox: Outbox;
  readonly relaysFor: (request: NostrEvent) => readonly string[];
}

/** The roles that settings ask for. @throws {BridgeError} `invalid_option` for a provider that has nothing to work with. */
export function jobRoles(
  settings: CompleteSettings,
  { ports, cipher, work }: BridgeParts,
  { file, jobs, outbox, relaysFor }: JobRolesParts,
): { readonly provider: JobProvider | undefined; readonly customer: JobCustomer | undefined } {
  const { quorum, writeRelays: relays, provider, customer } = settings;
  const shared = { jobs, outbox, ports, ...(cipher === undefined ? {} : { cipher }) };
  if (provider !== undefined && work === undefined) {
    throw new BridgeError('invalid_option', 'A provider needs something that does the work.');
  }
  return {
    provider:
      provider &&
      work &&
      // Strangers' relays are among those of an answer: they have no say in whether it counts as published.
      new JobProvider({ ...shared, ...provider, work, relays, relaysFor, quorum: quorumOf(quorum, relays) }),
    customer:
      customer && new JobCustomer({ ...shared, ...customer, quorum, quotes: new QuoteStore(file, ports.clock) }),
  };
}
