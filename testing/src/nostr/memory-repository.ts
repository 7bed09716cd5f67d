import { type Event, EventRepository, EventType, EventUtils, type Filter } from '@nostr-relay/common';

/** What a relay keeps, in memory. It outlives the relay, so that one that comes back has its events. */
export class MemoryRepository extends EventRepository {
  /** Waited for before a query is answered: lets a test accept events while a REQ is being served. */
  beforeFind: (filter: Filter) => Promise<void> = async () => {};
  /** Hears of a deletion that was carried out; the relay then passes it on. */
  onDeletion: (event: Event) => Promise<void> = async () => {};
  readonly #events = new Map<string, Event>();
  readonly #replaceable = new Map<string, Event>();

  isSearchSupported(): boolean {
    return false;
  }

  upsert(event: Event): { isDuplicate: boolean } {
    if (this.#events.has(event.id)) return { isDuplicate: true };
    const slot = slotOf(event);
    if (slot !== undefined) {
      const previous = this.#replaceable.get(slot);
      if (previous !== undefined && !replaces(event, previous)) return { isDuplicate: true };
      if (previous !== undefined) this.#events.delete(previous.id);
      this.#replaceable.set(slot, event);
    }
    this.#events.set(event.id, event);
    return { isDuplicate: false };
  }

  /** NIP-09: what its author names goes, and the deletion itself stays, for who has a copy. */
  override async deleteByDeletionRequest(event: Event): Promise<void> {
    for (const [name, id = ''] of event.tags) {
      if (name === 'e' && this.#events.get(id)?.pubkey === event.pubkey) this.#events.delete(id);
      const slot = name === 'a' ? this.#replaceable.get(id) : undefined;
      if (slot?.pubkey === event.pubkey && slot.created_at <= event.created_at) this.#events.delete(slot.id);
    }
    if (!this.upsert(event).isDuplicate) await this.onDeletion(event);
  }

  async find(filter: Filter): Promise<Event[]> {
    // As a relay with a database: what is found is what was there when the query began.
    const found = this.stored().filter((event) => EventUtils.isMatchingFilter(event, filter));
    found.sort((a, b) => b.created_at - a.created_at || (a.id < b.id ? -1 : 1));
    await this.beforeFind(filter);
    return filter.limit === undefined ? found : found.slice(0, filter.limit);
  }

  /** Everything that is kept, oldest arrival first. */
  stored(): Event[] {
    return [...this.#events.values()];
  }

  /** The relay is stopped; what it keeps stays. */
  async destroy(): Promise<void> {}
}

function slotOf(event: Event): string | undefined {
  const type = EventUtils.getType(event.kind);
  if (type === EventType.REPLACEABLE) return `${event.kind}:${event.pubkey}`;
  if (type !== EventType.PARAMETERIZED_REPLACEABLE) return undefined;
  return `${event.kind}:${event.pubkey}:${event.tags.find(([name]) => name === 'd')?.[1] ?? ''}`;
}

/** NIP-01: the newer one stays; of two of the same second, the one with the lower id. */
function replaces(event: Event, previous: Event): boolean {
  if (event.created_at !== previous.created_at) return event.created_at > previous.created_at;
  return event.id < previous.id;
}
