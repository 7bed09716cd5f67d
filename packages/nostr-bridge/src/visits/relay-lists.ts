import type { Cancel, Ports } from '@autopilot/sync-contract';
import { readRelayList, relayListKind } from '../announce/relay-list.ts';
import type { NostrEvent } from '../event/event.ts';
import type { Inbound } from '../inbound/inbound.ts';
import type { Relay } from '../relay/relay.ts';

/** What looks for relay lists is made of. */
export interface RelayListsParts {
  readonly ports: Ports;
  readonly inbound: Pick<Inbound, 'offer'>;
  /** Where lists are asked for. */
  readonly relays: readonly Pick<Relay, 'url' | 'subscribe'>[];
  /** Keys whose list is remembered; that which was asked for longest ago is forgotten first. */
  readonly maxLists: number;
}

interface Entry {
  readonly askedAt: number;
  list: { readonly id: string; readonly created_at: number; readonly read: readonly string[] } | undefined;
}

/** Authors of one REQ, how long one may take, and how many wait for theirs. */
const authorsAtOnce = 100;
const askMs = 10_000;
const mostWaiting = 1_000;
/** A list that was asked for is not asked for again before. */
const freshMs = 3_600_000;

/** Where customers read, by their own lists of NIP-65: asked for when one is needed, remembered in memory, newest first. */
export class RelayLists {
  readonly #parts: RelayListsParts;
  readonly #entries = new Map<string, Entry>();
  readonly #waiting = new Set<string>();
  #cancels: Cancel[] = [];
  #isAsking = false;
  #isStopped = false;

  constructor(parts: RelayListsParts) {
    this.#parts = parts;
  }

  /** The list of a key will be needed. */
  want(pubkey: string): void {
    const { clock, scheduler } = this.#parts.ports;
    const known = this.#entries.get(pubkey);
    const isFresh = known !== undefined && clock.monotonic() - known.askedAt < freshMs;
    if (isFresh || this.#isStopped || this.#waiting.size >= mostWaiting) return;
    this.#waiting.add(pubkey);
    if (this.#isAsking) return;
    this.#isAsking = true;
    // Not in this turn: whoever comes with it is asked for with it.
    this.#cancels = [scheduler.after(0, () => this.#ask())];
  }

  /** Takes a list that was verified; of two that which replaces the other by NIP-01. */
  take({ id, pubkey, created_at, tags }: NostrEvent): void {
    const entry = this.#entries.get(pubkey);
    if (entry === undefined) return;
    const { list } = entry;
    const isOlder = list !== undefined && (list.created_at - created_at || (list.id < id ? 1 : -1)) > 0;
    if (!isOlder) entry.list = { id, created_at, read: readRelayList({ tags }).read };
  }

  /** Where a key reads; empty where that is not known. */
  readRelays(pubkey: string): readonly string[] {
    return this.#entries.get(pubkey)?.list?.read ?? [];
  }

  stop(): void {
    this.#isStopped = true;
    for (const cancel of this.#cancels.splice(0)) cancel();
  }

  #ask(): void {
    const { ports, relays, inbound } = this.#parts;
    const authors = [...this.#waiting].slice(0, authorsAtOnce);
    for (const author of authors) this.#remember(author);
    const filters = [{ kinds: [relayListKind], authors }];
    let open = relays.length;
    const finished = () => {
      open -= 1;
      if (open === 0) this.#next();
    };
    this.#cancels = [ports.scheduler.after(askMs, () => this.#next())];
    for (const relay of relays) {
      const cancel = relay.subscribe({
        id: 'lists',
        filters: () => filters,
        event: (value, bytes) => inbound.offer(relay.url, value, bytes, filters),
        eose: () => {
          cancel();
          finished();
        },
        // To be tried again it would be by the relay, as long as this question is open.
        closed: ({ outcome }) => {
          if (outcome === 'rejected') finished();
        },
      });
      this.#cancels.push(cancel);
    }
  }

  #next(): void {
    for (const cancel of this.#cancels.splice(0)) cancel();
    if (this.#waiting.size > 0) this.#cancels = [this.#parts.ports.scheduler.after(0, () => this.#ask())];
    else this.#isAsking = false;
  }

  #remember(pubkey: string): void {
    this.#waiting.delete(pubkey);
    const list = this.#entries.get(pubkey)?.list;
    this.#entries.delete(pubkey);
    this.#entries.set(pubkey, { askedAt: this.#parts.ports.clock.monotonic(), list });
    for (const [oldest] of this.#entries) {
      if (this.#entries.size <= this.#parts.maxLists) return;
      this.#entries.delete(oldest);
    }
  }
}
