import type { BridgeRelay, BridgeStanding, BridgeWord } from '../bridge-types.ts';
import type { Tone } from '../tones.ts';

/** A relay with what became of the deliveries for it. */
export interface RelayFacts {
  readonly relay: BridgeRelay;
  /** What the connection is called, and how that is meant. */
  readonly word: string;
  readonly tone: Tone;
  readonly accepted: number;
  readonly rejected: number;
  /** Those on their way to the relay among them. */
  readonly pending: number;
  readonly dead: number;
}

const connections: Readonly<Record<BridgeRelay['state'], readonly [string, Tone]>> = {
  idle: ['not connected', 'idle'],
  connecting: ['connecting', 'busy'],
  open: ['connected', 'good'],
  waiting: ['not connected', 'warn'],
  closed: ['not connected', 'idle'],
};

const processes: Readonly<Record<BridgeStanding['state'], readonly [string, Tone]>> = {
  idle: ['not started', 'idle'],
  starting: ['starting', 'busy'],
  running: ['running', 'good'],
  waiting: ['waits for its restart', 'warn'],
  closed: ['closed', 'idle'],
};

/** What the process is called, and how that is meant: one that runs and carries nothing anywhere is not good. */
export function processWord({ state, present, lane, bridge }: BridgeStanding): readonly [string, Tone] {
  const [word, tone] = processes[state] ?? [state, 'idle'];
  if (tone !== 'good') return [word, tone];
  if (!present) return [word, 'busy'];
  const carries = lane?.session === 'live' && bridge?.relays.some((relay) => relay.state === 'open') === true;
  return [word, carries ? 'good' : 'warn'];
}

/** The relays in the order of the settings. What is not present is no connection, and nothing of it is good. */
export function relayFacts(relays: readonly BridgeRelay[], { deliveries }: BridgeWord, present: boolean): RelayFacts[] {
  return relays.map((relay) => {
    const [word, tone] = connections[relay.state] ?? [relay.state, 'idle'];
    const of = (...states: readonly string[]) =>
      total(deliveries.filter((row) => row.relay === relay.url && states.includes(row.state)));
    return {
      relay,
      ...(present ? { word, tone } : { word: `was ${word}`, tone: 'idle' }),
      ...{ accepted: of('accepted'), rejected: of('rejected'), pending: of('pending', 'in-flight'), dead: of('dead') },
    };
  });
}

/** Since when the oldest delivery has been waiting, milliseconds since the Unix epoch; null when none waits. */
export function oldestPending({ deliveries }: BridgeWord): number | null {
  const since = deliveries.filter(({ state }) => state === 'pending').map((row) => row.oldest_since_ms);
  return since.length === 0 ? null : Math.min(...since);
}

/** Jobs of others by state, in the order in which a job goes. */
export function providerJobs({ jobs }: BridgeWord): readonly { readonly state: string; readonly number: number }[] {
  const order = ['offered', 'quoted', 'paid', 'processing', 'partial', 'done', 'error', 'cancelled', 'expired'];
  const rank = (state: string) => (order.includes(state) ? order.indexOf(state) : order.length);
  return jobs
    .filter(({ role, number }) => role === 'provider' && number > 0)
    .sort((a, b) => rank(a.state) - rank(b.state));
}

/** Counters of what came in that say nothing of a refusal. */
const notRefused = new Set(['accepted', 'duplicate', 'accept_failures', 'store_failures', 'known_signatures']);

/** Why events that came in were refused, and how many, most first. */
export function refusedBy({ inbound }: BridgeWord): readonly { readonly reason: string; readonly number: number }[] {
  return Object.entries(inbound)
    .filter(([reason, number]) => !notRefused.has(reason) && number > 0)
    .map(([reason, number]) => ({ reason, number }))
    .sort((a, b) => b.number - a.number || a.reason.localeCompare(b.reason));
}

/** Kinds that are announced now; null when that is not known: without its session with the database nothing is. */
export function announcedKinds({ lane, present }: BridgeStanding): readonly number[] | null {
  return present && lane?.session === 'live' ? lane.kinds : null;
}

/** Deliveries that are not over, for whichever relay. */
export function pendingDeliveries({ deliveries }: BridgeWord): number {
  return total(deliveries.filter(isPending));
}

/** Those of them for relays outside of the settings. */
export function pendingBeside({ relays, deliveries }: BridgeWord): number {
  const own = new Set(relays.map(({ url }) => url));
  return total(deliveries.filter((row) => !own.has(row.relay) && isPending(row)));
}

function isPending({ state }: BridgeWord['deliveries'][number]): boolean {
  return state === 'pending' || state === 'in-flight';
}

function total(rows: readonly { readonly number: number }[]): number {
  return rows.reduce((sum, { number }) => sum + number, 0);
}
