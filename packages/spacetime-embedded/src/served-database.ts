import type { EngineDatabase } from './engine/database.ts';
import { Subscriptions } from './subscription/subscriptions.ts';
import type { ConnectedClient } from './ws/connected-client.ts';

/** A database with the clients and the standing queries on it. */
export class ServedDatabase {
  readonly engine: EngineDatabase;
  readonly subscriptions: Subscriptions;
  readonly clients = new Set<ConnectedClient>();
  /** Those that have messages which wait for the disk. */
  readonly waiting = new Set<ConnectedClient>();
  private readonly closeListeners = new Set<() => void>();
  private readonly stopDurable: () => void;

  constructor(engine: EngineDatabase) {
    this.engine = engine;
    this.subscriptions = new Subscriptions(engine);
    this.stopDurable = engine.onDurable(() => {
      if (engine.failure !== undefined) {
        // Nothing will be confirmed any more, and no call be taken.
        for (const client of [...this.clients]) client.close(1011, 'the host cannot go on; see its log');
        return;
      }
      // Who is idle costs a commit nothing. Who has to wait again says so again.
      const clients = [...this.waiting];
      this.waiting.clear();
      for (const client of clients) client.wake();
    });
  }

  /** Called once, when it is closed. */
  onClose(listener: () => void): () => void {
    this.closeListeners.add(listener);
    return () => this.closeListeners.delete(listener);
  }

  /** Disconnects everybody with 1001 and closes the engine. */
  async close(): Promise<void> {
    for (const client of [...this.clients]) client.close(1001, 'module exited');
    for (const listener of this.closeListeners) listener();
    this.stopDurable();
    this.subscriptions.close();
    await this.engine.close();
  }
}
