import type { Cancel, Ports } from '@autopilot/sync-contract';
import { BridgeError } from '../errors.ts';
import type { Relay } from '../relay/relay.ts';
import type { Filter } from '../relay/relay-subscriptions.ts';
import type { BridgeFile } from '../store/bridge-file.ts';
import { prepare } from '../store/prepare.ts';
import type { Inbound } from './inbound.ts';

/** What is followed at a relay. */
export interface Following {
  readonly file: BridgeFile;
  readonly ports: Ports;
  readonly relay: Relay;
  readonly inbound: Inbound;
  /** Names the subscription, here and in the file: 1 to 60 characters. */
  readonly name: string;
  /** Without `since`, `until` and `limit`. */
  readonly filters: readonly Filter[];
  /** Seconds since the Unix epoch from which on events are asked for the first time. */
  readonly from: number;
  /** How far back every REQ reaches behind the last moment at which the subscription was known to be live, in seconds. */
  readonly overlapSeconds: number;
  /** How often that moment is written, in milliseconds. */
  readonly noteMs: number;
}

/**
 * Follows filters at a relay so that nothing is missed that the relay has: every REQ begins an overlap before the last
 * moment at which it was live, and after EOSE what came while it was being served is asked for once more, because relays
 * begin to deliver only then. What comes twice is the seen-set's.
 *
 * @throws {BridgeError} `invalid_option` when the overlap is shorter than the time in which a dead connection is found.
 */
export function follow(following: Following): Cancel {
  const { file, ports, relay, inbound, name, filters, from, overlapSeconds, noteMs } = following;
  const { silenceMs, eoseMs } = relay.settings;
  if (overlapSeconds * 1000 < silenceMs + eoseMs + noteMs) {
    throw new BridgeError('invalid_option', 'The overlap is shorter than a dead connection may go unnoticed.');
  }
  if (name.length === 0 || name.length > 60) throw new BridgeError('invalid_option', 'A name has 1 to 60 characters.');
  const liveness = livenessStatements(file);
  const stored = file.read('Reading liveness', () => liveness.read.get(relay.url, name)?.live_at);
  const seconds = () => Math.floor(ports.clock.now() / 1000);
  let liveAt = stored;
  let askedAt = 0;
  let isLive = false;
  let cancelNote: Cancel = () => {};
  let cancelAgain: Cancel = () => {};

  const since = (at: number | undefined) => (at === undefined ? from : Math.max(0, at - overlapSeconds));
  const asked = (at: number | undefined) => filters.map((filter) => ({ ...filter, since: since(at) }));
  const offer = (value: unknown, bytes: number) => inbound.offer(relay.url, value, bytes, filters);
  const note = () => {
    cancelNote = ports.scheduler.after(noteMs, note);
    if (!isLive || relay.state !== 'open') return;
    liveAt = seconds();
    try {
      file.transaction('Writing liveness', () => liveness.write.run(relay.url, name, liveAt ?? 0, liveAt ?? 0));
    } catch {
      // A file that refuses keeps the older moment: more is asked for again.
    }
  };
  const askAgain = () => {
    cancelAgain();
    const cancel = relay.subscribe({
      id: `${name}+`,
      filters: () => asked(askedAt),
      event: offer,
      eose: () => {
        cancel();
        isLive = true;
      },
      closed: ({ outcome }) => {
        if (outcome === 'rejected') isLive = false;
      },
    });
    cancelAgain = cancel;
  };
  const cancel = relay.subscribe({
    id: name,
    filters: () => {
      isLive = false;
      askedAt = seconds();
      return asked(liveAt);
    },
    event: offer,
    eose: askAgain,
    closed: () => {
      isLive = false;
    },
  });
  note();
  return () => {
    cancelNote();
    cancelAgain();
    cancel();
  };
}

function livenessStatements({ sqlite, db }: BridgeFile) {
  return {
    read: prepare<[relay: string, name: string], { live_at: number }>(sqlite, (place) =>
      db
        .selectFrom('liveness')
        .select('live_at')
        .where('relay', '=', place<string>())
        .where('subscription', '=', place<string>()),
    ),
    write: prepare<[relay: string, name: string, at: number, again: number]>(sqlite, (place) =>
      db
        .insertInto('liveness')
        .values({ relay: place<string>(), subscription: place<string>(), live_at: place<number>() })
        .onConflict((conflict) =>
          conflict.columns(['relay', 'subscription']).doUpdateSet({ live_at: place<number>() }),
        ),
    ),
  };
}
