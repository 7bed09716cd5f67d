import type { BridgeAnswer, BridgeStanding, BridgeWord } from '../../console/src/bridge-types.ts';
import type { BridgeHostStatus } from '../../src/bridge/bridge-host.ts';

/** The page's own words for an answer fit what control gives: a change of one that the other lacks does not compile. */
export const asThePageReadsIt = (status: BridgeHostStatus): BridgeAnswer => status;

/** A relay with an address that no table is made for. */
export const longRelay = `wss://relay-with-a-very-long-name.${'region-of-the-world.'.repeat(5)}example/${'inbox'.repeat(20)}`;

const counts = (relay: string, accepted: number, rest: Readonly<Record<string, number>>, since: number) =>
  Object.entries({ accepted, ...rest }).map(([state, number]) => ({
    ...{ relay, number, oldest_since_ms: since },
    state: state as BridgeWord['deliveries'][number]['state'],
  }));

/** A bridge that has something of everything, as of `now`; `over` says what is otherwise. */
export function bridgeScene(now: number, over: Partial<BridgeStanding> = {}): BridgeStanding {
  const far = 'wss://nostr.example';
  return {
    ...{ state: 'running', starts: 2, last_end: undefined, as_of: now, present: true },
    memory: { heap: 48_234_496, external: 3_145_728 },
    lane: { session: 'live', last_error: undefined, kinds: [5_050, 5_100], waiting: 3 },
    bridge: {
      relays: [
        { url: 'wss://relay-one.example', state: 'open', breaker: 'closed' },
        {
          ...{ url: longRelay, state: 'waiting', breaker: 'open' },
          lastLoss: { reason: 'connect-deadline', detail: 'Nobody answered within 10000 ms.' },
        },
        {
          ...{ url: 'wss://relay-three.example/path', state: 'connecting', breaker: 'half-open' },
          lastLoss: { reason: 'closed', detail: '' },
        },
      ],
      visiting: [{ url: far, state: 'open', breaker: 'closed' }],
      visits: { begun: 12, answered: 10, expired: 1 },
      deliveries: [
        ...counts('wss://relay-one.example', 10_412, { pending: 1, 'in-flight': 2 }, now - 4_000),
        ...counts(longRelay, 9_874, { pending: 531, rejected: 7, dead: 4 }, now - 754_000),
        ...counts(far, 3, { pending: 1 }, now - 9_000),
      ],
      standings: { open: 534, reached: 9_874, missed: 4 },
      jobs: [
        { role: 'customer', state: 'processing', number: 99 },
        { role: 'provider', state: 'done', number: 1_204 },
        { role: 'provider', state: 'processing', number: 3 },
        { role: 'provider', state: 'quoted', number: 2 },
      ],
      inbound: {
        ...{ accepted: 1_209, duplicate: 2_418, malformed: 0, 'wrong-id': 2, 'wrong-signature': 14, 'too-old': 3 },
        ...{ accept_failures: 100, store_failures: 100, known_signatures: 100 },
      },
    },
    ...over,
  };
}

/** A process that is over: what it said last, a while ago. */
export function endedScene(now: number): BridgeStanding {
  return bridgeScene(now - 310_000, {
    ...{ state: 'waiting', present: false, starts: 7, last_end: 'It said nothing for 10000 ms.' },
  });
}

/** The first process, before its first word. */
export const silentScene: BridgeStanding = { state: 'starting', starts: 1, as_of: null, present: false };

/** Such a status where control has a whole one: more than the page reads is read by nobody here. */
export const asStatus = (scene: BridgeStanding) => scene as unknown as BridgeHostStatus;
