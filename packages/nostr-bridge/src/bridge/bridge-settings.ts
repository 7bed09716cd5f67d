import { BridgeError } from '../errors.ts';
import type { InboundSettings } from '../inbound/inbound.ts';
import type { DeliverySettings } from '../outbox/deliveries.ts';
import { atLeast } from '../option-checks.ts';
import { checkQuorum, type QuorumPolicy } from '../outbox/quorum.ts';
import { type RelaySettings, relayUrl } from '../relay/relay-options.ts';
import { type VisitSettings, visitSettings } from '../visits/visit-settings.ts';

/** How a bridge provides work for others; times in milliseconds. */
export interface ProviderSettings {
  /** Kinds of requests that it takes: 5000 to 5999. */
  readonly kinds: readonly number[];
  /** Whether it takes requests that name no provider as well. */
  readonly takesOpenRequests: boolean;
  /** Jobs that have not ended; a request beside so many is not taken, now or later. */
  readonly maxOpenJobs: number;
  readonly jobMs: number;
  readonly runMs: number;
  readonly quoteMs: number;
  readonly maxRunning: number;
  readonly pollMs: number;
}

/** How a bridge asks others for work. */
export interface CustomerSettings {
  readonly jobMs: number;
  /** Kinds of requests that it makes; without it relays are asked for everything that names its key. */
  readonly kinds?: readonly number[];
}

/** What a bridge is to do: plain data, so that it can be handed to a process or read from a file. */
export interface BridgeSettings {
  /** Path of its file; see `openBridgeFile`. */
  readonly file: string;
  readonly maxFileBytes?: number;
  readonly relays: readonly string[];
  /** Of these, where requests and answers are looked for, and where events are published; all of them by default. */
  readonly readRelays?: readonly string[];
  readonly writeRelays?: readonly string[];
  /**
   * True: `readRelays` and `writeRelays` are published as the list of this key by NIP-65, in place of the one it had.
   * False: what this bridge published of it is withdrawn. Not set: no list is published or withdrawn.
   */
  readonly publishesRelayList?: boolean;
  /** Relays outside of `relays`, which customers name. */
  readonly visits?: Partial<VisitSettings>;
  /** When an event counts as published; a majority of the relays that it is published to by default. */
  readonly quorum?: QuorumPolicy;
  readonly relay?: Partial<RelaySettings>;
  readonly deliveries?: Partial<DeliverySettings>;
  readonly inbound?: Partial<InboundSettings>;
  /** Ids that are remembered of what came in. */
  readonly seen?: number;
  /** How the journal is read; times in milliseconds. */
  readonly mirror?: {
    readonly pageSize?: number;
    readonly readMs?: number;
    readonly pollMs?: number;
    readonly maxPending?: number;
  };
  /** Set: it takes requests of NIP-90. */
  readonly provider?: Partial<ProviderSettings> & Pick<ProviderSettings, 'kinds'>;
  /** Set: it asks others for work, and waits so long for each job, in milliseconds. */
  readonly customer?: CustomerSettings;
  /** For the first REQ of a relay: how far back events are asked for, in seconds. */
  readonly lookbackSeconds?: number;
  readonly overlapSeconds?: number;
  /** How often the moment at which a subscription was known to be live is written, in milliseconds. */
  readonly noteMs?: number;
  readonly signMs?: number;
  /** Processes that check signatures, and how long one batch may take. */
  readonly verifiers?: number;
  readonly verifyMs?: number;
  /** How long what has settled is kept, in milliseconds. */
  readonly keepMs?: number;
  /** After so long what is announced is published again although it is the same, in milliseconds. */
  readonly refreshMs?: number;
}

type Unlike = 'maxFileBytes' | 'publishesRelayList' | 'visits' | 'provider' | 'customer' | 'mirror';

/** {@link BridgeSettings} with everything said. */
export type CompleteSettings = Required<Omit<BridgeSettings, Unlike>> & {
  readonly maxFileBytes: number | undefined;
  readonly publishesRelayList: boolean | undefined;
  readonly visits: VisitSettings;
  readonly provider: ProviderSettings | undefined;
  readonly customer: CustomerSettings | undefined;
  readonly mirror: Required<NonNullable<BridgeSettings['mirror']>>;
};

const day = 86_400_000;

/** @throws {BridgeError} `invalid_option` naming what is wrong. */
export function completeSettings(given: BridgeSettings): CompleteSettings {
  const relays = given.relays.map(relayUrl);
  if (new Set(relays).size !== relays.length) throw new BridgeError('invalid_option', 'A relay is named twice.');
  const quorum = given.quorum ?? { type: 'majority' };
  const readRelays = amongRelays('readRelays', given.readRelays, relays);
  const writeRelays = amongRelays('writeRelays', given.writeRelays, relays);
  const isUnused = relays.some((url) => !readRelays.includes(url) && !writeRelays.includes(url));
  if (isUnused) throw new BridgeError('invalid_option', 'A relay is neither for reading nor for writing.');
  checkQuorum(quorum, writeRelays);
  const settings: CompleteSettings = {
    seen: 1_000_000,
    lookbackSeconds: 3_600,
    overlapSeconds: 120,
    noteMs: 10_000,
    signMs: 5_000,
    verifiers: 1,
    verifyMs: 20_000,
    keepMs: 7 * day,
    refreshMs: day,
    relay: {},
    deliveries: {},
    inbound: {},
    ...given,
    relays,
    readRelays,
    writeRelays,
    publishesRelayList: given.publishesRelayList,
    visits: visitSettings(given.visits),
    quorum,
    maxFileBytes: given.maxFileBytes,
    mirror: { pageSize: 100, readMs: 5_000, pollMs: 1_000, maxPending: 10_000, ...given.mirror },
    customer: given.customer,
    provider: given.provider && {
      jobMs: day,
      runMs: 600_000,
      quoteMs: 30_000,
      maxRunning: 4,
      takesOpenRequests: false,
      maxOpenJobs: 1_000,
      pollMs: 1_000,
      ...given.provider,
    },
  };
  const { mirror, provider, customer } = settings;
  checkNumbers('', settings);
  checkNumbers('mirror.', mirror);
  checkNumbers('provider.', provider ?? {});
  checkNumbers('customer.', customer ?? {});
  return settings;
}

function amongRelays(name: string, given: readonly string[] | undefined, relays: readonly string[]): readonly string[] {
  const urls = given?.map(relayUrl) ?? relays;
  if (urls.length > 0 && urls.every((url) => relays.includes(url))) return [...new Set(urls)];
  throw new BridgeError('invalid_option', `${name} names relays that are not among those of the bridge, or none.`);
}

function checkNumbers(prefix: string, settings: object): void {
  for (const [name, value] of Object.entries(settings)) if (typeof value === 'number') atLeast(1, prefix + name, value);
}
