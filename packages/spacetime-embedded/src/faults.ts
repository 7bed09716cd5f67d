import type { Cancel, Scheduler } from '@autopilot/sync-contract';
import type { ServedDatabase } from './served-database.ts';
import type { Compression } from './wire/frame.ts';
import type { ConnectedClient } from './ws/connected-client.ts';

/** Ways to misbehave on purpose, so that clients can be tested against them. */
export interface FaultSettings {
  /** Answers every websocket upgrade with 503. */
  refuseUpgrades: boolean;
  /** Drops every new websocket right after its upgrade, as when the module refuses the client. */
  rejectConnects: boolean;
  /** Speaks v2 only. */
  onlyV2: boolean;
  /** Compresses by this algorithm whatever the client asked for. */
  forceCompression: Compression | undefined;
}

/** The faults of a running host. The settings may be changed at any time. */
export class Faults implements FaultSettings {
  refuseUpgrades = false;
  rejectConnects = false;
  onlyV2 = false;
  forceCompression: Compression | undefined = undefined;
  private readonly scheduler: Scheduler;
  private readonly databases: () => readonly ServedDatabase[];
  private readonly reload: () => Promise<void>;
  private resume: Cancel | undefined;

  constructor(
    scheduler: Scheduler,
    databases: () => readonly ServedDatabase[],
    reload: () => Promise<void>,
    settings: Partial<FaultSettings>,
  ) {
    this.scheduler = scheduler;
    this.databases = databases;
    this.reload = reload;
    Object.assign(this, settings);
  }

  /** Drops every websocket without a close frame. Gives their number. */
  dropConnections(): number {
    const clients = this.clients();
    for (const client of clients) client.drop();
    return clients.length;
  }

  /** Closes every websocket, 1001 unless another code is given. Gives their number. */
  closeConnections(code = 1001, reason = 'module exited'): number {
    const clients = this.clients();
    for (const client of clients) client.close(code, reason);
    return clients.length;
  }

  /** Loads the module of the database anew: every websocket on it is closed with 1001, module globals are lost, rows stay. */
  reloadModule(): Promise<void> {
    return this.reload();
  }

  /** Neither reads from nor writes to the websockets that are open now, for a time in milliseconds. */
  stall(milliseconds: number): void {
    this.resume?.();
    const stalled = this.clients();
    for (const client of stalled) client.stall(true);
    const resume = () => {
      cancel();
      for (const client of stalled) client.stall(false);
      this.resume = undefined;
    };
    const cancel = this.scheduler.after(milliseconds, resume);
    this.resume = resume;
  }

  private clients(): ConnectedClient[] {
    return this.databases().flatMap(({ clients }) => [...clients]);
  }
}
