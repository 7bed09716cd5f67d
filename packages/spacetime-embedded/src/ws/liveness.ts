import type { Cancel, Ports } from '@autopilot/sync-contract';
import type { Limits } from '../limits.ts';

/** Pings a client and finds out that it is gone. Only what comes in counts as life. */
export class Liveness {
  private readonly ports: Ports;
  private readonly limits: Pick<Limits, 'pingInterval' | 'idleTimeout'>;
  private readonly actions: { ping(): void; dead(): void };
  private lastHeard: number;
  private isPingOpen = false;
  private pingTimer: Cancel;
  private idleTimer: Cancel;

  constructor(
    ports: Ports,
    limits: Pick<Limits, 'pingInterval' | 'idleTimeout'>,
    actions: { ping(): void; dead(): void },
  ) {
    this.ports = ports;
    this.limits = limits;
    this.actions = actions;
    this.lastHeard = ports.clock.monotonic();
    this.pingTimer = this.pingLater();
    this.idleTimer = this.checkLater(limits.idleTimeout);
  }

  heard(): void {
    this.lastHeard = this.ports.clock.monotonic();
  }

  ponged(): void {
    this.isPingOpen = false;
    this.heard();
  }

  stop(): void {
    this.pingTimer();
    this.idleTimer();
  }

  private pingLater(): Cancel {
    return this.ports.scheduler.after(this.limits.pingInterval, () => {
      // One unanswered ping is enough to find out.
      if (!this.isPingOpen) this.actions.ping();
      this.isPingOpen = true;
      this.pingTimer = this.pingLater();
    });
  }

  private checkLater(delay: number): Cancel {
    const { idleTimeout } = this.limits;
    return this.ports.scheduler.after(delay, () => {
      const silence = this.ports.clock.monotonic() - this.lastHeard;
      if (silence >= idleTimeout) this.actions.dead();
      else this.idleTimer = this.checkLater(idleTimeout - silence);
    });
  }
}
