import { createHash } from 'node:crypto';
import type { Cancel, Ports } from '@autopilot/sync-contract';
import type { EventTemplate } from '../event/event.ts';
import { tagValue } from '../event/event.ts';
import { nip90 } from '../jobs/nip90.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { QuorumPolicy } from '../outbox/quorum.ts';
import type { Kept, KeptStore } from './kept-store.ts';

/** What keeps events published is made of. */
export interface UpkeepParts {
  readonly kept: KeptStore;
  readonly outbox: Outbox;
  readonly ports: Ports;
  readonly relays: readonly string[];
  readonly quorum: QuorumPolicy;
  /** After so long an event is published again although it says the same, in milliseconds. */
  readonly refreshMs: number;
  /** Hears of an event that a later one replaces: what is pending of it need not go out any more. */
  readonly superseded?: (event_id: string) => void;
}

type Template = Omit<EventTemplate, 'created_at'>;

/** Between two looks at what is to be done, and between two rounds that publish something. */
const lookMs = 5_000;
const paceMs = 1_000;

/**
 * Keeps events that replace one another (kinds 10000 to 19999, and by their `d` tag 30000 to 39999) as their owner wants
 * them: published once per content, again when they are old, and deleted when they are not wanted any more. What the
 * owner has said nothing of is left alone.
 */
export class Upkeep {
  readonly counters = { published: 0, withdrawn: 0, failures: 0 };
  readonly #parts: UpkeepParts;
  readonly #wanted = new Map<number, readonly Template[]>();
  #cancel: Cancel = () => {};
  #isRunning = false;
  #isBusy = false;
  #isChanged = false;
  #roundAt = Number.NEGATIVE_INFINITY;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  /** From now on there are these events of a kind and no others. May be called before `start`. */
  want(kind: number, templates: readonly Template[]): void {
    this.#wanted.set(kind, templates);
    this.#isChanged = true;
    if (this.#isRunning && !this.#isBusy) this.#lookAfter(0);
  }

  start(): void {
    this.#isRunning = true;
    this.#lookAfter(0);
  }

  stop(): void {
    this.#isRunning = false;
    this.#cancel();
  }

  /** One round at a time, and none sooner than the pace: an owner that changes its mind often sends the last of it. */
  #lookAfter(milliseconds: number): void {
    const { scheduler, clock } = this.#parts.ports;
    this.#cancel();
    const pause = Math.max(milliseconds, this.#roundAt + paceMs - clock.monotonic());
    this.#cancel = scheduler.after(pause, () => void this.#round());
  }

  async #round(): Promise<void> {
    this.#isBusy = true;
    this.#isChanged = false;
    for (const [kind, templates] of this.#wanted) await this.#keep(kind, templates);
    this.#isBusy = false;
    if (this.#isRunning) this.#lookAfter(this.#isChanged ? 0 : lookMs);
  }

  async #keep(kind: number, templates: readonly Template[]): Promise<void> {
    const { kept, outbox } = this.#parts;
    const wanted = new Map(templates.map((template) => [coordinateOf(template, outbox.pubkey), template]));
    const rows = this.#guarded(() => kept.of(kind, outbox.pubkey)) ?? [];
    for (const [coordinate, template] of wanted) {
      const row = rows.find((one) => one.coordinate === coordinate);
      if (this.#isDue(row, this.#contentsOf(template))) await this.#publish(coordinate, template, row, 'published');
    }
    for (const row of rows) {
      if (row.state === 'withdrawn' || wanted.has(row.coordinate)) continue;
      const tags = [
        ['a', row.coordinate],
        ['k', `${kind}`],
      ];
      await this.#publish(row.coordinate, { kind: nip90.deletion, tags, content: '' }, row, 'withdrawn');
    }
  }

  #isDue(row: Kept | undefined, contents: string): boolean {
    // The contents of one that was withdrawn are those of its deletion.
    if (row === undefined || row.contents !== contents) return true;
    const age = this.#parts.ports.clock.now() - row.published_at_ms;
    // Below 0 the clock was set back: from when it is cannot be told.
    return age >= this.#parts.refreshMs || age < 0;
  }

  async #publish(coordinate: string, template: Template, row: Kept | undefined, state: Kept['state']): Promise<void> {
    const { kept, outbox, ports, relays, quorum, superseded } = this.#parts;
    const now = Math.trunc(ports.clock.now());
    // Of two with the same time relays keep that with the lower id: only a later one surely replaces what there is.
    const created_at = Math.max(Math.floor(now / 1000), (row?.created_at ?? -1) + 1);
    const key = `kept ${coordinate} ${created_at}`;
    this.#roundAt = ports.clock.monotonic();
    try {
      await outbox.enqueue({ key, template: { ...template, created_at }, relays, quorum }, ({ event }) =>
        kept.put({
          coordinate,
          state,
          contents: this.#contentsOf(template),
          created_at,
          published_at_ms: now,
          event_id: event.id,
        }),
      );
      this.counters[state] += 1;
      if (row !== undefined) superseded?.(row.event_id);
    } catch {
      // The file or the signer refuses: the next look tries again.
      this.counters.failures += 1;
    }
  }

  /** With where it goes: a relay that is new in the settings has nothing of it yet. */
  #contentsOf({ kind, tags, content }: Template): string {
    const relays = [...this.#parts.relays].sort();
    return createHash('sha256')
      .update(JSON.stringify([kind, tags, content, relays]))
      .digest('hex');
  }

  #guarded<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch {
      this.counters.failures += 1;
      return undefined;
    }
  }
}

/** What names all versions of an event: as in an `a` tag. */
function coordinateOf(template: Template, pubkey: string): string {
  const isAddressable = template.kind >= 30_000 && template.kind < 40_000;
  return `${template.kind}:${pubkey}:${isAddressable ? (tagValue(template, 'd') ?? '') : ''}`;
}
