import type { Ports } from '@autopilot/sync-contract';
import { type NostrEvent, tagList } from '../event/event.ts';
import type { Inbound } from '../inbound/inbound.ts';
import { openJobStates } from '../jobs/job-states.ts';
import type { JobStore } from '../jobs/job-store.ts';
import { nip90 } from '../jobs/nip90.ts';
import type { Deliveries } from '../outbox/deliveries.ts';
import type { OutboxStore } from '../outbox/outbox-store.ts';
import type { Relay } from '../relay/relay.ts';
import { parseRelayUrl } from '../relay/relay-options.ts';
import { answerRelays } from './answer-relays.ts';
import { RelayLists } from './relay-lists.ts';
import { visitable } from './visit-rules.ts';
import type { VisitSettings } from './visit-settings.ts';
import { Visits } from './visits.ts';

/** What a bridge gives to find its customers. */
export interface CustomerRelaysParts {
  readonly store: OutboxStore;
  readonly deliveries: Deliveries;
  readonly inbound: Pick<Inbound, 'offer'>;
  readonly ports: Ports;
  /** The relays of the bridge. */
  readonly relays: readonly Relay[];
  /** Those of them that every answer goes to. */
  readonly write: readonly string[];
  readonly settings: VisitSettings;
  /** Makes a relay that is none of the bridge. */
  readonly make: (url: string) => Relay;
}

const jobsAtOnce = 500;

/** Where customers look for answers: their lists, the choice of relays for each answer, and the visits that follow. */
export class CustomerRelays {
  readonly visits: Visits;
  readonly lists: RelayLists;
  readonly #own: readonly string[];
  readonly #write: readonly string[];
  readonly #settings: VisitSettings;

  constructor({ store, deliveries, inbound, ports, relays, write, settings, make }: CustomerRelaysParts) {
    this.#own = relays.map(({ url }) => url);
    this.#write = write;
    this.#settings = settings;
    this.visits = new Visits({ store, deliveries, ports, own: this.#own, settings, make });
    this.lists = new RelayLists({ ports, inbound, relays, maxLists: settings.maxLists });
  }

  /** Asks for the lists of customers whose jobs an earlier process took. */
  wantAll(jobs: JobStore): void {
    for (const state of openJobStates) {
      for (const { role, customer } of jobs.list(state, jobsAtOnce)) if (role === 'provider') this.lists.want(customer);
    }
  }

  /** Where an answer is stored for: with too much waiting for visits, at the relays of the bridge only. */
  relaysFor(request: NostrEvent): readonly string[] {
    const { maxVisitedRelays, maxRelaysPerAnswer } = this.#settings;
    const most = this.visits.hasRoom && maxVisitedRelays > 0 ? maxRelaysPerAnswer : 0;
    const named = tagList(request, nip90.tags.relays);
    return answerRelays(this.#write, named, this.lists.readRelays(request.pubkey), most, (text) => this.#admit(text));
  }

  stop(): void {
    this.lists.stop();
    this.visits.stop();
  }

  #admit(text: string): string | undefined {
    const url = parseRelayUrl(text);
    return url !== undefined && this.#own.includes(url) ? url : visitable(text, this.#settings);
  }
}
