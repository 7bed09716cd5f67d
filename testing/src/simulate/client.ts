import { draftEvent, type LaneSignal, type SocketFactory } from '@autopilot/sync-contract';
import { applyBatch } from '../../../packages/apply-engine/src/index.ts';
import { type CheckpointStore, type Commit, openCheckpointStore } from '../../../packages/checkpoint/src/index.ts';
import { createSession, type Session } from '../../../packages/session/src/index.ts';
import { Application } from './application.ts';
import type { Control } from './control.ts';
import { storeScope } from './disk.ts';
import type { Network } from './network.ts';
import type { Oracle } from './oracle.ts';
import { OwnerStore, type StoreFaults } from './owner-store.ts';
import type { Settings } from './plan.ts';
import type { Process } from './process.ts';
import type { Report } from './report.ts';
import type { Server } from './server.ts';
import { SessionCheck } from './session-check.ts';
import { signalText } from './signal-text.ts';
import type { StoreFile } from './store-file.ts';
import type { Wiring } from './wiring.ts';

/** Where the sessions of the simulation wait at least between two attempts; their own default. */
const floorMs = 250;

/** What a client needs of the world it lives in. */
export interface ClientWorld {
  readonly report: Report;
  readonly wiring: Wiring;
  readonly settings: Settings;
  readonly server: Server;
  readonly control: Control;
  readonly network: Network;
  readonly oracle: Oracle;
  readonly storeFaults: StoreFaults;
  readonly storeFile: StoreFile;
  /** The streams that the application is to follow. */
  readonly wanted: ReadonlySet<string>;
  readonly socket: SocketFactory;
  newProcess(): Process;
  opened(store: CheckpointStore): void;
  /** Something that an application noticed of a stream. */
  noticed(what: string, streamId: string, detail: string): void;
  heard(signal: LaneSignal): void;
}

/** One life of the client: a process with a store, a session and an application between them. */
export class Client {
  readonly process: Process;
  readonly session: Session;
  readonly application: Application;
  readonly store: CheckpointStore;
  readonly check: SessionCheck;
  readonly #world: ClientWorld;
  #calls = 0;

  private constructor(world: ClientWorld, process: Process, store: CheckpointStore) {
    this.#world = world;
    this.process = process;
    this.store = store;
    const { report, wiring, settings, server, control, network } = world;
    this.check = new SessionCheck(report, () => process.ports.clock.monotonic(), floorMs);
    const latency = () => network.latency();
    this.session = createSession(
      wiring.session({
        token: control.provider(process, latency, (reason) => {
          report.trace('client', () => `asks for a token: ${reason}`);
          this.check.asksForToken();
        }),
        ports: process.ports,
        socket: process.socket(world.socket),
        http: process.http((authorization) => server.probe(authorization), latency),
        clientId: 'client',
        readMode: 'confirmed',
        followGranted: true,
        backoff: { floorMs, baseMs: 500, capMs: 8_000 },
        pageSize: settings.pageSize,
        liveBuffer: settings.liveBuffer,
        maxPagesInFlight: settings.maxPagesInFlight,
        headPollMs: settings.headPollMs,
        watchdogMs: settings.watchdogMs,
        requestTimeoutMs: settings.requestTimeoutMs,
        watchRenewMs: Math.floor(settings.leaseMs * 0.4),
        connectTimeoutMs: 5_000,
        tokenTimeoutMs: 4_000,
      }),
    );
    const lane = wiring.lane(this.session);
    const told = (commit: Commit) => this.#told(commit);
    const owned = new OwnerStore(store, world.oracle, world.storeFaults);
    owned.listen(told);
    this.application = new Application(
      wiring.context({
        lane: {
          follow: (id, after) => {
            this.check.follow(id, after);
            lane.follow(id, after);
          },
          rewind: (id, after) => {
            this.check.follow(id, after);
            lane.rewind(id, after);
          },
          unfollow: (id) => {
            this.check.unfollow(id);
            lane.unfollow(id);
          },
        },
        store: wiring.store(owned, told),
        ports: process.ports,
        reorderLimit: settings.reorderLimit,
        applyBatch,
        noticed: (what, id, detail) => world.noticed(what, id, detail),
      }),
      (ack) => this.session.ackCheckpoint(ack),
    );
    lane.listen((signal) => this.#heard(signal));
    this.session.onGrants((change) => {
      if (!process.alive) return;
      this.check.grants(change);
      this.application.granted(change.all.map(({ stream_id }) => stream_id));
    });
  }

  /** Opens the store, follows what is wanted, and starts. */
  static async start(world: ClientWorld): Promise<Client> {
    const process = world.newProcess();
    const { path, limit } = world.storeFile;
    const store = await openCheckpointStore({
      file: path,
      scope: storeScope,
      synchronous: world.settings.synchronous,
      clock: process.ports.clock,
      random: process.ports.random,
      ...(limit === undefined ? {} : { max_bytes: limit }),
    });
    world.opened(store);
    const client = new Client(world, process, store);
    for (const id of world.wanted) client.application.follow(id);
    client.session.start();
    return client;
  }

  /** Appends of this life that have not settled. */
  get calls(): number {
    return this.#calls;
  }

  /** Appends an event as the client, and compares the receipt with the log. */
  append(streamId: string, key: string): void {
    const { report, server } = this.#world;
    const draft = draftEvent({ stream_id: streamId, kind: 'call', payload: { seq: key }, idempotency_key: key });
    this.#calls += 1;
    this.session
      .appendSyncEvent(draft, undefined, { deadlineMs: 10_000 })
      .then(
        ({ epoch, seq }) => {
          const found = server.log.life(streamId, epoch)?.events[Number(seq) - 1]?.idempotency_key;
          if (found !== key) report.fail('receipt', `${key} is said to be at ${epoch}:${seq}, where ${found} is.`);
          report.count('calls answered');
        },
        (error: unknown) => {
          const code = error instanceof Error && 'code' in error ? `${error.code}` : String(error);
          report.count(`calls refused: ${code}`);
        },
      )
      .finally(() => {
        this.#calls -= 1;
      });
  }

  #told(commit: Commit): void {
    if (!this.process.alive) return;
    this.#world.oracle.told(commit);
    this.application.stored(commit);
    this.#world.report.trace('store', () =>
      commit.changes
        .map(({ stream_id, epoch, expected_seq, seq }) => `told ${stream_id} ${epoch}:${expected_seq + 1n}-${seq}`)
        .join(', '),
    );
  }

  #heard(signal: LaneSignal): void {
    // The session of a process that has ended may still be in the middle of telling.
    if (!this.process.alive) return;
    this.#world.report.trace('client', () => signalText(signal));
    this.check.signal(signal);
    this.#world.heard(signal);
    this.application.signal(signal);
  }
}
