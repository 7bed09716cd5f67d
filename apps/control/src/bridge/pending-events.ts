import { BridgeError, type Bridge } from '@autopilot/nostr-bridge';
import {
  decodePendingBridgeEvent,
  type PendingBridgeEvent,
  type ReducerCall,
  reducers,
  type Session,
  viewQueries,
} from '@autopilot/session';
import { type Cancel, isCodedError, type Ports } from '@autopilot/sync-contract';
import { z } from 'zod';
import { describeIssues } from '../config/describe-issues.ts';

const payloadSchema = z.strictObject({
  kind: z.int().min(0).max(65_535),
  tags: z.array(z.array(z.string())),
  content: z.string(),
  created_at: z.int().min(0).optional(),
});

/** What is to be done again whose call failed, and events that a person has put back. */
const lookAgainMs = 5_000;
/** Mistakes of whoever wrote the event: the same again is refused again. */
const mistakes: ReadonlySet<string> = new Set(['invalid_event', 'invalid_option', 'idempotency_conflict']);

/**
 * Publishes what waits in the module's `bridge_outbox` for the transport `nostr`, and tells the module what became of it.
 * The module keeps what is pending, the bridge's own outbox what was signed: whatever dies, the same event is published
 * under the same id, and marked once its quorum is reached.
 */
export class PendingEvents {
  readonly counters = { published: 0, sent: 0, refused: 0, failures: 0 };
  readonly #session: Session;
  readonly #bridge: Bridge;
  readonly #ports: Ports;
  readonly #rows = new Map<string, PendingBridgeEvent>();
  /** Ids of Nostr by ids of the module. */
  readonly #published = new Map<string, string>();
  #isWorking = false;
  #isAskedFor = false;
  #cancel: Cancel = () => {};
  #stops: Cancel[] = [];

  constructor(session: Session, bridge: Bridge, ports: Ports) {
    this.#session = session;
    this.#bridge = bridge;
    this.#ports = ports;
  }

  /** Events that the module waits for; those of other transports are left to others. */
  get waiting(): number {
    return this.#rows.size;
  }

  start(): void {
    const subscription = this.#session.subscribe<PendingBridgeEvent>(
      [viewQueries.bridgePending],
      {
        batch: ({ changes }) => {
          for (const { deletes } of changes) for (const { event_id } of deletes) this.#forget(event_id);
          for (const { inserts } of changes) {
            for (const row of inserts) if (row.transport === 'nostr') this.#rows.set(row.event_id, row);
          }
          this.#look();
        },
      },
      (_table, row) => decodePendingBridgeEvent(row.readRest()),
    );
    this.#stops = [() => subscription.end(), this.#bridge.onStanding(() => this.#look())];
    const again = () => {
      this.#look();
      this.#cancel = this.#ports.scheduler.after(lookAgainMs, again);
    };
    again();
  }

  stop(): void {
    this.#cancel();
    for (const stop of this.#stops.splice(0)) stop();
    this.#rows.clear();
  }

  #forget(event_id: string): void {
    this.#rows.delete(event_id);
    this.#published.delete(event_id);
  }

  /** One look at a time; what changes during one is looked at by the next. */
  #look(): void {
    this.#isAskedFor = true;
    if (this.#isWorking) return;
    this.#isWorking = true;
    void this.#work().finally(() => {
      this.#isWorking = false;
    });
  }

  async #work(): Promise<void> {
    while (this.#isAskedFor) {
      this.#isAskedFor = false;
      const inOrder = [...this.#rows.values()].sort((a, b) => Number(a.created_at - b.created_at));
      for (const row of inOrder) {
        try {
          await this.#settle(row);
        } catch {
          // A file or a connection that refuses now: the next look tries again.
          this.counters.failures += 1;
        }
      }
    }
  }

  async #settle(row: PendingBridgeEvent): Promise<void> {
    const { event_id } = row;
    const id = this.#published.get(event_id) ?? (await this.#publish(row));
    if (id === undefined || this.#bridge.standing(id) !== 'reached') return;
    await this.#call(reducers.markBridgeEventSent(event_id, JSON.stringify({ nostr_id: id })));
    this.counters.sent += 1;
    this.#forget(event_id);
  }

  /** @returns the id of Nostr, or undefined when the event was refused for good. */
  async #publish({ event_id, payload }: PendingBridgeEvent): Promise<string | undefined> {
    const parsed = payloadSchema.safeParse(parsedJson(payload));
    if (!parsed.success) return this.#refuse(event_id, `The payload is no event: ${describeIssues(parsed.error)}.`);
    const { created_at, ...said } = parsed.data;
    const template = { ...said, ...(created_at === undefined ? {} : { created_at }) };
    try {
      const { event, isRepeated } = await this.#bridge.publish({ key: `lane ${event_id}`, template });
      if (!isRepeated) this.counters.published += 1;
      this.#published.set(event_id, event.id);
      return event.id;
    } catch (error) {
      if (!(error instanceof BridgeError && mistakes.has(error.code))) throw error;
      return this.#refuse(event_id, error.message);
    }
  }

  /** Said again it changes nothing, so it may be sent again. */
  #call({ reducer, args }: ReducerCall): Promise<void> {
    return this.#session.call(reducer, args, { idempotencyKey: reducer });
  }

  async #refuse(event_id: string, reason: string): Promise<undefined> {
    try {
      await this.#call(reducers.refuseBridgeEvent(event_id, reason.slice(0, 1_000)));
    } catch (error) {
      if (isCodedError(error) && error.recovery === 'retry') throw error;
    }
    this.counters.refused += 1;
    this.#forget(event_id);
    return undefined;
  }
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
