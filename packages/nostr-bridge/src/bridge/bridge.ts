import type { Cancel } from '@autopilot/sync-contract';
import { type Announcement, announcementKind, announcementTemplate } from '../announce/announcement.ts';
import { KeptStore } from '../announce/kept-store.ts';
import { relayListKind, relayListTemplate } from '../announce/relay-list.ts';
import { Upkeep } from '../announce/upkeep.ts';
import { BridgeError } from '../errors.ts';
import type { NostrEvent } from '../event/event.ts';
import { follow } from '../inbound/follow.ts';
import { Inbound } from '../inbound/inbound.ts';
import { SeenSet } from '../inbound/seen-set.ts';
import { WorkerVerifier } from '../inbound/worker-verifier.ts';
import type { JobCustomer } from '../jobs/job-customer.ts';
import type { JobProvider } from '../jobs/job-provider.ts';
import { type Job, JobStore } from '../jobs/job-store.ts';
import type { JobRequest } from '../jobs/job-tags.ts';
import type { Quote } from '../jobs/quote-store.ts';
import { Deliveries } from '../outbox/deliveries.ts';
import { emptyJournal, mirrorNothing } from '../outbox/journal.ts';
import { Mirror } from '../outbox/mirror.ts';
import { Outbox, type Outgoing } from '../outbox/outbox.ts';
import { type Enqueued, OutboxStore } from '../outbox/outbox-store.ts';
import type { Standing } from '../outbox/quorum.ts';
import { Relay } from '../relay/relay.ts';
import type { Verdict } from '../relay/verdict.ts';
import { type BridgeFile, openBridgeFile } from '../store/bridge-file.ts';
import { CustomerRelays } from '../visits/customer-relays.ts';
import type { BridgeParts } from './bridge-parts.ts';
import { type BridgeSettings, type CompleteSettings, completeSettings } from './bridge-settings.ts';
import { type BridgeStatus, type StoredStatus, storedStatus } from './bridge-status.ts';
import { jobRoles } from './job-roles.ts';

/** An event to publish; where nothing is said, at the relays and by the quorum of the bridge. */
export type Publishing = Pick<Outgoing, 'key' | 'template'> & Partial<Outgoing>;

const housekeepingMs = 5_000;
const atOnce = 500;

/** All parts of a bridge, put together on one file. */
export class Bridge {
  readonly #settings: CompleteSettings;
  readonly #parts: BridgeParts;
  readonly #file: BridgeFile;
  readonly #store: OutboxStore;
  readonly #outbox: Outbox;
  readonly #deliveries: Deliveries;
  readonly #jobs: JobStore;
  readonly #relays: readonly Relay[];
  readonly #verifier: WorkerVerifier;
  readonly #inbound: Inbound;
  readonly #mirror: Mirror;
  readonly #kept: KeptStore;
  readonly #upkeep: Upkeep;
  readonly #elsewhere: CustomerRelays;
  readonly #provider: JobProvider | undefined;
  readonly #customer: JobCustomer | undefined;
  #cancels: Cancel[] = [];
  #cancelHousekeeping: Cancel = () => {};
  #state: 'made' | 'started' | 'closed' = 'made';
  #faults = 0;
  #counted: StoredStatus | undefined;
  #countAgainAt = 0;

  private constructor(settings: CompleteSettings, parts: BridgeParts, file: BridgeFile) {
    const { ports, signer, sockets, http, cipher, journal = emptyJournal, policy = mirrorNothing, work } = parts;
    const { quorum, relays, writeRelays, provider, customer, refreshMs } = settings;
    this.#settings = settings;
    this.#parts = parts;
    this.#file = file;
    this.#store = new OutboxStore(file, ports.clock);
    const store = this.#store;
    this.#outbox = new Outbox({ file, store, ports, signer, signMs: settings.signMs });
    const outbox = this.#outbox;
    this.#deliveries = new Deliveries(store, ports, settings.deliveries);
    const deliveries = this.#deliveries;
    this.#kept = new KeptStore(file);
    const superseded = (event_id: string) => deliveries.supersede(event_id);
    this.#upkeep = new Upkeep({
      kept: this.#kept,
      outbox,
      ports,
      relays: writeRelays,
      quorum,
      refreshMs,
      superseded,
    });
    this.#jobs = new JobStore(file, ports.clock);
    const environment = { ports, sockets, signer, settings: settings.relay, ...(http === undefined ? {} : { http }) };
    const host = (url: string) => ({
      mayPublish: () => deliveries.ready(url),
      late: (id: string, verdict: Verdict) => deliveries.late(url, id, verdict),
    });
    this.#relays = relays.map((url) => new Relay(url, environment, host(url)));
    this.#verifier = new WorkerVerifier({
      ports,
      spawn: parts.spawnVerifier,
      workers: settings.verifiers,
      batchMs: settings.verifyMs,
    });
    this.#inbound = new Inbound({
      file,
      ports,
      verifier: this.#verifier,
      seen: new SeenSet(file, settings.seen),
      accept: (event) => this.#accept(event),
      isOnce: ({ kind }) => kind !== relayListKind,
      settings: settings.inbound,
    });
    // Without HTTP: a stranger's document may redirect to anywhere.
    const away = { ports, sockets: parts.visitSockets ?? sockets, signer, settings: settings.relay };
    this.#elsewhere = new CustomerRelays({
      store,
      deliveries,
      inbound: this.#inbound,
      ports,
      relays: this.#relays,
      write: writeRelays,
      settings: settings.visits,
      make: (url) => new Relay(url, away, host(url)),
    });
    const relaysFor = (request: NostrEvent) => this.#elsewhere.relaysFor(request);
    const roles = jobRoles(settings, parts, { file, jobs: this.#jobs, outbox, relaysFor });
    this.#provider = roles.provider;
    this.#customer = roles.customer;
    this.#mirror = new Mirror({ file, outbox, journal, policy, ports, ...settings.mirror });
  }

  /**
   * Opens the file and puts everything together; nothing is sent before `start`.
   *
   * @throws {BridgeError} `invalid_option`, or why the file cannot be used.
   */
  static async open(given: BridgeSettings, parts: BridgeParts): Promise<Bridge> {
    const settings = completeSettings(given);
    const { file: name, maxFileBytes } = settings;
    const bound = maxFileBytes === undefined ? {} : { maxBytes: maxFileBytes };
    const file = await openBridgeFile({ file: name, as: 'owner', ...bound });
    try {
      return new Bridge(settings, parts, file);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  get pubkey(): string {
    return this.#outbox.pubkey;
  }

  /** Connects, goes on with what was interrupted, and follows what its jobs need. */
  start(): void {
    if (this.#state !== 'made') throw new BridgeError('closed', 'A bridge is started once.');
    this.#state = 'started';
    this.#cancels.push(
      this.#outbox.onStored((urls) => {
        for (const url of urls) this.#deliveries.wake(url);
        this.#elsewhere.visits.wake(urls);
      }),
    );
    this.#deliveries.start(this.#relays);
    this.#elsewhere.visits.start();
    for (const relay of this.#relays) {
      if (this.#settings.readRelays.includes(relay.url)) this.#followJobs(relay);
      relay.start();
    }
    this.#provider?.start();
    this.#customer?.start();
    this.#guarded(() => this.#elsewhere.wantAll(this.#jobs));
    this.#mirror.start();
    const { publishesRelayList, readRelays, writeRelays } = this.#settings;
    if (publishesRelayList !== undefined) {
      const list = relayListTemplate({ read: readRelays, write: writeRelays });
      this.#upkeep.want(relayListKind, publishesRelayList ? [list] : []);
    }
    this.#upkeep.start();
    this.#housekeeping();
  }

  /** Stores an event for its relays. @throws {BridgeError} and then nothing is stored; see `Outbox.enqueue`. */
  publish(publishing: Publishing): Promise<Enqueued> {
    const { writeRelays: relays, quorum } = this.#settings;
    return this.#outbox.enqueue({ relays, quorum, ...publishing });
  }

  /**
   * From now on this is what is announced by NIP-89, or nothing. Before the first call what was announced stays as it is.
   *
   * @throws {BridgeError} `invalid_option` for an announcement that cannot be meant; then nothing changes.
   */
  announce(announcement: Announcement | undefined): void {
    if (this.#state === 'closed') throw new BridgeError('closed', 'The bridge is closed.');
    this.#upkeep.want(announcementKind, announcement === undefined ? [] : [announcementTemplate(announcement)]);
  }

  /** Hears how an event stands, once for each change. */
  onStanding(listener: (event_id: string, standing: Standing) => void): () => void {
    return this.#deliveries.onStanding(listener);
  }

  /** How an event stands; undefined when it is not stored, or not any more. */
  standing(event_id: string): Standing | undefined {
    return this.#store.standingOf(event_id);
  }

  /**
   * Asks a provider, or whoever answers first, once per key.
   *
   * @throws {BridgeError} `invalid_option` when the bridge is no customer, and others.
   */
  async request(key: string, request: JobRequest): Promise<Job> {
    if (this.#customer === undefined) throw new BridgeError('invalid_option', 'This bridge asks for no work.');
    return this.#customer.request(key, request);
  }

  /**
   * Somebody says that the quote of a job was paid, of a job that names no provider also whose quote.
   *
   * @throws {BridgeError} `unknown_job`, `job_refused`
   */
  notePaid(role: Job['role'], request_id: string, provider?: string): void {
    const side = role === 'provider' ? this.#provider : this.#customer;
    if (side === undefined) throw new BridgeError('unknown_job', `This bridge is no ${role}.`);
    side.notePaid(request_id, provider);
  }

  /** What providers ask for a job of this bridge as customer that names none of them. */
  quotes(request_id: string): readonly Quote[] {
    return this.#customer?.quotes(request_id) ?? [];
  }

  /** Takes a request back. @throws {BridgeError} `unknown_job`, `job_refused` */
  async cancel(request_id: string): Promise<Job> {
    if (this.#customer === undefined) throw new BridgeError('unknown_job', 'This bridge is no customer.');
    return this.#customer.cancel(request_id);
  }

  job(role: Job['role'], request_id: string): Job | undefined {
    return this.#jobs.get(role, request_id);
  }

  status(): BridgeStatus {
    return {
      pubkey: this.pubkey,
      relays: this.#relays.map((relay) => relay.status()),
      ...this.#stored(),
      visiting: this.#elsewhere.visits.status(),
      visits: { ...this.#elsewhere.visits.counters },
      delivered: { ...this.#deliveries.counters },
      inbound: { ...this.#inbound.counters },
      mirror: { ...this.#mirror.counters },
      mirror_failure: this.#mirror.lastFailure?.message,
      provider: this.#provider && { ...this.#provider.counters },
      customer: this.#customer && { ...this.#customer.counters },
      upkeep: { ...this.#upkeep.counters },
      faults: this.#faults,
    };
  }

  /** Counting takes longer the more there is: it gets a hundredth of the time, and its answer is as old as that makes it. */
  #stored(): StoredStatus {
    const { clock } = this.#parts.ports;
    const began = clock.monotonic();
    if (this.#counted === undefined || began >= this.#countAgainAt) {
      this.#counted = storedStatus(this.#store, this.#jobs, this.#kept);
      this.#countAgainAt = began + 100 * (clock.monotonic() - began);
    }
    return this.#counted;
  }

  /** Ends everything. What was stored and not delivered is delivered by the next bridge on the file. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#cancelHousekeeping();
    for (const cancel of this.#cancels.splice(0)) cancel();
    this.#mirror.stop();
    this.#upkeep.stop();
    this.#elsewhere.stop();
    this.#provider?.stop();
    this.#customer?.stop();
    this.#deliveries.stop();
    this.#inbound.close();
    for (const relay of this.#relays) relay.close();
    await this.#verifier.close();
    this.#file.close();
  }

  #followJobs(relay: Relay): void {
    if (this.#provider !== undefined) this.#follow(relay, 'requests', this.#provider.filters());
    if (this.#customer !== undefined) this.#follow(relay, 'answers', this.#customer.filters());
  }

  #follow(relay: Relay, name: string, filters: Parameters<typeof follow>[0]['filters']): void {
    const { lookbackSeconds, overlapSeconds, noteMs } = this.#settings;
    const { ports } = this.#parts;
    const from = Math.floor(ports.clock.now() / 1000) - lookbackSeconds;
    const following = { file: this.#file, ports, relay, inbound: this.#inbound, name, filters };
    this.#cancels.push(follow({ ...following, from, overlapSeconds, noteMs }));
  }

  /** In the transaction that remembers the event. */
  #accept(event: NostrEvent): void {
    const { scheduler } = this.#parts.ports;
    if (event.kind === relayListKind) {
      this.#elsewhere.lists.take(event);
      return;
    }
    const isNewJob = this.#provider?.take(event) === true;
    const job = this.#customer?.take(event);
    // After the transaction: until then nothing of it is true.
    scheduler.after(0, () => {
      if (this.#state !== 'started') return;
      if (isNewJob) this.#elsewhere.lists.want(event.pubkey);
      this.#guarded(() => this.#provider?.wake());
      if (job !== undefined) this.#guarded(() => this.#tellOf(job));
    });
  }

  /** Of what was stored: the transaction may have been undone. */
  #tellOf({ request_id, version }: Job): void {
    const job = this.#jobs.get('customer', request_id);
    if (job !== undefined && job.version >= version) this.#parts.answered?.(job);
  }

  #housekeeping(): void {
    this.#guarded(() => {
      // Whoever has jobs ends its own; here those of a role that this bridge has no more.
      if (this.#provider === undefined) this.#jobs.expire(atOnce, 'provider');
      if (this.#customer === undefined) this.#jobs.expire(atOnce, 'customer');
      // Before what is known by the keys of jobs: a key is free when both are gone.
      this.#jobs.remove(this.#settings.keepMs, atOnce);
      this.#store.prune(this.#settings.keepMs, atOnce);
    });
    this.#cancelHousekeeping = this.#parts.ports.scheduler.after(housekeepingMs, () => this.#housekeeping());
  }

  #guarded(task: () => unknown): void {
    try {
      task();
    } catch {
      // The file refuses, or a listener failed: the bridge goes on, and the next time tries again.
      this.#faults += 1;
    }
  }
}
