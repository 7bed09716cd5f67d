import type { StreamState } from '@autopilot/apply-engine';
import type { HostAddress } from '../host/bench-host.ts';
import { database, sessionTo } from '../host/connect-session.ts';
import { Applied } from '../wire/applied.ts';
import { officialBuilder, rowsOf } from '../wire/official-bindings.ts';

/** What a copy has to come to. */
export interface Goal {
  readonly seq: bigint;
  readonly chain: string;
}

/**
 * Reads from a position to the goal, as after a lost connection; the copy up to there lies in the reader's store. How many
 * events were applied.
 */
export async function resumeSession(address: HostAddress, from: StreamState, goal: Goal): Promise<number> {
  const session = sessionTo(address.counted, address.token);
  const applied = new Applied(from);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  session.listen((signal) => {
    if (signal.type === 'stream-closed') reject(new Error(signal.message));
    if (signal.type !== 'batch') return;
    applied.take(signal.events);
    if (BigInt(applied.rows) === goal.seq) resolve();
  });
  session.follow(from.stream_id, { epoch: from.epoch, seq: from.seq });
  session.start();
  await promise;
  await session.close();
  if (applied.chain !== goal.chain) throw new Error(`The copy has the chain ${applied.chain}, not ${goal.chain}.`);
  return applied.rows - Number(from.seq);
}

/** Connects the official client and subscribes; resolves when its cache has the rows. How many it has. */
export async function resubscribe(address: HostAddress, query: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const connection = officialBuilder({ table: 'public_event', primaryKey: false, event: false })
    .withUri(address.counted)
    .withDatabaseName(database)
    .withCompression('none')
    .withConfirmedReads(true)
    .withToken(address.token)
    .onConnectError((_context, error) => reject(error))
    .onDisconnect((_context, error) => reject(error ?? new Error('The official client was disconnected.')))
    .build();
  connection
    .subscriptionBuilder()
    .onApplied(() => resolve())
    .onError(() => reject(new Error(`The host refuses ${query}.`)))
    .subscribe([query]);
  await promise;
  const kept = Number(rowsOf(connection).count());
  connection.disconnect();
  return kept;
}
