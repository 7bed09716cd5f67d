import type { Ports, SocketFactory } from '@autopilot/sync-contract';
import type { Signer } from '../event/signer.ts';
import type { RelayCounters } from './relay-counters.ts';
import type { RelaySettings } from './relay-options.ts';

/** What the parts of a connection share. */
export interface LinkContext {
  readonly url: string;
  readonly ports: Ports;
  readonly sockets: SocketFactory;
  readonly signer: Signer | undefined;
  readonly settings: RelaySettings;
  readonly counters: RelayCounters;
}
