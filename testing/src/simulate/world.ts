import { isCodedError, type LaneSignal, type SocketFactory } from '@autopilot/sync-contract';
import type { CheckpointStore } from '../../../packages/checkpoint/src/index.ts';
import { Sim } from '../fake-host/sim.ts';
import { Chance, seedFor } from './chance.ts';
import { Client, type ClientWorld } from './client.ts';
import { Control } from './control.ts';
import type { Disk } from './disk.ts';
import { Machine } from './machine.ts';
import { Network } from './network.ts';
import { type Ending, Oracle } from './oracle.ts';
import type { StoreFaults } from './owner-store.ts';
import type { Fault, Plan, Settings } from './plan.ts';
import { Process } from './process.ts';
import { Report } from './report.ts';
import { Server } from './server.ts';
import { StoreFile, type Written } from './store-file.ts';
import { Suspicion } from './suspicion.ts';
import type { Wiring } from './wiring.ts';

type Crash = Omit<Extract<Fault, { do: 'crash' }>, 'do'>;

/** Everything of one run: time, chance, host, network, control, and the client's machine with one process at a time. */
export class World implements ClientWorld {
  readonly sim: Sim;
  readonly settings: Settings;
  readonly wiring: Wiring;
  readonly disk: Disk;
  readonly report: Report;
  readonly machine: Machine;
  readonly control: Control;
  readonly network: Network;
  readonly server: Server;
  readonly oracle: Oracle;
  readonly suspicion: Suspicion;
  readonly wanted: Set<string>;
  readonly socket: SocketFactory;
  readonly storeFaults: StoreFaults = {
    armed: undefined,
    failures: [],
    logSize: () => this.storeFile.logSize,
    wrote: () => this.storeFile.wrote(),
    refused: (error) => {
      if (isCodedError(error) && error.code === 'disk_full') this.report.count('full disks');
    },
  };
  readonly storeFile: StoreFile;
  /** The process that runs; none between two lives. */
  client: Client | undefined;
  /** What has to be waited for before time goes on: it takes no simulated time. */
  busy: Promise<void> | undefined;
  readonly #seed: number;
  #lives = 0;
  #calls = 0;
  #ending: Ending | undefined;
  #isStopping = false;

  constructor(plan: Plan, disk: Disk, wiring: Wiring, traced: boolean) {
    const { seed, settings } = plan;
    this.#seed = seed;
    this.settings = settings;
    this.wiring = wiring;
    this.disk = disk;
    this.sim = new Sim(seedFor(seed, 'sim'));
    const start = this.sim.now;
    this.report = new Report(() => this.sim.now - start, traced);
    this.machine = new Machine(this.sim);
    this.control = new Control(this.machine, () => this.sim.now, settings.tokenLifeMs);
    this.network = new Network(this.sim, new Chance(seedFor(seed, 'network')), settings.latencyMs);
    const { sim, control, network, report } = this;
    const chance = new Chance(seedFor(seed, 'server'));
    this.server = new Server({ sim, settings, control, network, chance, report });
    this.oracle = new Oracle(this.server.log, this.report, settings.synchronous);
    this.suspicion = new Suspicion(this.report);
    this.wanted = new Set(settings.streams.map(({ id }) => id));
    this.storeFile = new StoreFile(disk, settings.synchronous, new Chance(seedFor(seed, 'power')));
    this.socket = (request, handlers) => {
      this.report.count('connections');
      this.report.trace('client', () => `opens a connection with ${request.headers.authorization}`);
      return this.server.host.socket(request, handlers);
    };
  }

  /** Starts the client, unless it runs. */
  start(): void {
    if (this.client !== undefined || this.busy !== undefined) return;
    this.#wait(async () => {
      this.client = await Client.start(this);
    });
  }

  newProcess(): Process {
    this.#lives += 1;
    return new Process(this.sim, this.machine, seedFor(this.#seed, `process ${this.#lives}`));
  }

  opened(store: CheckpointStore): void {
    const places = store.streams().map(({ stream_id, epoch, seq }) => `${stream_id} ${epoch}:${seq}`);
    this.report.trace('store', () => `opened: ${places.join(', ') || 'empty'}`);
    this.oracle.opened(store, this.#ending);
  }

  noticed(what: string, id: string, detail: string): void {
    this.report.count(what);
    this.report.trace('client', () => `${what}: ${id} ${detail}`);
    if (what === 'blocked') this.suspicion.blocked(id, detail);
    if (what === 'divergence') this.report.fail('divergence', `${id} differs from the host at ${detail}.`);
  }

  heard(signal: LaneSignal): void {
    if (signal.type === 'state') {
      this.report.count(`state ${signal.to}`);
      if (signal.to === 'needs-auth' || signal.to === 'failed') this.suspicion.terminal(signal.to, signal.reason);
    } else {
      this.report.count(`signal ${signal.type}`);
    }
  }

  /** An append by the client itself. */
  call(id: string): void {
    this.#calls += 1;
    if (!this.#isStopping) this.client?.append(id, `call-${this.#calls}`);
  }

  follow(id: string): void {
    this.wanted.add(id);
    if (!this.#isStopping) this.client?.application.follow(id);
  }

  unfollow(id: string): void {
    this.wanted.delete(id);
    if (!this.#isStopping) this.client?.application.unfollow(id);
  }

  /** A person lets the session try again, if it waits for one. */
  retryNow(): void {
    this.client?.check.retried();
    this.client?.session.retryNow();
  }

  /** Ends the client in order; it is started again after `downMs`, or not at all. */
  stop(downMs: number | undefined): void {
    const { client } = this;
    if (client === undefined || this.#isStopping) return;
    this.#isStopping = true;
    this.storeFaults.armed = undefined;
    this.report.trace('client', () => 'is closed');
    client.session.close().then(
      () => this.#stopped(client, downMs),
      (error: unknown) => this.report.fail('crash', `close() threw ${String(error)}.`),
    );
  }

  /** Ends the client at a step of its store, now if there is no such step before long. */
  crash(crash: Crash): void {
    if (this.client === undefined) return;
    const { step, point } = crash;
    const armed = { step, point, crash: (written?: Written) => this.#end(crash, written) };
    if (step === 'now') {
      armed.crash();
      return;
    }
    this.storeFaults.armed = armed;
    this.sim.after(5_000, () => {
      if (this.storeFaults.armed !== armed) return;
      this.storeFaults.armed = undefined;
      armed.crash();
    });
  }

  /** The file cannot grow for a while. */
  fillDisk(forMs: number): void {
    this.storeFile.isFull = true;
    this.stop(0);
    this.sim.after(forMs, () => this.#emptyDisk());
  }

  /** Everything is in order again, and a person has looked after what waits for one. */
  repair(): void {
    this.server.repair();
    this.network.repair();
    this.control.repair();
    this.machine.wake();
    this.storeFaults.armed = undefined;
    this.storeFaults.failures.length = 0;
    this.#emptyDisk();
    this.look();
  }

  /** A person looks after what waits for one. */
  look(): void {
    const { client } = this;
    if (client === undefined || this.#isStopping) return;
    client.application.unblock();
    if (client.session.state === 'needs-auth' || client.session.state === 'failed') this.retryNow();
  }

  /** The files of the run; the client has ended. */
  dispose(): void {
    const { client } = this;
    if (client !== undefined) {
      client.process.kill();
      this.#release(client, this.storeFile.path);
    } else {
      this.storeFile.remove();
    }
  }

  #emptyDisk(): void {
    if (!this.storeFile.isFull) return;
    this.storeFile.isFull = false;
    this.stop(0);
  }

  #stopped(client: Client, downMs: number | undefined): void {
    // It may have been killed on the way.
    if (this.client !== client) return;
    client.check.closed();
    client.application.close();
    const { timers, sockets, requests } = client.process.left;
    if (timers + sockets + requests > 0) {
      const left = `${timers} timers, ${sockets} sockets, ${requests} requests`;
      this.report.fail('clean-close', `After the close there are ${left}.`);
    }
    // What a caller has chained to its call runs a few promises later.
    this.sim.after(0, () => {
      if (client.calls > 0) this.report.fail('clean-close', `After the close ${client.calls} calls have not settled.`);
    });
    this.#judge(client);
    this.oracle.whole(client.store);
    this.oracle.ended();
    this.#over(client, 'closed');
    this.storeFile.closed();
    this.#wait(() => client.store.close());
    if (downMs !== undefined) this.#startIn(downMs);
  }

  /** The process is gone in the middle of whatever it was doing. */
  #end({ by, share, downMs }: Crash, written: Written | undefined): void {
    const { client } = this;
    if (client === undefined) return;
    const { old, kept, of } = this.storeFile.end(by, written, share);
    this.report.trace('client', () => `ends by ${by}, ${kept} of ${of} bytes of the log stay`);
    if (written !== undefined) this.report.count('torn writes');
    this.report.count(by === 'power' ? 'power losses' : 'kills');
    this.#judge(client);
    if (by === 'power') {
      client.process.vanish();
      this.server.freeze();
    } else {
      client.process.kill();
    }
    this.#over(client, by === 'power' ? 'power-lost' : 'killed');
    this.#release(client, old);
    this.#startIn(downMs);
  }

  /** What a session counted over its life. */
  #judge(client: Client): void {
    const { counters } = client.session.status();
    if (counters.illegal_transitions > 0 || counters.listener_errors > 0) {
      const found = `${counters.illegal_transitions} illegal transitions, ${counters.listener_errors} listener errors`;
      this.report.fail('transitions', `The session counted ${found}.`);
    }
    for (const name of counted) this.report.count(name.replaceAll('_', ' '), counters[name]);
  }

  #over(client: Client, ending: Ending): void {
    this.client = undefined;
    this.#isStopping = false;
    this.#ending = ending;
    this.storeFaults.armed = undefined;
    this.report.count('events applied', client.store.counts().committed_events);
  }

  #startIn(milliseconds: number): void {
    this.sim.after(milliseconds, () => this.machine.run(() => this.start()));
  }

  #release(client: Client, file: string): void {
    this.#wait(async () => {
      await client.store.close();
      this.disk.remove(file);
    });
  }

  #wait(task: () => Promise<void>): void {
    const before = this.busy;
    const busy = (async () => {
      await before;
      await task();
    })().finally(() => {
      if (this.busy === busy) this.busy = undefined;
    });
    this.busy = busy;
  }
}

/** Counters of a session that show what a run has come through. */
const counted = [
  'attempts',
  'refreshes',
  'refresh_failures',
  'pages_read',
  'replayed_events',
  'live_events',
  'duplicates',
  'gaps',
  'buffer_overflows',
  'head_repairs',
  'watch_repairs',
  'stalled_reads',
  'calls_resent',
  'stale_callbacks',
] as const;
